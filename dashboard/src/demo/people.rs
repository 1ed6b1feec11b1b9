//! The county's staff at their desks: they sign for cards, answer and review them through the same interface as the pages, so
//! that a visitor finds a county at work and not a heap of old cards. One town is left to the visitor.

mod absences;
mod bulletins;
mod duty;
mod months;
mod orders;

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures::{StreamExt, stream};
use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::rng::Rng;
use super::rules;
use crate::auth::totp::SharedSecret;

/// Between two looks at the desk.
const ROUND: Duration = Duration::from_secs(20);
/// How long a code of the second factor lasts.
const CODE: Duration = Duration::from_secs(30);
/// Cards that fell due so long before the start are settled matters.
const SETTLED: TimeDelta = TimeDelta::days(7);
/// In the visitor's town only what is older than this is settled.
const VISITORS_SETTLED: TimeDelta = TimeDelta::days(12);
/// Between two looks while the past is being loaded.
const LOOK: Duration = Duration::from_secs(2);
/// Of so many cards and orders one is left lying until the ladder has it (R12).
const NEGLECTED: u64 = 8;
/// Requests of one person under way at once.
const AT_ONCE: usize = 4;
/// Cards in a page.
const PAGE: usize = 500;

const ANSWERS: [&str; 6] = [
    "经办人外出核查未及时录入，已补录并约谈经办人",
    "申请材料流转延误，已当日办结并向申请人致歉",
    "窗口人员轮岗交接不到位，已明确 AB 岗责任",
    "现场踏勘受天气影响推迟，已完成并出具意见",
    "系统同步延迟导致超时，已完成办理并核对台账",
    "已责令承办单位整改，案件办结",
];
const REVIEWS: [&str; 3] = [
    "整改属实，同意办结",
    "说明清楚，措施到位，办结",
    "已核实，列入月度通报",
];

/// What somebody signs in with.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// Login.
    pub login: String,
    /// Password.
    pub password: String,
    /// Where the role needs one.
    pub second_factor: Option<SharedSecret>,
}

/// Somebody who signs in, and what is needed to act.
#[derive(Debug)]
pub(super) struct Desk {
    http: reqwest::Client,
    base: String,
    credentials: Credentials,
    session: tokio::sync::RwLock<(String, String)>,
    /// One at a time: a code of the second factor is good once.
    signing_in: tokio::sync::Mutex<()>,
}

/// Who works through the cards.
#[derive(Debug, Clone)]
pub struct Staff {
    /// Address of the console.
    pub base: String,
    /// The county hall's manager.
    pub manager: Credentials,
    /// The inspector who reviews.
    pub inspector: Credentials,
    /// The inspector who writes rules.
    pub drafter: Credentials,
    /// The leader who instructs.
    pub leader: Credentials,
    /// The town whose cards stay for the visitor.
    pub visitors: String,
    /// What the choices come from.
    pub seed: u64,
}

/// Settles what is old, as soon as it comes in, until `loaded`; then keeps to the pace of an office until the console stops.
///
/// # Errors
/// When nobody can sign in.
pub async fn work(
    staff: &Staff,
    loaded: &CancellationToken,
    stopping: &CancellationToken,
) -> Result<(), String> {
    // Signing in may wait for the next code of the second factor; stopping does not.
    let desks = async {
        let manager = Desk::open(&staff.base, &staff.manager).await?;
        let inspector = Desk::open(&staff.base, &staff.inspector).await?;
        let drafter = Desk::open(&staff.base, &staff.drafter).await?;
        if rules::make(&drafter, &inspector).await.is_some() {
            tracing::debug!("the demo's inspectors have changed the rules");
        }
        let leader = Desk::open(&staff.base, &staff.leader).await?;
        Ok::<_, String>((manager, inspector, drafter, leader))
    };
    let (manager, inspector, drafter, leader) = tokio::select! {
        biased;
        () = stopping.cancelled() => return Ok(()),
        desks = desks => desks?,
    };
    let mut rng = Rng::keyed(&[staff.seed, 71]);
    let old = Utc::now() - SETTLED;
    let desks = async {
        loop {
            let last = loaded.is_cancelled();
            settle(staff, &manager, &inspector, old, &mut rng).await;
            if last {
                break;
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                () = loaded.cancelled() => {}
            }
        }
        let people = orders::People {
            manager: &manager,
            inspector: &inspector,
            leader: &leader,
        };
        people.begin(staff, &mut rng).await;
        absences::begin(&manager, &inspector, Utc::now()).await;
        duty::begin(&drafter).await;
        loop {
            tokio::time::sleep(ROUND).await;
            round(staff, &manager, &inspector, &mut rng).await;
            people.round(&mut rng).await;
            months::correct(&inspector).await;
            bulletins::publish(&inspector, &leader).await;
        }
    };
    tokio::select! {
        () = desks => {}
        () = stopping.cancelled() => {}
    }
    Ok(())
}

