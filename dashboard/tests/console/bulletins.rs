//! The bulletin of a month through the interface: its figures are the screens', it is edited, signed and published once, and then stays.

use axum::http::StatusCode;
use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveTime, TimeZone, Utc};
use chrono_tz::Asia::Shanghai;
use mingjing_dashboard::bulletin::drafts;
use mingjing_dashboard::bulletin::print::{self, Format};
use mingjing_dashboard::bulletin::{self, Language, Of};
use serde_json::{Value, json};
use sha2::Digest;

use crate::common::{COUNTY, Console, Person, TOWN_1, TOWN_2};
use crate::months::once;

/// The first day of the month before last: its tenth workday is over, whatever day it is.
fn first() -> NaiveDate {
    let today = Utc::now().with_timezone(&Shanghai).date_naive();
    today.with_day(1).unwrap() - Months::new(2)
}

fn month() -> String {
    first().format("%Y-%m").to_string()
}

fn noon(day: u64) -> DateTime<Utc> {
    let local = (first() + Days::new(day - 1)).and_time(NaiveTime::from_hms_opt(12, 0, 0).unwrap());
    Shanghai.from_local_datetime(&local).unwrap().to_utc()
}

/// Twelve cases of the second town, promised for the 10th and lawful until the 15th: one decided on the 12th, one on the 20th.
async fn closed_month() -> (Console, Person, Person) {
    let console = Console::start().await;
    console.end_trial_run().await;
    console.account("li", "inspector", COUNTY, None).await;
    console.account("chen", "leader", COUNTY, None).await;
    let (li, chen) = (console.sign_in("li").await, console.sign_in("chen").await);
    let mut events = Vec::new();
    for i in 0..12 {
        let no = format!("case-{i}");
        let due = json!({"promise_due": noon(10), "legal_due": noon(15), "date_only": true});
        let mut accepted = console.event("a", "case.accepted", &no, TOWN_2, "RSJ", due);
        accepted["time"] = json!(noon(2));
        let done = json!({"date_only": true});
        let mut completed = console.event("c", "case.completed", &no, TOWN_2, "RSJ", done);
        completed["time"] = json!(noon(match i {
            0 => 12,
            1 => 20,
            _ => 9,
        }));
        events.extend([accepted, completed]);
    }
    console.send(&events).await;
    console.app.engine().reload();
    let path = format!("/api/v1/rankings?level=town&month={}", month());
    let closed = |answer: &Value| answer["standing"]["state"] == "closed";
    once(&console, &path, &li, closed).await;
    drafts::write_missing(&console.app).await.unwrap();
    (console, li, chen)
}

fn path(rest: &str) -> String {
    format!("/api/v1/bulletins/{}{rest}", month())
}

async fn read(console: &Console, person: &Person, rest: &str) -> Value {
    let (status, found) = console.get(&path(rest), person).await;
    assert_eq!(status, StatusCode::OK, "{found}");
    found
}

fn section<'a>(bulletin: &'a Value, key: &str) -> &'a Value {
    let sections = bulletin["document"]["sections"].as_array().unwrap();
    sections
        .iter()
        .find(|section| section["key"] == key)
        .unwrap()
}

