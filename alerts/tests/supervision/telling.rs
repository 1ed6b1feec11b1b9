//! What is said outside: notices in the outbox, deliveries for those who want and may hear, and what becomes of them.

use chrono::{DateTime, TimeDelta, Utc};
use mingjing_alerts::channel::answer::Reason;
use mingjing_alerts::channel::{self, Notice, What};
use mingjing_alerts::order::Rung;
use mingjing_alerts::store::channels::{self, ApplicantTexts, ChannelWrite, SubscriptionWrite};
use mingjing_alerts::store::deliveries::{self, Done, Then};
use mingjing_alerts::store::orders::About;
use mingjing_alerts::supervisor::{NewOrder, OrderAction, remind};
use mingjing_monitor::store::accounts::{self, NewAccount};
use mingjing_monitor::store::{county, sources};
use serde_json::json;

use crate::common::{Sent, World, accepted, at, completed, event, person};

const START: &str = "2018-10-15 09:00";
/// The yellow card of [`accepted`] at the start.
const YELLOW: &str = "2018-10-24 17:30";

/// A county with one channel of this kind, whose supervisor knows of it.
pub struct Telling {
    pub world: World,
    channel: i64,
}

impl Telling {
    pub async fn new(kind: &str) -> Self {
        Self::of(World::new(START).await, kind).await
    }

    /// Where answers are awaited.
    pub async fn asking(kind: &str) -> Self {
        Self::of(World::asking(START).await, kind).await
    }

    async fn of(mut world: World, kind: &str) -> Self {
        let channel = channel(&world, "one", kind, "C").await;
        world.supervisor.reload(at(START)).await.unwrap();
        Self { world, channel }
    }

    pub async fn person(&self, login: &str, role: &str, hall: &str, unit: Option<&str>) -> i64 {
        let account = NewAccount {
            login,
            name: login,
            role,
            hall,
            unit,
            window: None,
            password_hash: "-",
            must_change: false,
        };
        let mut connection = self.world.pool().acquire().await.unwrap();
        accounts::create(&mut connection, &account, at(START))
            .await
            .unwrap()
    }

    pub async fn subscribe(&self, account: i64, hall: &str, grades: &[&str]) -> i64 {
        let grades: Vec<String> = grades.iter().map(|&grade| grade.into()).collect();
        let new = SubscriptionWrite {
            channel: self.channel,
            address: Some("13812345678"),
            shown: "138****5678",
            grades: &grades,
            rules: &[],
            hall,
            language: "zh",
            quiet: None,
            red_breaks_quiet: true,
        };
        let mut connection = self.world.pool().acquire().await.unwrap();
        channels::subscribe(&mut connection, account, &new, at(START))
            .await
            .unwrap()
    }

    pub async fn expand(&self, now: &str) {
        deliveries::expand(&self.world.pool(), at(now))
            .await
            .unwrap();
    }

    /// The log as `what grade state recipient`, oldest first.
    pub async fn log(&self) -> Vec<String> {
        let wanted = channels::Wanted {
            limit: 500,
            ..Default::default()
        };
        let mut rows = channels::log(&self.world.pool(), "C", &wanted)
            .await
            .unwrap();
        rows.reverse();
        let line = |row: channels::LogRow| {
            let person = row.person.unwrap_or(row.recipient);
            let reason = row
                .reason
                .map(|reason| format!(" {reason}"))
                .unwrap_or_default();
            format!(
                "{} {} {}{reason} {person}",
                row.what,
                row.grade.unwrap_or("-".into()),
                row.state
            )
        };
        rows.into_iter().map(line).collect()
    }

    async fn due(&self, now: &str) -> Vec<deliveries::Due> {
        deliveries::due(&self.world.pool(), self.channel, at(now))
            .await
            .unwrap()
    }

    async fn finish(&self, id: i64, now: DateTime<Utc>, then: Then) {
        let pool = self.world.pool();
        assert!(deliveries::begin(&pool, id).await.unwrap());
        let done = Done {
            id,
            channel: self.channel,
            at: now,
            answer: "200".into(),
            then,
        };
        deliveries::finish(&pool, &done).await.unwrap();
    }
}

