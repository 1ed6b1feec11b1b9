//! The walk: what the table says of a route, a role and a place is what the console answers.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use axum::http::{Method, StatusCode};
use chrono::{TimeDelta, Utc};
use mingjing_alerts::store::attachments::With;
use mingjing_dashboard::api;
use mingjing_dashboard::auth::Stage;
use mingjing_dashboard::policy::{Access, Role, Row, Subject, TABLE, Verb, row};
use mingjing_ingest::Ingest;
use mingjing_ingest::camera::Secret;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::sockets;
use super::world::{Caller, Place, World};
use crate::common::{COUNTY, Person, TOWN_1};

/// What the table says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// 401
    Unknown,
    /// 403
    Refused,
    /// 404, as if it were not there.
    Absent,
    /// Anything that the handler itself has to say.
    Reached,
}

impl Verdict {
    fn expected(row: &Row, caller: &Caller, place: Option<Place>) -> Self {
        let Some(role) = caller.role() else {
            return match row.access {
                Access::Public => Self::Reached,
                _ => Self::Unknown,
            };
        };
        if !row.access.admits(role) {
            // The intake knows source tokens and nobody else.
            return match row.access {
                Access::Intake => Self::Unknown,
                _ => Self::Refused,
            };
        }
        // Whoever walks is signed in: the steps before are behind them.
        if !row.access.stages().contains(&Stage::Open) {
            return Self::Unknown;
        }
        // Everybody here stands over a town.
        if row.subject == Subject::County {
            return Self::Refused;
        }
        match place {
            Some(place) if !covers(role, row.subject, place) => Self::Absent,
            _ => Self::Reached,
        }
    }

    fn of(status: StatusCode) -> Self {
        match status.as_u16() {
            401 => Self::Unknown,
            403 => Self::Refused,
            404 => Self::Absent,
            429 => panic!("the console says that the walk is too fast"),
            500 => panic!("the console failed by its own fault"),
            _ => Self::Reached,
        }
    }
}

/// Whether a role over the first town stands over a subject at this place (domain.md, chapter 9).
fn covers(role: Role, subject: Subject, place: Place) -> bool {
    // Wherever it is, what the sample names is another's.
    if matches!(subject, Subject::Session | Subject::Subscription) {
        return false;
    }
    let by_unit = matches!(
        subject,
        Subject::Case | Subject::Card | Subject::Order | Subject::Camera | Subject::Absence
    );
    match place {
        Place::Inside => true,
        Place::Below => role != Role::Clerk,
        Place::Beside => !(by_unit && matches!(role, Role::UnitHead | Role::Clerk)),
        Place::Above => subject == Subject::Publication,
        Place::Outside => false,
    }
}

/// The subjects that stand at each place.
struct Subjects {
    cards: BTreeMap<&'static str, i64>,
    orders: BTreeMap<&'static str, i64>,
    /// Files that go with the card and the order there.
    files: BTreeMap<&'static str, [i64; 2]>,
    maintenance: BTreeMap<&'static str, i64>,
    absences: BTreeMap<&'static str, i64>,
    accounts: BTreeMap<&'static str, i64>,
    tokens: BTreeMap<&'static str, i64>,
    channels: BTreeMap<&'static str, i64>,
    /// One of somebody else's.
    session: i64,
    /// One of somebody else's.
    subscription: i64,
}