fn said(bulletin: &Value, key: &str) -> Vec<String> {
    let findings = section(bulletin, key)["findings"].as_array().unwrap();
    findings
        .iter()
        .map(|it| it["zh"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn the_figures_of_a_bulletin_are_those_of_the_screens() {
    let (console, li, _) = closed_month().await;
    let bulletin = read(&console, &li, "").await;
    let last = (first() + Months::new(1)).pred_opt().unwrap();
    let whole = async |name: &str, key: &str| {
        let asked = format!("/api/v1/statistics/{name}?from={}&to={last}", first());
        let (_, table) = console.get(&asked, &li).await;
        let columns = table["columns"].as_array().unwrap();
        let column = columns.iter().position(|it| it["key"] == key).unwrap();
        let rows = table["rows"].as_array().unwrap();
        rows.last().unwrap()[column].as_f64().unwrap()
    };
    let main = &section(&bulletin, "cases")["tables"][0]["rows"];
    let shown = |row: usize| main[row][1]["zh"].as_str().unwrap().to_owned();
    assert_eq!(shown(0), whole("volumes", "accepted").await.to_string());
    assert_eq!(shown(1), whole("volumes", "completed").await.to_string());
    assert_eq!(shown(2), whole("timeliness", "due").await.to_string());
    assert_eq!(shown(3), whole("timeliness", "met").await.to_string());
    let rate = whole("timeliness", "on_time").await * 100.0;
    assert_eq!(shown(4), format!("{rate:.1}%"));
    assert_eq!(
        said(&bulletin, "cases")[..3],
        [
            "受理12件；办结12件。",
            "应办结12件，按时办结10件，按时率83.3%。",
            "办结超法定时限1件。"
        ]
    );
    // The worst overrun: the case of the 20th, three or more workdays past its limit.
    let overruns = &section(&bulletin, "cards")["tables"][0]["rows"];
    assert_eq!(overruns.as_array().unwrap().len(), 1, "{overruns}");
    assert_eq!(overruns[0][0]["zh"], "case-1");

    let ranked = &section(&bulletin, "rankings")["tables"][0]["rows"];
    let asked = format!("/api/v1/rankings?level=town&month={}", month());
    let (_, ranking) = console.get(&asked, &li).await;
    let screen: Vec<(String, String)> = ranking["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            (
                row["rank"].to_string().replace("null", "—"),
                row["subject"]["name"].as_str().unwrap().to_owned(),
            )
        })
        .collect();
    let printed: Vec<(String, String)> = ranked
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            (
                row[0]["zh"].as_str().unwrap().to_owned(),
                row[1]["zh"].as_str().unwrap().to_owned(),
            )
        })
        .collect();
    assert_eq!(printed, screen);
    let first_score = ranking["rows"][0]["score"].as_f64().unwrap();
    assert_eq!(ranked[0][2]["zh"], format!("{first_score}"));

    // The town's own has the same cases and its own place; the other town had none.
    let town = read(&console, &li, &format!("?town={TOWN_2}")).await;
    assert_eq!(said(&town, "cases")[0], "受理12件；办结12件。");
    assert!(
        said(&town, "rankings")[0].starts_with("本中心得"),
        "{:?}",
        said(&town, "rankings")
    );
    let other = read(&console, &li, &format!("?town={TOWN_1}")).await;
    assert_eq!(said(&other, "cases"), ["本月没有受理、办结和到期的办件。"]);
}

