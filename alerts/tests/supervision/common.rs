//! A small county and words to write its events with.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use mingjing_alerts::supervisor::{Actor, Applied, CardAction, Delta, Supervisor};
use mingjing_monitor::audit;
use mingjing_monitor::event::CaseEvent;
use mingjing_monitor::item::{HandlingKind, ItemVersion, Step};
use mingjing_monitor::limit::Limit;
use mingjing_monitor::org::{Hall, Level, Unit, Window};
use mingjing_monitor::store::county::County;
use mingjing_monitor::store::testing::TestDatabase;
use mingjing_monitor::store::{county, halls, items, sources};
use serde_json::{Value, json};
use sqlx::PgPool;

pub const SOURCE: &str = "//approval.county";

/// An instant of the county, e.g. `2018-10-15 10:00` or with seconds.
pub fn at(text: &str) -> DateTime<Utc> {
    let text = if text.len() == 16 {
        format!("{text}:00")
    } else {
        text.to_owned()
    };
    DateTime::parse_from_str(&format!("{text} +08:00"), "%Y-%m-%d %H:%M:%S%.f %:z")
        .expect(&text)
        .with_timezone(&Utc)
}

/// An event of case `no`, received when it happened unless [`Sent::received`] says otherwise.
pub fn event(id: &str, kind: &str, no: &str, time: &str, data: Value) -> CaseEvent {
    let mut fields = json!({"hall": "C", "unit": "U1", "item": "A", "window": "3"});
    fields
        .as_object_mut()
        .unwrap()
        .extend(data.as_object().unwrap().clone());
    let cloudevent = json!({
        "specversion": "1.0", "id": id, "source": SOURCE, "type": kind, "subject": no, "time": at(time), "data": fields,
    });
    CaseEvent::from_cloudevent(&cloudevent, at(time), chrono_tz::Asia::Shanghai).unwrap()
}

pub trait Sent {
    fn received(self, time: &str) -> Self;
}

impl Sent for CaseEvent {
    fn received(mut self, time: &str) -> Self {
        self.received = at(time);
        self
    }
}

pub fn accepted(no: &str, time: &str) -> CaseEvent {
    event(
        &format!("{no}-accepted"),
        "case.accepted",
        no,
        time,
        json!({}),
    )
}

pub fn completed(no: &str, time: &str) -> CaseEvent {
    event(
        &format!("{no}-completed"),
        "case.completed",
        no,
        time,
        json!({}),
    )
}

pub struct World {
    pub supervisor: Supervisor,
    /// Whether anything follows when nobody answers.
    asks: bool,
    pub db: TestDatabase,
}

fn hall(code: &str, parent: Option<&str>, level: Level) -> Hall {
    Hall {
        code: code.into(),
        parent: parent.map(Into::into),
        level,
        name: format!("大厅{code}"),
        name_en: code.into(),
        opening: Default::default(),
    }
}

pub fn item(code: &str, promise: Option<Limit>, legal: Option<Limit>) -> ItemVersion {
    // What the tests are about is time: steps may be done in any order, and left out.
    let step = |code: &str, name: &str, n| Step {
        code: code.into(),
        name: name.into(),
        limit: Some(Limit::workdays(n)),
        optional: true,
        repeatable: true,
        after: Some(vec![]),
        ..Step::default()
    };
    ItemVersion {
        code: code.into(),
        version: 1,
        valid_from: DateTime::UNIX_EPOCH,
        name: format!("事项{code}"),
        name_en: String::new(),
        unit: Some("U1".into()),
        kind: HandlingKind::Promised,
        promise,
        legal,
        steps: vec![step("survey", "现场踏勘", 3), step("review", "审核", 2)],
        ..ItemVersion::default()
    }
}

/// The county of the tests: county hall C with unit U1 and U2, town T1 with village V1; item A (7 wd, law 10 wd), B without
/// limits.
pub async fn county(pool: &PgPool) {
    let mut connection = pool.acquire().await.unwrap();
    let c = &mut *connection;
    let the_county = County {
        code: "C".into(),
        name: "测试县".into(),
        name_en: "Test County".into(),
        time_zone: "Asia/Shanghai".into(),
        office_opens: "09:00:00".parse().unwrap(),
        office_closes: "17:30:00".parse().unwrap(),
        trial_run: false,
    };
    county::set_county(c, &the_county).await.unwrap();
    let tree = [
        hall("C", None, Level::County),
        hall("T1", Some("C"), Level::Town),
        hall("V1", Some("T1"), Level::Village),
        hall("T2", Some("C"), Level::Town),
    ];
    halls::upsert_halls(c, &tree).await.unwrap();
    let unit = |code: &str| Unit {
        code: code.into(),
        name: format!("单位{code}"),
        name_en: code.into(),
    };
    halls::upsert_units(c, &[unit("U1"), unit("U2")])
        .await
        .unwrap();
    let window = |hall: &str, no: &str| Window {
        hall: hall.into(),
        no: no.into(),
        unit: Some("U1".into()),
        name: format!("{no}号窗口"),
        name_en: String::new(),
    };
    halls::upsert_windows(c, &[window("C", "3"), window("C", "12"), window("T1", "1")])
        .await
        .unwrap();
    let catalogue = [
        item("A", Some(Limit::workdays(7)), Some(Limit::workdays(10))),
        item("B", None, None),
    ];
    items::upsert(c, &catalogue).await.unwrap();
}