async fn channel(world: &World, name: &str, kind: &str, hall: &str) -> i64 {
    let new = ChannelWrite {
        name,
        kind,
        hall,
        settings: &json!({}),
        secret_names: &[],
        enabled: true,
        per_minute: 20,
    };
    let mut connection = world.pool().acquire().await.unwrap();
    channels::create(&mut connection, &new, at(START))
        .await
        .unwrap()
}

#[tokio::test]
async fn who_wants_and_may_hear_of_a_card_is_told_once() {
    let mut t = Telling::new("sms").await;
    for (login, role, hall, unit) in [
        ("inspector", "inspector", "C", None),
        ("other-town", "hall_manager", "T1", None),
        ("own-unit", "unit_head", "C", Some("U1")),
        ("other-unit", "unit_head", "C", Some("U2")),
        ("sysadmin", "sysadmin", "C", None),
    ] {
        let account = t.person(login, role, hall, unit).await;
        t.subscribe(account, hall, &["yellow_card", "red_card"])
            .await;
    }
    let red_only = t.person("red-only", "leader", "C", None).await;
    t.subscribe(red_only, "C", &["red_card"]).await;
    let gone = t.person("gone", "inspector", "C", None).await;
    t.subscribe(gone, "C", &["yellow_card"]).await;
    sqlx::query("UPDATE account SET disabled = true WHERE login = 'gone'")
        .execute(&t.world.pool())
        .await
        .unwrap();
    t.world
        .send(vec![accepted("1", "2018-10-15 10:00")], "2018-10-15 10:00")
        .await;
    t.world.wait_until(YELLOW).await;
    t.world.wait_until("2018-10-25 09:00").await;
    t.expand("2018-10-25 09:00").await;
    t.expand("2018-10-25 09:01").await;
    let yellow = |who: &str| format!("issued yellow_card queued {who}");
    assert_eq!(t.log().await, [yellow("inspector"), yellow("own-unit")]);
    let notices: i64 = sqlx::query_scalar("SELECT count(*) FROM notice")
        .fetch_one(&t.world.pool())
        .await
        .unwrap();
    assert_eq!(notices, 0);
    t.world.wait_until("2018-10-30 09:00").await;
    t.expand("2018-10-30 09:00").await;
    let log = t.log().await;
    assert_eq!(
        log[2..],
        ["inspector", "own-unit", "red-only"].map(|who| format!("issued red_card queued {who}"))
    );
}

#[tokio::test]
async fn a_bulletin_is_told_in_the_halls_below_and_to_every_unit() {
    let t = Telling::new("sms").await;
    for (login, role, hall, unit) in [
        ("inspector", "inspector", "C", None),
        ("town", "hall_manager", "T1", None),
        ("other-town", "hall_manager", "T2", None),
        ("unit", "unit_head", "C", Some("U1")),
        ("sysadmin", "sysadmin", "C", None),
    ] {
        let account = t.person(login, role, hall, unit).await;
        t.subscribe(account, hall, &["red_card"]).await;
    }
    let published = |hall: &str, subject: &str| Notice {
        key: format!("bulletin/{subject}"),
        about: channel::About::Bulletin,
        subject: subject.into(),
        what: What::Published,
        at: at(START),
        hall: hall.into(),
        unit: None,
        grade: None,
        rule: None,
        case_no: None,
        sentence_zh: "通报".into(),
        sentence_en: "Bulletin".into(),
        due: None,
        trial: false,
        applicant: None,
        to_hall: None,
        to_unit: None,
    };
    let heard = async |hall: &str, subject: &str| {
        let before = t.log().await.len();
        let mut connection = t.world.pool().acquire().await.unwrap();
        let notices = [published(hall, subject)];
        deliveries::announce(&mut connection, &notices)
            .await
            .unwrap();
        t.expand(START).await;
        t.log().await.split_off(before)
    };
    let told = |who: &str| format!("published - queued {who}");
    let all = ["inspector", "town", "other-town", "unit"].map(told);
    assert_eq!(heard("C", "2018-09").await, all);
    let of_town = ["inspector", "town", "unit"].map(told);
    assert_eq!(heard("T1", "2018-09/T1").await, of_town);
}