/// Answers and reviews every card that fell due before `old`.
async fn settle(
    staff: &Staff,
    manager: &Desk,
    inspector: &Desk,
    old: DateTime<Utc>,
    rng: &mut Rng,
) {
    let to = format!(
        "to={}",
        old.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
    );
    let left = |card: &Value| {
        let due = card["due_at"]
            .as_str()
            .and_then(|text| text.parse::<DateTime<Utc>>().ok());
        staff.leaves(card) && due.is_none_or(|due| due > old + SETTLED - VISITORS_SETTLED)
    };
    for state in ["issued", "received"] {
        let cards = manager
            .cards(&format!("state={state}&{to}"), usize::MAX)
            .await;
        let mine = cards.iter().filter(|card| is_card(card) && !left(card));
        manager.act(mine, "reply", rng, &ANSWERS).await;
    }
    let answered = inspector
        .cards(&format!("state=answered&{to}"), usize::MAX)
        .await;
    inspector
        .act(answered.iter(), "review", rng, &REVIEWS)
        .await;
}

/// One look at the desk: sign for some cards, answer some, review some.
async fn round(staff: &Staff, manager: &Desk, inspector: &Desk, rng: &mut Rng) {
    let now = Utc::now();
    let waited = |card: &Value, minutes: i64| {
        let since = card["issued_at"]
            .as_str()
            .and_then(|text| text.parse::<DateTime<Utc>>().ok());
        since.is_some_and(|since| now - since > TimeDelta::minutes(minutes))
    };
    let issued = manager.cards("state=issued", PAGE).await;
    let issued: Vec<&Value> = issued
        .iter()
        .filter(|card| is_card(card) && !staff.leaves(card) && !neglected(card))
        .collect();
    let sign: Vec<&Value> = issued
        .iter()
        .copied()
        .filter(|card| waited(card, 3) && rng.chance(0.2))
        .take(3)
        .collect();
    manager.act(sign.into_iter(), "receive", rng, &[]).await;
    let received = manager.cards("state=received", PAGE).await;
    let reply: Vec<&Value> = received
        .iter()
        .filter(|card| is_card(card) && waited(card, 8) && !staff.leaves(card) && rng.chance(0.15))
        .take(2)
        .collect();
    manager.act(reply.into_iter(), "reply", rng, &ANSWERS).await;
    let answered = inspector.cards("state=answered", PAGE).await;
    let review: Vec<&Value> = answered
        .iter()
        .filter(|card| waited(card, 15) && rng.chance(0.1))
        .take(1)
        .collect();
    inspector
        .act(review.into_iter(), "review", rng, &REVIEWS)
        .await;
}

/// Whether nobody ever answers this card or order of today: what follows is the demo's to show.
fn neglected(thing: &Value) -> bool {
    let id = thing["id"].as_u64();
    id.is_some_and(|id| id % NEGLECTED == 0)
}

fn is_card(card: &Value) -> bool {
    matches!(card["grade"].as_str(), Some("yellow_card" | "red_card"))
}

impl Staff {
    fn leaves(&self, card: &Value) -> bool {
        card["hall"]
            .as_str()
            .is_some_and(|hall| hall.starts_with(&self.visitors))
    }
}

impl Desk {
    /// Signs in at the console at `base`.
    pub(super) async fn open(base: &str, credentials: &Credentials) -> Result<Self, String> {
        let http = reqwest::Client::builder()
            .timeout(Duration::from_secs(30))
            .no_proxy()
            .build()
            .map_err(|error| error.to_string())?;
        let desk = Self {
            http,
            base: base.to_owned(),
            credentials: credentials.clone(),
            session: tokio::sync::RwLock::default(),
            signing_in: tokio::sync::Mutex::default(),
        };
        desk.sign_in()
            .await
            .map_err(|error| format!("{} cannot sign in: {error}", credentials.login))?;
        Ok(desk)
    }