impl World {
    /// Nobody answers a card here, and nothing follows from that: what is told is about cases.
    pub async fn new(now: &str) -> Self {
        let mut world = Self::asking(now).await;
        world.asks = false;
        world.supervisor.ignore_answers();
        world
    }

    /// Answers are awaited.
    pub async fn asking(now: &str) -> Self {
        let db = TestDatabase::new().await;
        county(db.store.pool()).await;
        let supervisor = Supervisor::start(db.store.pool().clone(), at(now))
            .await
            .unwrap();
        Self {
            supervisor,
            asks: true,
            db,
        }
    }

    /// The source declares a usual lag, so that its cards are provisional at first.
    pub async fn with_lag(now: &str) -> Self {
        let mut world = Self::new(now).await;
        let mut connection = world.pool().acquire().await.unwrap();
        sources::declare(
            &mut connection,
            SOURCE,
            "审批系统",
            chrono::TimeDelta::hours(2),
        )
        .await
        .unwrap();
        drop(connection);
        world.supervisor.reload(at(now)).await.unwrap();
        world
    }

    pub fn pool(&self) -> PgPool {
        self.db.store.pool().clone()
    }

    /// As a stop and a new start.
    pub async fn restart(&mut self, now: &str) {
        self.supervisor = Supervisor::start(self.pool(), at(now)).await.unwrap();
        if !self.asks {
            self.supervisor.ignore_answers();
        }
    }

    pub async fn send(&mut self, events: Vec<CaseEvent>, now: &str) -> Applied {
        self.supervisor
            .apply_batch(events, false, at(now))
            .await
            .unwrap()
    }

    /// Nobody does anything until `now`: only due instants fire, each when it comes.
    pub async fn wait_until(&mut self, now: &str) -> Vec<Delta> {
        let mut deltas = Vec::new();
        while let Some(due) = self.supervisor.next_due().filter(|&due| due <= at(now)) {
            deltas.extend(self.supervisor.fire_due(due).await.unwrap());
        }
        deltas
    }

    /// Everything that has fallen due fires at `now`, as after a stop.
    pub async fn catch_up(&mut self, now: &str) -> Vec<Delta> {
        let mut deltas = Vec::new();
        while self.supervisor.next_due().is_some_and(|due| due <= at(now)) {
            deltas.extend(self.supervisor.fire_due(at(now)).await.unwrap());
        }
        deltas
    }

    /// The cards as `rule grade state due`, sorted.
    pub async fn cards(&self) -> Vec<String> {
        self.cards_of("").await
    }

    /// Those of one case; of all cases for "".
    pub async fn cards_of(&self, no: &str) -> Vec<String> {
        let rows: Vec<(String, String, String, DateTime<Utc>)> = sqlx::query_as(
            "SELECT rule, grade, state, due_at FROM card WHERE about = 'case' AND ($1 = '' OR case_no = $1) ORDER BY due_at, rule, grade, state",
        )
        .bind(no)
        .fetch_all(&self.pool())
        .await
        .unwrap();
        let line = |(rule, grade, state, due): (String, String, String, _)| {
            format!("{rule} {grade} {state} {}", local(due))
        };
        rows.into_iter().map(line).collect()
    }

    /// Id and revision of the card of this rule and grade.
    pub async fn card(&self, rule: &str, grade: &str) -> (i64, i32) {
        sqlx::query_as("SELECT id, revision FROM card WHERE rule = $1 AND grade = $2")
            .bind(rule)
            .bind(grade)
            .fetch_one(&self.pool())
            .await
            .unwrap()
    }

    /// The names of a card's transitions, in order.
    pub async fn history(&self, id: i64) -> Vec<String> {
        sqlx::query_scalar("SELECT transition FROM card_transition WHERE card = $1 ORDER BY id")
            .bind(id)
            .fetch_all(&self.pool())
            .await
            .unwrap()
    }

    pub async fn act(
        &mut self,
        card: (i64, i32),
        action: &str,
        role: &str,
        now: &str,
    ) -> Result<Vec<Delta>, mingjing_alerts::supervisor::ActError> {
        let action = CardAction {
            card: card.0,
            revision: card.1,
            action: action.into(),
            why: Some("因为如此".into()),
            ground: None,
            attachments: Vec::new(),
            actor: person(role),
        };
        self.supervisor.act(&action, at(now)).await
    }

    /// What a case's row says of itself: `bucket clock next`.
    pub async fn case(&self, no: &str) -> String {
        let (bucket, clock, next): (Option<String>, String, Option<DateTime<Utc>>) =
            sqlx::query_as("SELECT bucket, clock, next_instant FROM case_state WHERE no = $1")
                .bind(no)
                .fetch_one(&self.pool())
                .await
                .unwrap();
        format!(
            "{} {clock} {}",
            bucket.unwrap_or("-".into()),
            next.map_or("-".into(), local)
        )
    }
}

