//! `mingjing demo` from its first line to its last.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use chrono::Utc;
use indicatif::{ProgressBar, ProgressStyle};
use mingjing_monitor::calendar::Calendar;
use mingjing_monitor::store::Store;
use tokio_util::sync::CancellationToken;

use super::camera_server::{CameraServer, Options, find_script};
use super::client::Client;
use super::county::{County, DemoCamera};
use super::edge::EdgeProcess;
use super::messages::{self, Robot};
use super::people::{self, Credentials, Staff};
use super::plan::Plan;
use super::setup::Served;
use super::state::{Progress, Secrets, State};
use super::stream::{Teller, Voice, tell};
use super::{files, history, setup};
use crate::app::App;
use crate::auth::secret;
use crate::auth::totp::SharedSecret;
use crate::cli::{CliError, serve};
use crate::clock::Clock;
use crate::config::Config;

/// What the demo is told on its command line.
#[derive(Debug, Clone)]
pub struct Demo {
    /// Cameras; 0 for none.
    pub cameras: usize,
    /// What the county is made from.
    pub seed: u64,
    /// Days of history.
    pub days: i64,
    /// Where the console listens.
    pub listen: SocketAddr,
    /// What the demo keeps.
    pub dir: PathBuf,
}

/// What stands before the console is started.
struct Ready {
    state: State,
    secrets: Secrets,
    plan: Plan,
    cameras: Option<CameraServer>,
    robot: Robot,
    worked_on: Option<String>,
    config: Config,
    tokens: setup::Tokens,
    edge: Option<setup::EdgeFiles>,
    people: Vec<setup::Person>,
    database: setup::Database,
}

impl Demo {
    /// Makes the county ready, serves the console and lets the county live until SIGTERM or SIGINT.
    ///
    /// # Errors
    /// One sentence that says what is in the way.
    pub async fn run(self, owner_url: &str, console_url: &str) -> Result<(), CliError> {
        let begun = Instant::now();
        // Before anything is changed: a port that is taken.
        let listener = serve::bind(self.listen).await?;
        let listen = listener.local_addr().unwrap_or(self.listen);
        let ready = self.prepare((owner_url, console_url), listen).await?;
        let Ready {
            state,
            secrets,
            plan,
            cameras,
            robot,
            worked_on,
            config,
            tokens,
            edge,
            people,
            database,
        } = ready;
        serve::log(&config)?;
        let app = serve::app(config, Clock::wall())?;
        let stopping = app.stopping().clone();
        let base = format!("http://{listen}");
        let client = Client::new(base.clone(), stopping.clone()).map_err(failed)?;
        let progress = self.progress(&state, &plan);
        let new = progress.next_day <= plan.calendar.date(progress.cut);
        let teller = Arc::new(Teller {
            plan,
            client,
            tokens: tokens.sources,
            load_token: tokens.load,
            progress: Mutex::new(progress),
            state,
        });
        let staff = staff(&base, &teller.plan.county, &people, &secrets);
        let messages = messages(&base, &secrets, robot.address, worked_on);
        let edge = edge.and_then(|files| {
            let started =
                EdgeProcess::start(&format!("ws://{listen}"), &files.config, &files.token);
            started
                .inspect_err(|error| eprintln!("demo: no edge: {error}"))
                .ok()
        });
        let answering = tokio::spawn(robot.serve(stopping.clone()));
        let living = tokio::spawn(live(
            app.clone(),
            Arc::clone(&teller),
            announcement(&base, &people, &secrets, cameras.is_some(), new),
            staff,
            messages,
            begun,
        ));
        let served = serve::run(app, listener).await;
        stopping.cancel();
        if let Some(edge) = edge {
            edge.stop().await;
        }
        answering.abort();
        let lived = living.await.unwrap_or_else(|error| Err(error.to_string()));
        if let Some(cameras) = cameras {
            cameras.stop().await;
        }
        drop(database);
        served?;
        lived.map_err(CliError::Failed)
    }