#[tokio::test]
async fn whoever_was_told_is_told_that_it_was_taken_back() {
    let mut t = Telling::new("sms").await;
    let told = t.person("told", "inspector", "C", None).await;
    let subscription = t.subscribe(told, "C", &["yellow_card"]).await;
    let later = t.person("later", "inspector", "C", None).await;
    t.world
        .send(vec![accepted("1", "2018-10-15 10:00")], "2018-10-15 10:00")
        .await;
    t.world.wait_until("2018-10-25 09:00").await;
    t.expand("2018-10-25 09:00").await;
    t.subscribe(later, "C", &["yellow_card"]).await;
    // What the told one wants now does not matter.
    sqlx::query("UPDATE subscription SET grades = '{red_card}' WHERE id = $1")
        .bind(subscription)
        .execute(&t.world.pool())
        .await
        .unwrap();
    let card = t.world.card("R2", "yellow_card").await;
    t.world
        .act(card, "revoke", "inspector", "2018-10-25 10:00")
        .await
        .unwrap();
    t.expand("2018-10-25 10:00").await;
    assert_eq!(
        t.log().await,
        [
            "issued yellow_card queued told",
            "revoked yellow_card queued told"
        ]
    );
}

/// The console was away for these days, so that what was received meanwhile counts as if it had come in time.
async fn away(t: &Telling, since: &str, until: &str) {
    let mut connection = t.world.pool().acquire().await.unwrap();
    sources::outage_begins(&mut connection, "console", "", at(since))
        .await
        .unwrap();
    sources::outage_ends(&mut connection, "console", "", at(until))
        .await
        .unwrap();
}

#[tokio::test]
async fn corrections_regrade_withdraw_and_restore_cards_and_whoever_was_told_is_told() {
    let mut t = Telling::new("sms").await;
    let told = t.person("told", "inspector", "C", None).await;
    let all = ["warning", "yellow_card", "red_card"];
    let subscription = t.subscribe(told, "C", &all).await;
    t.world
        .send(vec![accepted("1", "2018-10-15 10:00")], "2018-10-15 10:00")
        .await;
    t.world.wait_until("2018-10-30 09:00").await;
    t.expand("2018-10-30 09:00").await;
    away(&t, "2018-10-24 12:00", "2018-10-30 12:00").await;
    // From now on only what was told binds: the person wants to hear of nothing more.
    sqlx::query("UPDATE subscription SET grades = '{notice}' WHERE id = $1")
        .bind(subscription)
        .execute(&t.world.pool())
        .await
        .unwrap();
    let mut told_of = t.log().await.len();
    assert_eq!(told_of, 3, "the warning, the yellow card, the red card");
    let ended = |id: &str, time: &str, replaces: Option<&str>| {
        let data = match replaces {
            Some(id) => json!({"replaces": id}),
            None => json!({}),
        };
        event(id, "case.completed", "1", time, data).received("2018-10-29 20:00")
    };
    let steps = [
        (
            "decided before the law's end: red becomes yellow",
            ended("e1", "2018-10-26 10:00", None),
            ["superseded -> issued", "issued -> withdrawn"],
            vec!["reinstated yellow_card", "withdrawn red_card"],
        ),
        (
            "in truth within the promise: nothing is left",
            ended("e2", "2018-10-24 10:00", Some("e1")),
            ["issued -> withdrawn", "withdrawn -> withdrawn"],
            vec!["withdrawn yellow_card"],
        ),
        (
            "in truth after all: both stand again",
            ended("e3", "2018-10-30 08:00", Some("e2")),
            ["withdrawn -> superseded", "withdrawn -> issued"],
            vec!["reinstated red_card"],
        ),
        (
            "and yellow once more",
            ended("e4", "2018-10-26 10:00", Some("e3")),
            ["superseded -> issued", "issued -> withdrawn"],
            vec!["reinstated yellow_card", "withdrawn red_card"],
        ),
    ];
    let states = async |t: &Telling| -> Vec<String> {
        let mut states = Vec::new();
        for grade in ["yellow_card", "red_card"] {
            let state =
                sqlx::query_scalar("SELECT state FROM card WHERE rule = 'R2' AND grade = $1");
            states.push(state.bind(grade).fetch_one(&t.world.pool()).await.unwrap());
        }
        states
    };
    for (what, event, moves, says) in steps {
        let before = states(&t).await;
        t.world.send(vec![event], "2018-10-30 13:00").await;
        let after = states(&t).await;
        let moved: Vec<String> = before
            .iter()
            .zip(&after)
            .map(|(from, to)| format!("{from} -> {to}"))
            .collect();
        assert_eq!(moved, moves, "{what}");
        t.expand("2018-10-30 13:00").await;
        let log = t.log().await;
        let mut new: Vec<String> = log[told_of..].to_vec();
        new.sort();
        let mut expected: Vec<String> = says.iter().map(|it| format!("{it} queued told")).collect();
        expected.sort();
        assert_eq!(new, expected, "{what}");
        told_of = log.len();
    }
    let (red, _) = t.world.card("R2", "red_card").await;
    assert_eq!(
        t.world.history(red).await,
        ["issue", "withdraw", "reinstate", "issue", "withdraw"]
    );
    crate::recount::assert_adds_up(&t.world.pool(), "at the end").await;
}