impl Subjects {
    async fn place(world: &World) -> Self {
        let mut subjects = Self {
            cards: BTreeMap::new(),
            orders: BTreeMap::new(),
            files: BTreeMap::new(),
            maintenance: BTreeMap::new(),
            absences: BTreeMap::new(),
            accounts: BTreeMap::new(),
            tokens: BTreeMap::new(),
            channels: BTreeMap::new(),
            session: 0,
            subscription: 0,
        };
        for place in Place::ALL {
            let word = place.word();
            let login = format!("account-{word}");
            world
                .console
                .account(&login, "leader", place.hall(), None)
                .await;
            let name = format!("token-{word}");
            let (token, _) = world.token(Role::Reader, place.hall(), &name).await;
            let card = world.card(&place.case()).await;
            subjects.cards.insert(word, card);
            let order = world.order(place).await;
            subjects.orders.insert(word, order);
            let of_card = world.file(With::Card(card)).await;
            let of_order = world.file(With::Order(order)).await;
            subjects.files.insert(word, [of_card, of_order]);
            let planned = world.maintenance(place.hall()).await;
            subjects.maintenance.insert(word, planned);
            world.bulletin(place.hall()).await;
            let absence = world.absence(place).await;
            subjects.absences.insert(word, absence);
            subjects.accounts.insert(word, world.account(&login).await);
            subjects.tokens.insert(word, token);
            let channel = world
                .channel(&format!("channel-{word}"), place.hall())
                .await;
            subjects.channels.insert(word, channel);
        }
        subjects.subscription = world
            .subscription(subjects.channels["inside"], subjects.accounts["inside"])
            .await;
        let stranger = world.console.sign_in("account-inside").await;
        subjects.session = sqlx::query_scalar("SELECT id FROM session WHERE hash = $1")
            .bind(stranger.hash())
            .fetch_one(world.console.app.db())
            .await
            .unwrap();
        subjects
    }

    /// The path and body that name the subject of this row at this place. `None`: nobody has said how yet.
    fn sample(&self, row: &Row, place: Place) -> Option<(String, Option<Value>)> {
        let word = place.word();
        let id = match row.subject {
            Subject::Case => place.case(),
            Subject::Camera => place.camera(),
            Subject::Card => self.cards[word].to_string(),
            Subject::Maintenance => self.maintenance[word].to_string(),
            Subject::Absence => self.absences[word].to_string(),
            Subject::Order => self.orders[word].to_string(),
            Subject::Account => self.accounts[word].to_string(),
            Subject::Token => self.tokens[word].to_string(),
            Subject::Session => self.session.to_string(),
            Subject::Channel => self.channels[word].to_string(),
            Subject::Subscription => self.subscription.to_string(),
            Subject::Bulletin | Subject::Publication => String::new(),
            _ => return None,
        };
        let path = row
            .path
            .replace("{id}", &id)
            .replace("{no}", &id)
            .replace("{action}", "receive")
            .replace(
                "{file}",
                &self.files[word][usize::from(row.subject == Subject::Order)].to_string(),
            );
        let path = match row.subject {
            Subject::Bulletin | Subject::Publication => format!(
                "{}?town={}",
                path.replace("{month}", "2026-01"),
                place.hall()
            ),
            _ => path,
        };
        if path.contains('{') {
            return None;
        }
        // What it cannot do without.
        let path = match row.path.ends_with("/preview.jpg") {
            true => format!("{path}?at=2026-11-02T09:00:00Z"),
            false => path,
        };
        // A revision that no card has: whoever gets through changes nothing, and reads of a conflict.
        let body = match (row.subject, row.path) {
            (Subject::Card, "/api/v1/cards/receive") => {
                Some(json!({"cards": [{"id": self.cards[word], "revision": 999}]}))
            }
            (Subject::Case, path) if path.ends_with("/unmask") => {
                Some(json!({"reason": "to walk the table"}))
            }
            (Subject::Card | Subject::Order, path) if path.ends_with("{action}") => {
                Some(json!({"revision": 999, "why": "walk"}))
            }
            (Subject::Card, path) if path.ends_with("/acknowledge") => {
                let until = Utc::now() + TimeDelta::hours(1);
                Some(json!({"until": until, "why": "walk"}))
            }
            (Subject::Absence, _) => Some(json!({"why": "walk"})),
            (Subject::Bulletin, path) if path.ends_with("/addenda") => {
                Some(json!({"addenda": 999, "text": {"zh": "walk", "en": "walk"}}))
            }
            (Subject::Bulletin, _) if row.method == Verb::Post => {
                Some(json!({"revision": 999, "why": "walk", "text": {}}))
            }
            (Subject::Channel, path) if path.ends_with("{id}") => Some(json!({"revision": 999})),
            // It leads inside: nothing is sent.
            (Subject::Channel, _) => Some(json!({})),
            (Subject::Subscription, _) if row.method == Verb::Put => Some(json!({})),
            (Subject::Account, path) if path.ends_with("/role") => {
                Some(json!({"role": "leader", "hall": TOWN_1}))
            }
            (Subject::Account, path)
                if path.ends_with("/reset-second-factor") || path.ends_with("/unlock") =>
            {
                Some(json!({"reason": "to walk the table"}))
            }
            (Subject::Token, path) if path.ends_with("/role") => {
                Some(json!({"role": "reader", "hall": TOWN_1}))
            }
            _ => None,
        };
        Some((path, body))
    }
}

