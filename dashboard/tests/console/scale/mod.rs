//! How long the figures of a large county take to read, and from what: overview, rankings, statistics and a bulletin's numbers, over five million
//! events (`MINGJING_SCALE` says how many; `make bench` takes more; `MINGJING_SCALE_DATABASE` names a database that is kept for the next time). No plan may read a hypertable, and the figures must be those of the cases. How long
//! each took is told beside its bound, and never fails the test: machines are shared.

mod load;
mod plans;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use chrono::{DateTime, Datelike, Months, NaiveDate, TimeDelta, Utc};
use mingjing_dashboard::app::App;
use mingjing_dashboard::bulletin::{Of, figures::Figures};
use mingjing_dashboard::statistics::NAMES;
use mingjing_dashboard::{server, store};
use mingjing_monitor::store::testing::TestDatabase;
use sqlx::AssertSqlSafe;

use crate::common::{COUNTY, Console, Person};

/// Events that are made up where nothing else is asked for.
const EVENTS: i64 = 5_000_000;
/// What the 95th part of a hundred of each figure is to stay under, in milliseconds.
const BOUND: f64 = 50.0;
/// Longer than closing ten years of months takes.
const PATIENCE: Duration = Duration::from_secs(1800);
/// A town of the county that is loaded.
const TOWN: &str = "S01";

/// A figure that is asked for.
enum Figure {
    Page(String),
    Bulletin(Of),
}

impl Figure {
    async fn read(&self, console: &Console, person: &Person) {
        match self {
            Self::Page(path) => {
                let (status, answer) = console.get(path, person).await;
                assert_eq!(status, StatusCode::OK, "{path}: {answer}");
            }
            Self::Bulletin(of) => drop(Figures::read(&console.app, of).await.unwrap()),
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Page(path) => path.replace("/api/v1/", ""),
            Self::Bulletin(of) => format!("bulletin {}", of.name()),
        }
    }
}

/// Every figure, of a month, a quarter and a year.
fn figures(app: &App, now: DateTime<Utc>) -> Vec<Figure> {
    let today = (now + TimeDelta::hours(8)).date_naive();
    let month = |back: u32| today.with_day(1).unwrap() - Months::new(back);
    let mut paths = vec!["overview".to_owned(), format!("overview?hall={TOWN}")];
    for level in ["county", "town", "village"] {
        for back in [0, 1] {
            let month = month(back).format("%Y-%m");
            paths.push(format!("rankings?level={level}&month={month}"));
        }
    }
    let span = |from: NaiveDate, to: NaiveDate| format!("from={from}&to={to}");
    let days = |n: i64| span(today - TimeDelta::days(n - 1), today);
    // Days that are no whole months are the dearest; a month and a year of the calendar are what is asked most.
    let spans = [
        days(30),
        span(month(1), month(0).pred_opt().unwrap()),
        days(92),
        days(365),
        span(month(12), month(0).pred_opt().unwrap()),
    ];
    for span in &spans {
        for name in NAMES {
            let every = matches!(name, "volumes" | "durations" | "timeliness" | "ratings");
            let by = if every {
                &["time", "hall", "unit", "item"][..]
            } else {
                &["time"]
            };
            paths.extend(
                by.iter()
                    .map(|by| format!("statistics/{name}?{span}&by={by}")),
            );
        }
        for narrow in ["hall=S01", "unit=U00", "item=I000"] {
            for name in [
                "volumes",
                "durations",
                "bottleneck",
                "channels",
                "levels",
                "variants",
            ] {
                let by = if name == "durations" { "item" } else { "time" };
                paths.push(format!("statistics/{name}?{span}&{narrow}&by={by}"));
            }
        }
    }
    let pages = paths
        .into_iter()
        .map(|path| Figure::Page(format!("/api/v1/{path}")));
    let bulletins = [None, Some(TOWN)].map(|town| Of::new(app, month(1), town).unwrap());
    pages.chain(bulletins.map(Figure::Bulletin)).collect()
}

/// Signed in at a console that was just started on what was loaded; its connections plan aloud where `plans` are asked for.
async fn again(console: &mut Console, plans: bool) {
    let url = console.app.config().database.url.clone().unwrap();
    let (role, database): (String, String) =
        sqlx::query_as("SELECT current_user::text, current_database()::text")
            .fetch_one(console.app.db())
            .await
            .unwrap();
    for sql in plans::settings(&role, &database, plans) {
        sqlx::query(AssertSqlSafe(sql))
            .execute(console.owner())
            .await
            .unwrap();
    }
    let db = store::pool(&url, 4).unwrap();
    console.app = App::new(console.app.config().clone(), db, None);
    console.app.reload_directory().await.unwrap();
    console.service = server::service(&console.app);
}

/// The writer closes the months that are over, as it would have in time.
async fn months_close(console: &Console, now: DateTime<Utc>) {
    console.app.engine().reload();
    let today = (now + TimeDelta::hours(8)).date_naive();
    let last = today.with_day(1).unwrap() - Months::new(2);
    let mut ticks = tokio::time::interval(Duration::from_millis(100));
    let closed = "SELECT EXISTS (SELECT FROM month_step WHERE month = $1 AND step = 'close')";
    let all = async {
        while !sqlx::query_scalar::<_, bool>(closed)
            .bind(last)
            .fetch_one(console.owner())
            .await
            .unwrap()
        {
            ticks.tick().await;
        }
    };
    tokio::time::timeout(PATIENCE, all).await.unwrap();
}