    async fn prepare(
        &self,
        (owner_url, console_url): (&str, &str),
        listen: SocketAddr,
    ) -> Result<Ready, CliError> {
        let state = State::open(&self.dir).map_err(|error| {
            CliError::Failed(format!(
                "the demo's directory {} cannot be used: {error}",
                self.dir.display()
            ))
        })?;
        let mut secrets: Secrets = state.load("secrets.json").unwrap_or_default();
        if secrets.camera.is_empty() {
            secrets.camera = secret::one_time_password();
        }
        let database = setup::database(owner_url, console_url)
            .await
            .map_err(failed)?;
        if database.new {
            state.forget("progress.json");
        }
        self.keep_seed(&state)?;
        let plan = Plan {
            county: County::new(self.seed),
            calendar: Calendar::default(),
        };
        let cameras = plan.county.cameras(self.cameras);
        let (server, store) = tokio::join!(
            self.start_cameras(&state, &plan.county, &cameras, &secrets.camera),
            Store::connect(&database.url)
        );
        let store = store.map_err(failed)?;
        let db = store.pool();
        // Items held long before the first case.
        let since = Utc::now() - chrono::TimeDelta::days(3 * 365);
        setup::import_county(db, &state, &plan.county, &cameras, since)
            .await
            .map_err(failed)?;
        // Not the last one, which fails now and then.
        let worked_on = cameras.first().filter(|_| cameras.len() > 1);
        let worked_on = worked_on.map(|camera| camera.id.clone());
        let robot = Robot::bind(&state).await.map_err(failed)?;
        let served: Vec<Served> = match &server {
            Some(server) => cameras
                .into_iter()
                .map(|camera| Served {
                    url: format!("{}{}", server.url, camera.id),
                    sub_url: camera
                        .sub
                        .then(|| format!("{}{}-sub", server.url, camera.id)),
                    regions: server.regions.get(&camera.id).cloned(),
                    camera,
                })
                .collect(),
            None => Vec::new(),
        };
        let file = setup::config(
            &state,
            listen,
            &database.url,
            robot.address,
            &plan.county,
            &served,
            &secrets.camera,
        )
        .map_err(failed)?;
        let config = Config::load(Some(&file))?;
        let people = setup::people(&plan.county);
        setup::accounts(db, &state, &mut secrets, &config, &people)
            .await
            .map_err(failed)?;
        setup::maintenance(db, &people, Utc::now())
            .await
            .map_err(failed)?;
        let town = served.iter().find_map(|one| one.camera.edge.clone());
        let tokens = setup::sources_and_tokens(db, &state, &mut secrets, town.as_deref())
            .await
            .map_err(failed)?;
        let files = |(town, token): (&String, &String)| {
            let password = &secrets.camera;
            setup::edge_files(&state, &plan.county, town, &served, password, token)
        };
        let edge = town.as_ref().zip(tokens.edge.as_ref()).map(files);
        let edge = edge.transpose().map_err(failed)?;
        db.close().await;
        Ok(Ready {
            state,
            secrets,
            plan,
            cameras: server,
            robot,
            worked_on,
            config,
            tokens,
            edge,
            people,
            database,
        })
    }

    /// A directory holds one county: another seed would tell another story under the same case numbers.
    fn keep_seed(&self, state: &State) -> Result<(), CliError> {
        match state
            .load::<u64>("seed.json")
            .filter(|_| state.path("progress.json").exists())
        {
            Some(kept) if kept != self.seed => Err(CliError::Usage(format!(
                "the county in {} was made with --seed {kept}: use that, or another directory (MINGJING_STATE) and database",
                self.dir.display()
            ))),
            _ => state
                .save("seed.json", &self.seed)
                .map(|_| ())
                .map_err(failed),
        }
    }