async fn callers(world: &World) -> Vec<Caller> {
    let mut callers = vec![Caller::Nobody];
    for role in Role::ALL {
        callers.push(if role.is_machine() {
            let (_, token) = world.token(role, TOWN_1, role.code()).await;
            Caller::Program(role, token)
        } else {
            Caller::Person(role, world.person(role).await)
        });
    }
    callers
}

/// Paths whose operation takes `hall`, in the query or in the body, by the document.
fn narrowed_by_hall(document: &Value) -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let parameters = operation["parameters"].as_array();
            let in_query = parameters
                .into_iter()
                .flatten()
                .any(|parameter| parameter["name"] == "hall" && parameter["in"] == "query");
            let schema =
                operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].as_str();
            let in_body = schema
                .and_then(|schema| document.pointer(schema.strip_prefix('#')?))
                .is_some_and(|schema| schema["properties"].get("hall").is_some());
            if in_query || in_body {
                found.insert((method.to_uppercase(), path.clone()));
            }
        }
    }
    found
}

/// One request that the table has an opinion of.
struct Step {
    row: &'static Row,
    place: Option<Place>,
    path: String,
    body: Option<Value>,
}

fn steps(mounted: &[(Method, String)], document: &Value, subjects: &Subjects) -> Vec<Step> {
    let narrowed = narrowed_by_hall(document);
    let mut steps = Vec::new();
    for (method, path) in mounted {
        let row = row(method, path).unwrap_or_else(|| panic!("{method} {path} has no row"));
        let mut step = |place, path: String, body| {
            steps.push(Step {
                row,
                place,
                path,
                body,
            });
        };
        if row.subject.is_named() {
            for place in Place::ALL {
                let (path, body) = subjects.sample(row, place).unwrap_or_else(|| {
                    panic!("{method} {path} names a subject and has no sample: add one to Subjects")
                });
                step(Some(place), path, body);
            }
        } else if narrowed.contains(&(method.to_string(), path.clone())) {
            let path = &path
                .replace("{name}", "volumes")
                .replace("{file}", "volumes.svg");
            for place in Place::ALL {
                let hall = place.hall();
                if *method == Method::GET {
                    // The parameters that some of these lists cannot do without.
                    let query = "level=town&name=cases.open&q=case";
                    step(Some(place), format!("{path}?{query}&hall={hall}"), None);
                } else {
                    let login = format!("made-{}-{}", place.word(), steps_name(path));
                    // What every body of these routes needs; each takes what it knows.
                    let body = json!({
                        "login": login, "name": login, "hall": hall, "to": "hall_manager", "text": "walk",
                        "grade": "notice", "kind": "conduct", "sentence": "walk", "why": "walk",
                    });
                    step(Some(place), path.clone(), Some(body));
                }
            }
        } else {
            let query = if *method == Method::GET && row.subject == Subject::Halls {
                "?level=town&name=cases.open&q=a"
            } else {
                ""
            };
            let body = (*method != Method::GET && *method != Method::DELETE).then(|| json!({}));
            let path = path
                .replace("{version}", "1")
                .replace("{id}", "1")
                .replace("{name}", "volumes")
                .replace("{file}", "volumes.svg")
                .replace("{month}", "2026-01");
            step(
                None,
                format!("{path}{query}").replace("{action}", "send"),
                body,
            );
        }
    }
    steps
}