fn number(name: &str) -> Option<i64> {
    let text = std::env::var(name).ok()?;
    let number = text.replace('_', "").parse();
    Some(number.unwrap_or_else(|_| panic!("{name} is no number: {text}")))
}

/// A database of this test's own, or the one named by `MINGJING_SCALE_DATABASE`, which stays.
async fn database() -> TestDatabase {
    match std::env::var("MINGJING_SCALE_DATABASE") {
        Ok(name) => TestDatabase::by_name(&name).await,
        Err(_) => TestDatabase::new().await,
    }
}

#[tokio::test]
async fn figures_of_a_large_county_are_read_from_roll_ups_and_none_from_events() {
    let rounds = number("MINGJING_SCALE_ROUNDS").unwrap_or(2);
    let mut console = Console::start_on(database().await, |_| {}).await;
    // Before the first look at months: those of a trial run never close.
    console.end_trial_run().await;
    let now = Utc::now();
    // Not who asked an earlier time: that console's key is gone.
    let login = format!("li-{}", now.timestamp());
    console.account(&login, "inspector", COUNTY, None).await;
    let recount = std::env::var_os("MINGJING_SCALE_RECOUNT").is_some();
    let asked = (number("MINGJING_SCALE"), EVENTS);
    let loaded = load::loaded(console.owner(), asked, recount, now).await;
    months_close(&console, now).await;

    let told = plans::Told::listen();
    again(&mut console, true).await;
    let li = console.sign_in(&login).await;
    for figure in figures(&console.app, now) {
        told.clear();
        figure.read(&console, &li).await;
        let plans = told.take();
        assert!(!plans.is_empty(), "{}: no plan was told", figure.name());
        for plan in plans {
            assert!(
                !plans::reads_a_hypertable(&plan),
                "{}: {plan}",
                figure.name()
            );
        }
    }
    // That a plan which does is noticed.
    told.clear();
    let raw = "SELECT hall, type, count(*) FROM case_event WHERE time >= $1 GROUP BY 1, 2";
    let year = now - TimeDelta::days(365);
    sqlx::query(raw)
        .bind(year)
        .fetch_all(console.app.db())
        .await
        .unwrap();
    assert!(
        told.take()
            .iter()
            .any(|plan| plans::reads_a_hypertable(plan))
    );

    again(&mut console, false).await;
    let li = console.sign_in(&login).await;
    the_figures_are_those_of_the_cases(&console, &li, now).await;
    let begun = Instant::now();
    sqlx::query(raw)
        .bind(year)
        .fetch_all(console.app.db())
        .await
        .unwrap();
    let from_events = begun.elapsed();
    let mut took: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    let figures = figures(&console.app, now);
    for _ in 0..=rounds {
        for figure in &figures {
            let begun = Instant::now();
            figure.read(&console, &li).await;
            let milliseconds = begun.elapsed().as_secs_f64() * 1e3;
            took.entry(figure.name()).or_default().push(milliseconds);
        }
    }
    println!(
        "{} events, {} cases, {} months; volumes of a year counted from events: {from_events:.0?}",
        loaded.events, loaded.cases, loaded.months
    );
    println!(
        "{:>8} {:>8}  of {rounds} rounds; to reach: p95 ≤ {BOUND} ms",
        "p50 ms", "p95 ms"
    );
    let mut missed = 0;
    for figure in &figures {
        // The first one fills caches.
        let mut times = took[&figure.name()][1..].to_vec();
        times.sort_by(f64::total_cmp);
        let part = |part: f64| {
            times[((times.len() as f64 * part).ceil() as usize).clamp(1, times.len()) - 1]
        };
        let short = part(0.95) > BOUND;
        missed += usize::from(short);
        let mark = if short { "  MISSED" } else { "" };
        println!(
            "{:>8.1} {:>8.1}  {}{mark}",
            part(0.5),
            part(0.95),
            figure.name()
        );
    }
    println!(
        "{missed} of {} figures took longer than {BOUND} ms",
        figures.len()
    );
}

/// What two statistics say of 30 days, counted from the cases.
async fn the_figures_are_those_of_the_cases(console: &Console, li: &Person, now: DateTime<Utc>) {
    let today = (now + TimeDelta::hours(8)).date_naive();
    let from = today - TimeDelta::days(29);
    let (accepted, decided): (i64, i64) = sqlx::query_as(
        "SELECT count(*) FILTER (WHERE (accepted_at AT TIME ZONE 'Asia/Shanghai')::date BETWEEN $1 AND $2),
                count(*) FILTER (WHERE (decided_at AT TIME ZONE 'Asia/Shanghai')::date BETWEEN $1 AND $2 AND status <> 'withdrawn')
         FROM case_state",
    )
    .bind(from)
    .bind(today)
    .fetch_one(console.owner())
    .await
    .unwrap();
    for by in ["time", "hall", "unit", "item"] {
        for (name, counted) in [("volumes", accepted), ("durations", decided)] {
            let path = format!("/api/v1/statistics/{name}?from={from}&to={today}&by={by}");
            let (_, table) = console.get(&path, li).await;
            let whole = table["rows"].as_array().unwrap().last().unwrap();
            assert_eq!(whole[1].as_f64(), Some(counted as f64), "{path}");
        }
    }
    let path = format!("/api/v1/statistics/distribution?from={from}&to={today}");
    let (_, table) = console.get(&path, li).await;
    let rows = table["rows"].as_array().unwrap().iter();
    let all: f64 = rows.map(|row| row[1].as_f64().unwrap()).sum();
    assert_eq!(all, decided as f64, "{path}");
}