#[tokio::test]
async fn a_warning_that_should_not_have_been_is_taken_back_and_one_that_is_over_is_not() {
    let mut t = Telling::new("sms").await;
    let account = t.person("a", "inspector", "C", None).await;
    t.subscribe(account, "C", &["warning"]).await;
    t.world
        .send(
            vec![
                accepted("1", "2018-10-15 10:00"),
                accepted("2", "2018-10-15 10:00"),
            ],
            "2018-10-15 10:00",
        )
        .await;
    t.world.wait_until("2018-10-23 09:00").await;
    // One is decided in time. Of the other it comes out that it was decided before it was near.
    t.world
        .send(
            vec![
                completed("1", "2018-10-23 10:00"),
                completed("2", "2018-10-19 16:30").received("2018-10-23 10:00"),
            ],
            "2018-10-23 10:00",
        )
        .await;
    t.expand("2018-10-23 10:00").await;
    let of_case = sqlx::query_scalar(
        "SELECT d.what || ' ' || c.case_no FROM delivery d JOIN card c ON c.id::text = d.subject
         WHERE c.rule = 'R1' ORDER BY 1",
    );
    let told: Vec<String> = of_case.fetch_all(&t.world.pool()).await.unwrap();
    assert_eq!(told, ["issued 1", "issued 2", "withdrawn 2"]);
}

#[tokio::test]
async fn neither_provisional_cards_nor_history_nor_a_trial_run_are_sent() {
    // Provisional until the source is complete past the due instant.
    let mut lagging = Telling {
        world: World::with_lag(START).await,
        channel: 0,
    };
    lagging.channel = channel(&lagging.world, "one", "sms", "C").await;
    lagging.world.supervisor.reload(at(START)).await.unwrap();
    let account = lagging.person("a", "inspector", "C", None).await;
    lagging.subscribe(account, "C", &["yellow_card"]).await;
    lagging
        .world
        .send(vec![accepted("1", "2018-10-15 10:00")], "2018-10-15 10:00")
        .await;
    lagging.world.wait_until("2018-10-24 18:00").await;
    lagging.expand("2018-10-24 18:00").await;
    assert_eq!(lagging.log().await, [""; 0]);
    let complete = at("2018-10-24 20:00");
    lagging
        .world
        .supervisor
        .heartbeat(crate::common::SOURCE, complete, at("2018-10-24 20:10"))
        .await
        .unwrap();
    lagging.expand("2018-10-24 20:10").await;
    assert_eq!(lagging.log().await, ["issued yellow_card queued a"]);

    let mut history = Telling::new("sms").await;
    let account = history.person("a", "inspector", "C", None).await;
    history
        .subscribe(account, "C", &["yellow_card", "red_card"])
        .await;
    let events = vec![
        accepted("1", "2018-10-15 10:00"),
        completed("1", "2018-12-15 10:00"),
    ];
    history
        .world
        .supervisor
        .apply_batch(events, true, at("2019-01-02 10:00"))
        .await
        .unwrap();
    history.expand("2019-01-02 10:00").await;
    assert!(!history.world.cards().await.is_empty());
    assert_eq!(history.log().await, [""; 0]);

    let mut trial = Telling::new("sms").await;
    let mut connection = trial.world.pool().acquire().await.unwrap();
    let mut the_county = county::county(&trial.world.pool()).await.unwrap().unwrap();
    the_county.trial_run = true;
    county::set_county(&mut connection, &the_county)
        .await
        .unwrap();
    drop(connection);
    trial.world.supervisor.reload(at(START)).await.unwrap();
    let account = trial.person("a", "inspector", "C", None).await;
    trial.subscribe(account, "C", &["yellow_card"]).await;
    trial
        .world
        .send(vec![accepted("1", "2018-10-15 10:00")], "2018-10-15 10:00")
        .await;
    trial.world.wait_until("2018-10-25 09:00").await;
    trial.expand("2018-10-25 09:00").await;
    assert_eq!(
        trial.log().await,
        ["issued yellow_card not_sent trial_run a"]
    );
    assert!(trial.due("2018-10-25 09:00").await.is_empty());
}