fn steps_name(path: &str) -> String {
    path.rsplit('/').next().unwrap_or_default().to_owned()
}

/// What an answer to somebody over the first town must not hold.
fn foreign(text: &str) -> Option<String> {
    ["outside", "above"]
        .iter()
        .flat_map(|word| {
            [
                "case", "camera", "order", "account", "token", "channel", "made",
            ]
            .map(|kind| format!("{kind}-{word}"))
        })
        .chain(["\"T2\"".to_owned()])
        .find(|needle| text.contains(needle.as_str()))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_answers_every_role_at_every_place_as_the_table_says() {
    let world = World::build().await;
    let routes = api::routes(&world.console.app);
    let mounted = routes.mounted().to_vec();
    let document = serde_json::to_value(routes.finish().1).unwrap();
    let subjects = Subjects::place(&world).await;
    world.console.app.reload_tokens().await.unwrap();
    let address = world.console.listen().await;
    let callers = callers(&world).await;
    world.console.app.reload_tokens().await.unwrap();
    let (_spool, _ingest) = intake(&world, address, &callers).await;

    let (mut wrong, mut asked) = (Vec::new(), 0);
    for step in steps(&mounted, &document, &subjects) {
        for caller in &callers {
            let expected = Verdict::expected(step.row, caller, step.place);
            let method = step.row.method.method();
            let caller = spare(&world, &step, caller).await;
            let (got, text) = if step.row.socket {
                let status = sockets::knock(address, &step.path, &caller).await;
                (Verdict::of(status), String::new())
            } else {
                let (status, text) = world
                    .call(method.clone(), &step.path, &caller, step.body.clone())
                    .await;
                (verdict(&step, status, &text), text)
            };
            asked += 1;
            let who = caller.role().map_or("nobody", Role::code);
            if got != expected {
                wrong.push(format!(
                    "{method} {} as {who}: {got:?}, the table says {expected:?}: {text:.200}",
                    step.path
                ));
            }
            let within = matches!(step.row.subject, Subject::Halls) && got == Verdict::Reached;
            if let Some(needle) = foreign(&text).filter(|_| within) {
                wrong.push(format!("{method} {} tells {who} of {needle}", step.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // Every row was asked by every role and by nobody.
    assert!(asked >= TABLE.len() * (Role::ALL.len() + 1), "{asked}");
    println!("{asked} requests");
}

/// The ingest of this process, once it knows the source token: the intake asks it who may send.
async fn intake(
    world: &World,
    address: SocketAddr,
    callers: &[Caller],
) -> (tempfile::TempDir, Ingest) {
    let app = &world.console.app;
    let spool = tempfile::tempdir().unwrap();
    let mut config = app.config().ingest();
    config.data_dir = spool.path().to_owned();
    config.uplink.allow_plain = true;
    let console = format!("ws://{address}").parse().unwrap();
    let stop = CancellationToken::new();
    let ingest = Ingest::start(config, Secret::new(app.edge_token()), console, &stop)
        .await
        .unwrap();
    app.set_intake(Some(ingest.router()));
    let source = callers
        .iter()
        .find(|caller| caller.role() == Some(Role::Source))
        .unwrap();
    let known = async {
        loop {
            let call = world.call(Method::POST, "/api/v1/events", source, Some(json!({})));
            let status = call.await.0;
            if status != StatusCode::UNAUTHORIZED && status != StatusCode::SERVICE_UNAVAILABLE {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), known)
        .await
        .expect("the intake hears of the tokens");
    (spool, ingest)
}

/// Whoever signs out here is signed in nowhere else afterwards.
async fn spare(world: &World, step: &Step, caller: &Caller) -> Caller {
    let ends = step.row.subject == Subject::Own && step.row.method.method() != Method::GET;
    match caller {
        // This one ends the walker's session too: it is asked by somebody who has no other.
        Caller::Person(role, _) if ends && step.row.path == "/api/v1/account/sessions" => {
            let login = format!("spare-{}", role.code());
            Caller::Person(*role, world.person_at(*role, TOWN_1, &login).await)
        }
        Caller::Person(role, _) if ends => {
            Caller::Person(*role, world.console.sign_in(role.code()).await)
        }
        other => other.clone(),
    }
}

/// The bulk answer is 200 and says of each card what became of it. Signing in is refused by what was typed, not by the table.
fn verdict(step: &Step, status: StatusCode, text: &str) -> Verdict {
    if step.row.path == "/api/v1/cards/receive" && status == StatusCode::OK {
        let answer: Value = serde_json::from_str(text).unwrap();
        return match answer["failed"][0]["type"].as_str() {
            Some("/problems/not-found") => Verdict::Absent,
            _ => Verdict::Reached,
        };
    }
    if matches!(step.row.access, Access::Public) && step.row.subject == Subject::Own {
        return Verdict::Reached;
    }
    match Verdict::of(status) {
        // Nothing was named that could be absent: the handler has something else to say.
        Verdict::Absent if step.place.is_none() => Verdict::Reached,
        verdict => verdict,
    }
}

#[tokio::test]
async fn the_table_the_router_and_the_document_hold_the_same_routes() {
    let world = World::build().await;
    let routes = api::routes(&world.console.app);
    let mounted: BTreeSet<(String, String)> = routes
        .mounted()
        .iter()
        .map(|(method, path)| (method.to_string(), path.clone()))
        .collect();
    let table: BTreeSet<(String, String)> = TABLE
        .iter()
        .map(|row| (row.method.method().to_string(), row.path.to_owned()))
        .collect();
    assert_eq!(mounted, table);
    let document = serde_json::to_value(routes.finish().1).unwrap();
    let mut documented = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            documented.insert((method.to_uppercase(), path.clone()));
        }
    }
    // Sockets, the intake and what operators ask are described in docs/api.md instead.
    let undocumented: Vec<_> = TABLE
        .iter()
        .filter(|row| {
            row.socket
                || matches!(row.access, Access::Intake | Access::LoopbackOr(_))
                || row.path.starts_with("/health/")
                || row.path == "/api/openapi.json"
        })
        .map(|row| (row.method.method().to_string(), row.path.to_owned()))
        .collect();
    for route in &undocumented {
        assert!(!documented.contains(route), "{route:?}");
        documented.insert(route.clone());
    }
    assert_eq!(documented, table);
}

#[tokio::test]
async fn a_leader_of_the_county_reads_all_of_it() {
    let world = World::build().await;
    let leader = world.person_at(Role::Leader, COUNTY, "top").await;
    let caller = Caller::Person(Role::Leader, leader);
    for place in Place::ALL {
        let path = format!("/api/v1/cases/{}", place.case());
        let (status, _) = world.call(Method::GET, &path, &caller, None).await;
        assert_eq!(status, StatusCode::OK, "{place:?}");
    }
}

#[tokio::test]
async fn a_unit_head_sees_the_unit_across_halls_and_nothing_beside() {
    let world = World::build().await;
    let head: Person = world.person_at(Role::UnitHead, COUNTY, "rsj").await;
    let caller = Caller::Person(Role::UnitHead, head);
    let (_, cases) = world
        .json(Method::GET, "/api/v1/cases", &caller, Value::Null)
        .await;
    let numbers: BTreeSet<&str> = cases["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["no"].as_str().unwrap())
        .collect();
    let expected = ["case-above", "case-below", "case-inside", "case-outside"];
    assert_eq!(numbers, expected.into());
    let beside = format!("/api/v1/cases/{}", Place::Beside.case());
    let (status, _) = world.call(Method::GET, &beside, &caller, None).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}