    /// The cameras are no condition: without them the county lives on, and says so.
    async fn start_cameras(
        &self,
        state: &State,
        county: &County,
        cameras: &[DemoCamera],
        password: &str,
    ) -> Option<CameraServer> {
        if cameras.is_empty() {
            return None;
        }
        let started = async {
            let script = find_script().ok_or(
                "scripts/demo-cameras was not found: start the demo in the project's directory",
            )?;
            let scenes = state
                .save("scenes.json", &files::scenes(county, cameras))
                .map_err(|error| error.to_string())?;
            let options = Options {
                scenes: &scenes,
                port: 0,
                password,
                seed: self.seed,
                failing: cameras.len(),
            };
            CameraServer::start(&script, &options).await
        };
        match started.await {
            Ok(server) => Some(server),
            Err(error) => {
                eprintln!("demo: no cameras: {error}");
                None
            }
        }
    }

    fn progress(&self, state: &State, plan: &Plan) -> Progress {
        state.load("progress.json").unwrap_or_else(|| {
            let now = Utc::now();
            Progress::new(now, plan.calendar.date(now), self.days)
        })
    }
}

/// The codes of this moment, for a visitor without an authenticator: what `mingjing demo --codes` prints.
///
/// # Errors
/// When no demo was started with this directory.
pub fn codes(dir: &Path) -> Result<String, CliError> {
    let file = dir.join("secrets.json");
    let secrets: Option<Secrets> = std::fs::read(&file)
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let secrets = secrets.ok_or_else(|| {
        CliError::Failed(format!(
            "{} is not there: start the demo first, with the same MINGJING_STATE",
            file.display()
        ))
    })?;
    let now = Utc::now();
    let mut text = String::new();
    for (login, secret) in &secrets.second_factors {
        if let Some(secret) = SharedSecret::parse(secret) {
            text.push_str(&format!("{login:<16} {}\n", secret.code(now)));
        }
    }
    let left = 30 - now.timestamp().rem_euclid(30);
    text.push_str(&format!(
        "new codes in {left} s; each is good once, and for half a minute more"
    ));
    Ok(text)
}

fn failed(error: impl std::fmt::Display) -> CliError {
    CliError::Failed(error.to_string())
}

/// Address and accounts, as the first lines that a visitor reads.
fn announcement(
    base: &str,
    people: &[setup::Person],
    secrets: &Secrets,
    cameras: bool,
    new: bool,
) -> String {
    let mut text = format!(
        "\n  明镜县 Mingjing County is open:  {base}/\n\n    {:<10} {:<18} {:<34} \n",
        "account", "password", "second factor"
    );
    for person in people.iter().filter(|person| !person.what.is_empty()) {
        let of =
            |map: &BTreeMap<String, String>| map.get(person.login).cloned().unwrap_or_default();
        text.push_str(&format!(
            "    {:<10} {:<18} {:<34} {}\n",
            person.login,
            of(&secrets.accounts),
            of(&secrets.second_factors),
            person.what
        ));
    }
    text.push_str(&format!(
        "\n  The second factor is a secret for an authenticator (TOTP). Without one, this prints the codes of the moment:\n    {} demo --codes\n",
        std::env::current_exe().map_or_else(|_| "mingjing".into(), |path| path.display().to_string())
    ));
    if !cameras {
        text.push_str("\n  There are no pictures: the camera server does not run (see above).\n");
    }
    if new {
        text.push_str("\n  Its history is still being loaded, which takes some minutes: until then the pages count only what is in.\n");
    }
    text.push_str("\n  Ctrl-C ends it; the next start goes on where this one stops.\n");
    text
}

/// What somebody signs in with, where it is known.
fn credentials(secrets: &Secrets, login: &str) -> Option<Credentials> {
    Some(Credentials {
        login: login.to_owned(),
        password: secrets.accounts.get(login)?.clone(),
        second_factor: secrets
            .second_factors
            .get(login)
            .and_then(|text| SharedSecret::parse(text)),
    })
}