    async fn sign_in(&self) -> Result<(), String> {
        let Credentials {
            login,
            password,
            second_factor,
        } = &self.credentials;
        let typed = json!({"login": login, "password": password});
        let mut answer = self.step("/api/v1/session", &typed).await?;
        if let (Some(secret), Some("second_factor")) = (second_factor, answer["step"].as_str()) {
            let code = |now| json!({"code": secret.code(now)});
            let path = "/api/v1/session/totp";
            answer = match self.step(path, &code(Utc::now())).await {
                Ok(answer) => answer,
                // A code is good once: somebody, a demo before this one, has used this half minute's.
                Err(_) => {
                    tokio::time::sleep(CODE).await;
                    self.step(path, &code(Utc::now())).await?
                }
            };
        }
        match answer["step"].as_str() {
            Some(step) => Err(format!("the console asks for {step}")),
            None => Ok(()),
        }
    }

    /// Signs in unless somebody has since `ended` was the session.
    async fn sign_in_again(&self, ended: &str) -> Result<(), String> {
        let _one = self.signing_in.lock().await;
        if self.session.read().await.0 == ended {
            self.sign_in().await?;
        }
        Ok(())
    }

    /// One step of signing in; the session goes on under the name that it answers with.
    async fn step(&self, path: &str, body: &Value) -> Result<Value, String> {
        let (cookie, csrf) = self.session.read().await.clone();
        let answer = self
            .http
            .post(format!("{}{path}", self.base))
            .header(header::COOKIE, cookie)
            .header("X-CSRF-Token", csrf)
            .json(body)
            .send()
            .await
            .and_then(reqwest::Response::error_for_status)
            .map_err(|error| error.to_string())?;
        let cookie = answer
            .headers()
            .get(header::SET_COOKIE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let cookie = cookie.split(';').next().unwrap_or_default().to_owned();
        let session: Value = answer.json().await.map_err(|error| error.to_string())?;
        let csrf = session["csrf"].as_str().unwrap_or_default().to_owned();
        *self.session.write().await = (cookie, csrf);
        Ok(session)
    }

    /// Calls the console, signing in again where the session has ended. `None`: refused, or the console is away.
    pub(super) async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Option<Value> {
        for _ in 0..2 {
            let (cookie, csrf) = self.session.read().await.clone();
            let mut request = self
                .http
                .request(method.clone(), format!("{}{path}", self.base))
                .header(header::COOKIE, &cookie)
                .header("X-CSRF-Token", csrf);
            if let Some(body) = body {
                request = request.json(body);
            }
            let answer = request.send().await.ok()?;
            match answer.status() {
                StatusCode::UNAUTHORIZED => self.sign_in_again(&cookie).await.ok()?,
                status if status.is_success() => return answer.json().await.ok(),
                status => {
                    tracing::debug!(%status, path, "the demo's staff was refused");
                    return None;
                }
            }
        }
        None
    }

    /// The cards that `query` finds, at most `most`.
    async fn cards(&self, query: &str, most: usize) -> Vec<Value> {
        let mut cards = Vec::new();
        let mut cursor = String::new();
        while cards.len() < most {
            let Some(mut page) = self
                .call(
                    Method::GET,
                    &format!("/api/v1/cards?limit={PAGE}&{query}{cursor}"),
                    None,
                )
                .await
            else {
                break;
            };
            if let Some(items) = page["items"].as_array_mut() {
                cards.append(items);
            }
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        cards
    }

    /// Does `action` to each card; somebody else may have been faster, which is no matter.
    async fn act<'a>(
        &self,
        cards: impl Iterator<Item = &'a Value>,
        action: &str,
        rng: &mut Rng,
        words: &[&str],
    ) {
        let calls: Vec<(String, Value)> = cards
            .map(|card| {
                let why = if words.is_empty() {
                    Value::Null
                } else {
                    (*rng.pick(words)).into()
                };
                (
                    format!("/api/v1/cards/{}/{action}", card["id"]),
                    json!({"revision": card["revision"], "why": why}),
                )
            })
            .collect();
        stream::iter(&calls)
            .for_each_concurrent(AT_ONCE, async |(path, body)| {
                let _ = self.call(Method::POST, path, Some(body)).await;
            })
            .await;
    }
}