#[tokio::test]
async fn a_group_is_told_once_and_only_of_the_halls_below_its_own() {
    let mut t = Telling::new("dingtalk").await;
    let towns = channel(&t.world, "town", "dingtalk", "T1").await;
    for login in ["a", "b"] {
        let account = t.person(login, "inspector", "C", None).await;
        t.subscribe(account, "C", &["yellow_card"]).await;
        let county = std::mem::replace(&mut t.channel, towns);
        t.subscribe(account, "C", &["yellow_card"]).await;
        t.channel = county;
    }
    t.world
        .send(vec![accepted("1", "2018-10-15 10:00")], "2018-10-15 10:00")
        .await;
    t.world.wait_until("2018-10-25 09:00").await;
    t.expand("2018-10-25 09:00").await;
    assert_eq!(t.log().await, ["issued yellow_card queued a"]);
}

#[tokio::test]
async fn the_answerers_are_reminded_once_in_office_hours() {
    let mut t = Telling::new("sms").await;
    let manager = t.person("manager", "hall_manager", "C", None).await;
    t.subscribe(manager, "C", &["yellow_card"]).await;
    let inspector = t.person("inspector", "inspector", "C", None).await;
    t.subscribe(inspector, "C", &["red_card"]).await;
    t.world
        .send(vec![accepted("1", "2018-10-15 10:00")], "2018-10-15 10:00")
        .await;
    t.world.wait_until("2018-10-25 09:00").await;
    // Answer due three workdays after Wednesday the 24th: Monday the 29th.
    let pool = t.world.pool();
    for (now, reminded) in [
        ("2018-10-25 17:00", 0),
        ("2018-10-26 08:59", 0),
        ("2018-10-26 09:00", 1),
        ("2018-10-26 09:01", 0),
        ("2018-10-27 10:00", 0),
    ] {
        let told = remind(&pool, t.world.supervisor.reference(), at(now))
            .await
            .unwrap();
        assert_eq!(told, reminded, "{now}");
    }
    t.expand("2018-10-26 09:02").await;
    assert_eq!(
        t.log().await,
        [
            "issued yellow_card queued manager",
            "answer_due yellow_card queued manager"
        ]
    );
}