/// Who sets up what goes out, and work on a camera.
fn messages(
    base: &str,
    secrets: &Secrets,
    robot: SocketAddr,
    camera: Option<String>,
) -> Option<messages::Setup> {
    Some(messages::Setup {
        base: base.to_owned(),
        sysadmin: credentials(secrets, "sysadmin")?,
        leader: credentials(secrets, "leader")?,
        robot,
        camera,
    })
}

/// The staff at the desks, where their passwords are known.
fn staff(
    base: &str,
    county: &County,
    people: &[setup::Person],
    secrets: &Secrets,
) -> Option<Staff> {
    let desk = |login: &str| credentials(secrets, login);
    let visitors = people
        .iter()
        .find(|person| person.login == setup::VISITORS_MANAGER)?;
    Some(Staff {
        base: base.to_owned(),
        manager: desk(setup::STAFF_MANAGER)?,
        inspector: desk(setup::STAFF_INSPECTOR)?,
        drafter: desk(setup::STAFF_DRAFTER)?,
        leader: desk(setup::STAFF_LEADER)?,
        visitors: visitors.hall.clone(),
        seed: county.seed,
    })
}

/// Lets the county live: its portal at once, its halls when their past is loaded.
async fn live(
    app: App,
    teller: Arc<Teller>,
    announcement: String,
    staff: Option<Staff>,
    messages: Option<messages::Setup>,
    begun: Instant,
) -> Result<(), String> {
    if !teller.client.ready().await {
        return Ok(());
    }
    eprintln!("{announcement}");
    eprintln!("demo: ready after {:.1} s", begun.elapsed().as_secs_f64());
    let loaded = CancellationToken::new();
    let halls = async {
        if !load_history(&teller).await? {
            return Ok(());
        }
        loaded.cancel();
        tell(&teller, Voice::Halls).await
    };
    let desks = async {
        match &staff {
            Some(staff) => people::work(staff, &loaded, app.stopping()).await,
            None => Ok(()),
        }
    };
    let outside = async {
        // What the past would have sent is no news.
        let Some(messages) = &messages else {
            return Ok(());
        };
        tokio::select! {
            () = app.stopping().cancelled() => return Ok(()),
            () = loaded.cancelled() => {}
        }
        tokio::select! {
            () = app.stopping().cancelled() => {}
            made = messages.make() => if let Err(error) = made {
                tracing::warn!(error, "the demo sends no messages");
            },
        }
        Ok(())
    };
    let done = tokio::try_join!(halls, desks, outside, tell(&teller, Voice::Portal)).map(|_| ());
    // The county cannot go on: neither may a console that looks as if it did.
    if done.is_err() {
        app.stopping().cancel();
    }
    done
}

/// Loads what is missing of the history, with its progress on the terminal. False: the console is stopping.
async fn load_history(teller: &Teller) -> Result<bool, String> {
    let progress = teller.progress();
    let last = teller.plan.calendar.date(progress.cut);
    if progress.next_day > last {
        return Ok(true);
    }
    let days = (last - progress.next_day).num_days().unsigned_abs() + 1;
    let bar = ProgressBar::new(days);
    if let Ok(style) = ProgressStyle::with_template("demo: history {bar:30} {msg} ({eta} left)") {
        bar.set_style(style);
    }
    let begun = Instant::now();
    let mut events = 0;
    let done = |day, posted| {
        events += posted;
        bar.inc(1);
        bar.set_message(format!(
            "{day}, {:.0} events/s",
            events as f64 / begun.elapsed().as_secs_f64()
        ));
        let next_day = day + chrono::TimeDelta::days(1);
        teller.note(|progress| progress.next_day = next_day)
    };
    let span = (progress.next_day, last, progress.cut);
    let finished =
        history::load(&teller.plan, &teller.client, &teller.load_token, span, done).await?;
    bar.finish_and_clear();
    if finished {
        let seconds = begun.elapsed().as_secs_f64();
        eprintln!(
            "demo: {days} days of history, {events} events, in {seconds:.0} s ({:.0}/s)",
            events as f64 / seconds
        );
    }
    Ok(finished)
}