/// As the county's clock shows it.
pub fn local(at: DateTime<Utc>) -> String {
    at.with_timezone(&chrono_tz::Asia::Shanghai)
        .format("%Y-%m-%d %H:%M")
        .to_string()
}

/// The rows of a roll-up in which anything stands. (A count that was taken back leaves a row of nothing.)
macro_rules! rollup {
    ($table:literal, $counts:literal, $order:literal) => {
        concat!(
            "SELECT to_jsonb(r) FROM ",
            $table,
            " r WHERE EXISTS (SELECT FROM unnest(ARRAY[",
            $counts,
            "]) AS n WHERE n <> 0)
             ORDER BY ",
            $order
        )
    };
}

/// Everything that must not depend on the order or the grouping in which events came: cases, roll-ups, windows, and the cards
/// that stand. (A card that came and was withdrawn again leaves its trace, and whether it came depends on the order.)
pub async fn snapshot(pool: &PgPool) -> BTreeMap<&'static str, Vec<Value>> {
    let mut all = BTreeMap::new();
    for (name, sql) in [
        ("case", "SELECT to_jsonb(s) - 'changed' FROM case_state s ORDER BY no"),
        ("day", rollup!("rollup_day", "accepted, completed, due, due_met, due_over, promised, early, rated_1, rated_2, rated_3, rated_4, rated_5, refused, withdrawn, voided, measured, worked, legal_worked, legal_allowed, cut_promise, cut_legal", "day, hall, unit, item")),
        ("month", rollup!("rollup_month", "accepted, completed, due, due_met, due_over, promised, early, rated_1, rated_2, rated_3, rated_4, rated_5, refused, withdrawn, voided, measured, worked, legal_worked, legal_allowed, cut_promise, cut_legal", "month, hall, unit, item")),
        ("sum", rollup!("rollup_sum", "accepted, completed, due, due_met, due_over, promised, early, rated_1, rated_2, rated_3, rated_4, rated_5, refused, withdrawn, voided, measured, worked, legal_worked, legal_allowed, cut_promise, cut_legal", "cut, grain, start, hall, unit, item")),
        ("level", rollup!("rollup_level", "accepted", "grain, start, item, unit, level")),
        ("channel_sum", rollup!("rollup_channel_sum", "n", "cut, grain, start, hall, unit, item, channel")),
        (
            "duration_sum",
            rollup!("rollup_duration_sum", "n_0, n_1, n_2, n_3, n_4, n_5, n_6, n_7, n_8, n_9, n_10, n_11, n_12, n_13, n_14, n_15", "cut, grain, start, hall, unit, item, octave"),
        ),
        ("step_sum", rollup!("rollup_step_sum", "runs, begun, waited, worked, undivided, over", "cut, grain, start, hall, unit, item, step")),
        ("channel", rollup!("rollup_channel", "n", "grain, start, hall, unit, item, channel")),
        ("duration", rollup!("rollup_duration", "n", "grain, start, hall, unit, item, class")),
        ("step", rollup!("rollup_step", "runs, begun, waited, worked, undivided, over", "grain, start, hall, unit, item, step")),
        ("follows", rollup!("rollup_follows", "n", "month, hall, unit, item, earlier, later")),
        ("variant", rollup!("rollup_variant", "n", "month, hall, unit, item, variant")),
        ("hour", "SELECT to_jsonb(r) FROM rollup_hour r WHERE (accepted, completed) <> (0, 0) ORDER BY hour, hall"),
        ("bucket", "SELECT to_jsonb(r) FROM rollup_bucket r WHERE n <> 0 ORDER BY hall, unit, is_open, bucket"),
        ("service", "SELECT to_jsonb(d) FROM service_day d ORDER BY day, hall"),
        ("window", "SELECT to_jsonb(w) FROM window_state w ORDER BY hall, no"),
        ("complaint", "SELECT to_jsonb(c) - 'changed' FROM complaint c ORDER BY no"),
        ("events", "SELECT to_jsonb(e) - 'committed' FROM case_event e ORDER BY source, id"),
        (
            "card",
            "SELECT jsonb_build_object('key', cause_key, 'grade', grade, 'state', state, 'due', due_at, 'zh', sentence_zh,
                 'en', sentence_en, 'facts', facts, 'hall', hall, 'unit', unit, 'window', win, 'item', item)
             FROM card WHERE state NOT IN ('withdrawn') AND about IN ('case', 'complaint') ORDER BY cause_key",
        ),
    ] {
        all.insert(name, sqlx::query_scalar(sql).fetch_all(pool).await.unwrap());
    }
    all
}

/// Somebody of this role.
pub fn person(role: &str) -> Actor {
    Actor {
        account: 1,
        who: "李监察".into(),
        role: role.into(),
        trail: audit::Actor {
            id: Some(1),
            address: Some("192.0.2.7".into()),
            ..audit::Actor::of(audit::ActorKind::Account)
        },
        at: at("2026-11-12 09:00"),
    }
}