#[tokio::test]
async fn applicants_are_told_only_where_that_is_switched_on_and_never_of_history() {
    let mut t = Telling::new("sms").await;
    let application = |no: &str, time: &str| {
        let data =
            json!({"applicant": {"name": "张三", "phone": "13812345678"}, "channel": "window"});
        vec![
            event(&format!("{no}-applied"), "case.applied", no, time, data),
            accepted(no, time),
        ]
    };
    t.world
        .send(application("1", "2018-10-15 10:00"), "2018-10-15 10:00")
        .await;
    t.expand("2018-10-15 10:00").await;
    assert_eq!(t.log().await, [""; 0], "off unless switched on");
    let texts = ApplicantTexts {
        enabled: true,
        channel: Some(t.channel),
        moments: vec!["accepted".into(), "step".into(), "completed".into()],
        steps: vec!["survey".into()],
        query_at: "q".into(),
        complain_at: "12345".into(),
        language: "zh".into(),
    };
    let mut connection = t.world.pool().acquire().await.unwrap();
    channels::set_applicant_texts(&mut connection, &texts)
        .await
        .unwrap();
    drop(connection);
    t.world
        .supervisor
        .reload(at("2018-10-15 10:00"))
        .await
        .unwrap();
    t.world
        .send(application("2", "2018-10-15 10:30"), "2018-10-15 10:30")
        .await;
    let step = |step: &str, time: &str| {
        event(step, "case.step_finished", "2", time, json!({"step": step}))
    };
    t.world
        .send(
            vec![
                step("survey", "2018-10-16 10:00"),
                step("review", "2018-10-16 11:00"),
            ],
            "2018-10-16 11:00",
        )
        .await;
    t.world
        .send(
            vec![
                completed("2", "2018-10-16 12:00"),
                completed("1", "2018-10-15 11:00"),
            ],
            "2018-10-16 12:00",
        )
        .await;
    t.expand("2018-10-16 12:00").await;
    assert_eq!(
        t.log().await,
        [
            "accepted - queued 138****5678",
            "step - queued 138****5678",
            "completed - queued 138****5678"
        ],
        "not the step that was not chosen, nor what is a day old"
    );
    let body: String = sqlx::query_scalar("SELECT string_agg(d::text, '') FROM delivery d")
        .fetch_one(&t.world.pool())
        .await
        .unwrap();
    assert!(!body.contains("13812345678") && body.contains("现场踏勘"));
    let phone = deliveries::applicant_phone(&t.world.pool(), "2")
        .await
        .unwrap();
    assert_eq!(phone.as_deref(), Some("13812345678"));
    let mut old = application("3", "2018-10-16 10:00");
    old.iter_mut().for_each(|event| event.initial_load = true);
    t.world
        .supervisor
        .apply_batch(old, true, at("2018-10-16 12:30"))
        .await
        .unwrap();
    t.expand("2018-10-16 12:30").await;
    assert_eq!(t.log().await.len(), 3);
}

#[tokio::test]
async fn a_delivery_goes_through_its_states_and_a_digest_takes_its_members_along() {
    let mut t = Telling::new("sms").await;
    let account = t.person("a", "inspector", "C", None).await;
    t.subscribe(account, "C", &["yellow_card"]).await;
    let cases = (0..4)
        .map(|no| accepted(&no.to_string(), "2018-10-15 10:00"))
        .collect();
    t.world.send(cases, "2018-10-15 10:00").await;
    t.world.wait_until("2018-10-25 09:00").await;
    let now = at("2018-10-25 09:00");
    t.expand("2018-10-25 09:00").await;
    let pool = t.world.pool();
    let due = t.due("2018-10-25 09:00").await;
    assert_eq!(due.len(), 4);
    let (one, two) = (due[0].id, due[1].id);
    assert_eq!(
        deliveries::busy_channels(&pool, now).await.unwrap(),
        [t.channel]
    );
    t.finish(
        one,
        now,
        Then::Again(Reason::Failed, now + TimeDelta::seconds(30)),
    )
    .await;
    assert_eq!(t.due("2018-10-25 09:00").await.len(), 3);
    t.finish(one, now + TimeDelta::seconds(30), Then::Sent)
        .await;
    assert!(
        !deliveries::begin(&pool, one).await.unwrap(),
        "sent is sent"
    );
    assert_eq!(
        deliveries::attempts_since(&pool, t.channel, now - TimeDelta::seconds(1))
            .await
            .unwrap(),
        2
    );
    // A console that stopped in the middle.
    assert!(deliveries::begin(&pool, two).await.unwrap());
    assert_eq!(deliveries::interrupted(&pool, now).await.unwrap(), 1);
    let attempts = channels::attempts(&pool, &[one, two]).await.unwrap();
    let outcomes: Vec<&str> = attempts
        .iter()
        .map(|attempt| attempt.outcome.as_str())
        .collect();
    assert_eq!(outcomes, ["later", "sent", "interrupted"]);
    deliveries::hold(&pool, &[(two, now + TimeDelta::hours(1))])
        .await
        .unwrap();
    let members: Vec<i64> = due[1..].iter().map(|due| due.id).collect();
    let digest = deliveries::digest(&pool, &members, now)
        .await
        .unwrap()
        .unwrap();
    let (counts, listed) = deliveries::members(&pool, digest, 2).await.unwrap();
    assert_eq!((counts[0].1, listed.len()), (3, 2));
    deliveries::drop_unsent(&pool, &[digest], Reason::GaveUp, "no answer", now)
        .await
        .unwrap();
    let not_sent = t
        .log()
        .await
        .iter()
        .filter(|line| line.contains("not_sent gave_up"))
        .count();
    assert_eq!(not_sent, 4, "the digest and the three it counts");
    assert_eq!(channels::not_sent(&pool, "C", now).await.unwrap(), 3);
    assert_eq!(channels::waiting(&pool, "C").await.unwrap(), 0);
}