#[tokio::test]
async fn a_bulletin_is_edited_signed_and_published_once_and_then_stays() {
    let (console, li, chen) = closed_month().await;
    console.account("zhang", "hall_manager", COUNTY, None).await;
    let zhang = console.sign_in("zhang").await;
    let act = async |step: &str, person: &Person, body: Value| {
        console
            .post_json(&path(&format!("/{step}")), Some(person), body)
            .await
    };
    // Whom it is about does not read a draft.
    assert_eq!(
        console.get(&path(""), &zhang).await.0,
        StatusCode::NOT_FOUND
    );
    let drafted = read(&console, &li, "").await;
    assert_eq!(
        (&drafted["state"], &drafted["actions"]),
        (&json!("draft"), &json!(["draft", "text"]))
    );

    // Two at once: the second is told, and what the first wrote stands.
    let text = |words: &str| json!({"revision": 1, "text": {"orders": {"zh": words, "en": ""}}});
    assert_eq!(
        act("text", &li, text("督办情况另行通报。")).await.0,
        StatusCode::OK
    );
    assert_eq!(
        act("text", &li, text("没有。")).await.0,
        StatusCode::CONFLICT
    );
    let bad = json!({"revision": 2, "text": {"nowhere": {"zh": "一", "en": ""}}});
    assert_eq!(
        act("text", &li, bad).await.0,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    assert_eq!(
        said(&read(&console, &li, "").await, "orders"),
        ["督办情况另行通报。"]
    );

    // Signed by a leader, of what was read; taken back with a reason; signed again and published by an inspector.
    assert_eq!(
        act("publish", &li, json!({"revision": 2})).await.0,
        StatusCode::CONFLICT
    );
    assert_eq!(
        act("sign", &li, json!({"revision": 2})).await.0,
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        act("sign", &chen, json!({"revision": 1})).await.0,
        StatusCode::CONFLICT
    );
    assert_eq!(
        act("sign", &chen, json!({"revision": 2})).await.0,
        StatusCode::OK
    );
    assert_eq!(act("text", &li, text("改。")).await.0, StatusCode::CONFLICT);
    assert_eq!(
        act("take-back", &chen, json!({"revision": 3})).await.0,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    let why = json!({"revision": 3, "why": "数据待核"});
    assert_eq!(act("take-back", &chen, why).await.0, StatusCode::OK);
    // Its figures are read again: what was edited stays.
    let (_, again) = act("draft", &li, json!({"revision": 4})).await;
    assert_eq!(said(&again, "orders"), ["督办情况另行通报。"]);
    assert_eq!(
        act("sign", &chen, json!({"revision": 5})).await.0,
        StatusCode::OK
    );
    let (status, published) = act("publish", &li, json!({"revision": 6})).await;
    assert_eq!(status, StatusCode::OK, "{published}");
    assert_eq!(published["document"]["signature"]["leader"], "chen");
    assert_eq!(published["document"]["standing"], Value::Null);

    // It is told to whoever follows, and read by whom it is about; nothing of it changes, for nobody.
    let told: (String, String) =
        sqlx::query_as("SELECT about, what FROM notice WHERE subject = $1")
            .bind(month())
            .fetch_one(console.app.db())
            .await
            .unwrap();
    assert_eq!(told, ("bulletin".into(), "published".into()));
    assert_eq!(console.get(&path(""), &zhang).await.0, StatusCode::OK);
    assert_eq!(
        act("draft", &li, json!({"revision": 6})).await.0,
        StatusCode::CONFLICT
    );
    let of = console.owner();
    for sql in [
        "UPDATE bulletin SET edits = '{}' WHERE state = 'published'",
        "UPDATE bulletin SET state = 'draft' WHERE state = 'published'",
        "DELETE FROM bulletin WHERE state = 'published'",
        "UPDATE bulletin_file SET content = ''",
        "DELETE FROM bulletin_step",
    ] {
        assert!(sqlx::query(sql).execute(of).await.is_err(), "{sql}");
    }
    let sum = async |rest: &str| {
        let mut found = Vec::new();
        for format in Format::ALL {
            let (status, bytes) = console
                .bytes(&path(&format!(".{}{rest}", format.ending())), &zhang)
                .await;
            assert_eq!(status, StatusCode::OK, "{format:?}");
            found.push(hex::encode(sha2::Sha256::digest(&bytes)));
        }
        found
    };
    let before = sum("").await;

    // An addendum has a number of its own, and of two at once the second is told.
    let text = json!({"zh": "办结数更正为11件。", "en": "Ended: 11."});
    let addendum = json!({"addenda": 0, "text": text});
    assert_eq!(
        act("addenda", &li, addendum.clone()).await.0,
        StatusCode::FORBIDDEN
    );
    let (status, corrected) = act("addenda", &chen, addendum.clone()).await;
    assert_eq!(status, StatusCode::OK, "{corrected}");
    assert_eq!(
        act("addenda", &chen, addendum).await.0,
        StatusCode::CONFLICT
    );
    assert_eq!(corrected["addenda"][0]["n"], 1);
    assert!(
        corrected["addenda"][0]["document"]["number"]["zh"]
            .as_str()
            .unwrap()
            .ends_with("更正1号")
    );
    assert_eq!(
        sum("").await,
        before,
        "the bulletin itself stays, to the byte"
    );
    assert_ne!(sum("?addendum=1").await, before);

    let trace: Vec<Value> = sqlx::query_scalar(
        "SELECT after::jsonb -> 'step' FROM audit WHERE action = 'bulletin.changed' AND subject = $1 ORDER BY seq",
    )
    .bind(month())
    .fetch_all(of)
    .await
    .unwrap();
    assert_eq!(
        trace,
        [
            "draft",
            "text",
            "sign",
            "take_back",
            "draft",
            "sign",
            "publish",
            "addendum"
        ]
    );
}

#[tokio::test]
async fn what_a_county_publishes_is_read_in_its_towns_and_written_by_the_county_alone() {
    let (console, li, chen) = closed_month().await;
    console.account("wang", "leader", TOWN_2, None).await;
    console.account("wu", "hall_manager", TOWN_2, None).await;
    let (wang, wu) = (console.sign_in("wang").await, console.sign_in("wu").await);
    let listed = async |person: &Person| -> Vec<Value> {
        let (_, list) = console.get("/api/v1/bulletins", person).await;
        let rows = list["bulletins"].as_array().unwrap().iter();
        let of_month = rows.filter(|row| row["month"] == month());
        of_month
            .map(|row| json!([row["town"], row["state"]]))
            .collect()
    };
    let absent = StatusCode::NOT_FOUND;
    // A draft of the county's is the county's; a leader of a town reads that of the own town.
    assert_eq!(listed(&wang).await, [json!([TOWN_2, "draft"])]);
    assert_eq!(console.get(&path(""), &wang).await.0, absent);
    let text =
        json!({"revision": 1, "text": {"orders": {"zh": "本月平稳。", "en": "A calm month."}}});
    let rewritten = console.post_json(&path("/text"), Some(&li), text).await;
    assert_eq!(rewritten.0, StatusCode::OK, "{}", rewritten.1);
    assert_ne!(rewritten.1["edits"], json!({}));
    let revision = json!({"revision": 2});
    let signed = console
        .post_json(&path("/sign"), Some(&chen), revision)
        .await;
    assert_eq!(signed.0, StatusCode::OK);
    let revision = json!({"revision": 3});
    let published = console
        .post_json(&path("/publish"), Some(&li), revision)
        .await;
    assert_eq!(published.0, StatusCode::OK);

    let county = json!([null, "published"]);
    assert_eq!(
        listed(&wang).await,
        [county.clone(), json!([TOWN_2, "draft"])]
    );
    assert_eq!(listed(&wu).await, [county]);
    for person in [&wang, &wu] {
        let there = read(&console, person, "").await;
        // What was published, not how it came about.
        let told = ["actions", "steps", "edits"].map(|it| &there[it]);
        assert_eq!(told, [&json!([]), &json!([]), &json!({})]);
        let (status, _) = console.bytes(&path(".pdf"), person).await;
        assert_eq!(status, StatusCode::OK);
    }
    let correction = json!({"addenda": 0, "text": {"zh": "更正", "en": ""}});
    let (status, problem) = console
        .post_json(&path("/addenda"), Some(&wang), correction)
        .await;
    assert_eq!(status, absent, "{problem}");
    // Another town's stays that town's, drafted or published.
    let other = path(&format!("?town={TOWN_1}"));
    assert_eq!(console.get(&other, &wang).await.0, absent);
}

#[tokio::test]
async fn the_same_data_give_the_same_bytes() {
    let (console, ..) = closed_month().await;
    let of = Of::new(&console.app, first(), None).unwrap();
    let (once, again) = (
        bulletin::draft(&console.app, &of).await.unwrap(),
        bulletin::draft(&console.app, &of).await.unwrap(),
    );
    assert_eq!(once, again);
    for format in Format::ALL {
        let printed =
            [&once, &again].map(|document| print::print(document, format, Language::Zh).unwrap());
        assert!(printed[0] == printed[1], "{format:?}");
    }
}