#[tokio::test]
async fn what_waits_too_long_behind_a_failing_channel_is_given_up_loudly() {
    let mut t = Telling::new("sms").await;
    let account = t.person("a", "inspector", "C", None).await;
    t.subscribe(account, "C", &["yellow_card"]).await;
    t.world
        .send(vec![accepted("1", "2018-10-15 10:00")], "2018-10-15 10:00")
        .await;
    t.world.wait_until("2018-10-25 09:00").await;
    t.expand("2018-10-25 09:00").await;
    let pool = t.world.pool();
    channels::fails(&pool, t.channel, at("2018-10-25 09:30"), "refused")
        .await
        .unwrap();
    assert!(
        deliveries::busy_channels(&pool, at("2018-10-25 09:10"))
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(
        deliveries::busy_channels(&pool, at("2018-10-25 09:30"))
            .await
            .unwrap()
            .len(),
        1
    );
    let (day, six) = (TimeDelta::hours(24), TimeDelta::hours(6));
    assert_eq!(
        deliveries::give_up(&pool, day, six, at("2018-10-26 08:59"))
            .await
            .unwrap(),
        0
    );
    assert_eq!(
        deliveries::give_up(&pool, day, six, at("2018-10-26 09:00"))
            .await
            .unwrap(),
        1
    );
    assert_eq!(t.log().await, ["issued yellow_card not_sent gave_up a"]);
    channels::works(&pool, t.channel, at("2018-10-26 09:00"))
        .await
        .unwrap();
    assert_eq!(
        channels::find(&pool, t.channel)
            .await
            .unwrap()
            .unwrap()
            .failures,
        0
    );
}

#[tokio::test]
async fn an_order_is_told_at_every_step_and_before_its_answer_falls_due() {
    let mut t = Telling::of(World::asking(START).await, "sms").await;
    for (login, role, unit) in [
        ("inspector", "inspector", None),
        ("manager", "hall_manager", None),
        ("other-unit", "unit_head", Some("U2")),
    ] {
        let account = t.person(login, role, "C", unit).await;
        // An order has no grade, and is told whatever grades somebody chose.
        t.subscribe(account, "C", &["red_card"]).await;
    }
    let new = NewOrder {
        to: Rung::HallManager,
        hall: "C".into(),
        unit: Some("U1".into()),
        window: None,
        about: About::default(),
        text: "请说明窗口无人的原因".into(),
        attachments: Vec::new(),
        actor: person("leader"),
    };
    let (order, _) = t
        .world
        .supervisor
        .issue_by_hand(&new, at("2018-10-15 10:00"))
        .await
        .unwrap();
    // Five workdays: until 10-22 17:30. On the workday before it is said once.
    for now in ["2018-10-18 09:30", "2018-10-19 09:30", "2018-10-19 16:00"] {
        remind(&t.world.pool(), t.world.supervisor.reference(), at(now))
            .await
            .unwrap();
    }
    t.world.wait_until("2018-10-22 17:30").await;
    t.expand("2018-10-22 18:00").await;
    let cancel = OrderAction {
        order,
        revision: 2,
        action: "cancel".into(),
        why: Some("情况已核实".into()),
        objective: None,
        measures: None,
        attachments: Vec::new(),
        actor: person("inspector"),
    };
    t.world
        .supervisor
        .act_on_order(&cancel, at("2018-10-23 09:00"))
        .await
        .unwrap();
    t.expand("2018-10-23 09:00").await;
    assert_eq!(
        t.log().await,
        [
            "issued - queued inspector",
            "issued - queued manager",
            "answer_due - queued manager",
            "escalated - queued inspector",
            "escalated - queued manager",
            "cancelled - queued inspector",
            "cancelled - queued manager",
        ]
    );
}
