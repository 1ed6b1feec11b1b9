//! A month that closed, through the interface: what was published, what came out otherwise, the year, and opening it again.

use std::time::Duration;

use axum::http::StatusCode;
use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveTime, TimeZone, Utc};
use chrono_tz::Asia::Shanghai;
use serde_json::{Value, json};

use crate::common::{COUNTY, Console, Person, TOWN_1, TOWN_2};

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

/// Twelve cases of a town, promised for the 10th; two of them decided two days later.
async fn cases(console: &Console, hall: &str) {
    let mut events = Vec::new();
    for i in 0..12 {
        let no = format!("{hall}-{i}");
        let due = json!({"promise_due": noon(10), "legal_due": noon(25), "date_only": true});
        let mut accepted = console.event("a", "case.accepted", &no, hall, "RSJ", due);
        accepted["time"] = json!(noon(2));
        let done = json!({"date_only": true});
        let mut completed = console.event("c", "case.completed", &no, hall, "RSJ", done);
        completed["time"] = json!(noon(if i < 2 { 12 } else { 10 }));
        events.extend([accepted, completed]);
    }
    console.send(&events).await;
}

/// What `path` answers once it is as `wanted`.
pub async fn once(
    console: &Console,
    path: &str,
    person: &Person,
    wanted: impl Fn(&Value) -> bool,
) -> Value {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    loop {
        let (status, answer) = console.get(path, person).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        if wanted(&answer) {
            return answer;
        }
        assert!(tokio::time::Instant::now() < deadline, "{answer:#}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn row<'a>(ranking: &'a Value, code: &str) -> &'a Value {
    let rows = ranking["rows"].as_array().unwrap();
    let found = rows.iter().find(|row| row["subject"]["code"] == code);
    found.unwrap_or_else(|| panic!("{code} in {ranking:#}"))
}

#[tokio::test]
async fn a_closed_month_keeps_what_it_said_and_shows_what_was_corrected() {
    let console = Console::start().await;
    console.end_trial_run().await;
    for login in ["li", "wang"] {
        console.account(login, "inspector", COUNTY, None).await;
    }
    console.account("zhang", "hall_manager", TOWN_1, None).await;
    let (li, wang) = (console.sign_in("li").await, console.sign_in("wang").await);
    let zhang = console.sign_in("zhang").await;
    cases(&console, TOWN_2).await;
    // Tomorrow it would look by itself; whatever changes the county lets it look at once.
    console.app.engine().reload();
    let path = format!("/api/v1/rankings?level=town&month={}", month());
    let closed = |answer: &Value| answer["standing"]["state"] == "closed";
    let ranking = once(&console, &path, &li, closed).await;
    // Two yellow cards of at least a hundred cases: 50.4 of 56 are 90.
    assert_eq!(row(&ranking, TOWN_2)["score"], 90.0, "{ranking:#}");
    assert_eq!(row(&ranking, TOWN_2)["corrected"], Value::Null);

    // One of the two is revoked: 53.2 of 56 are 95, beside the 90 that stay.
    let scores = format!(
        "/api/v1/scores?level=town&subject={TOWN_2}&month={}",
        month()
    );
    let (_, sheet) = console.get(&scores, &li).await;
    let card = &sheet["sheet"]["parts"][0]["lines"][0]["card"];
    let (_, found) = console.get(&format!("/api/v1/cards/{card}"), &li).await;
    let act = json!({"why": "the applicant was away", "revision": found["revision"]});
    let revoke = format!("/api/v1/cards/{card}/revoke");
    let (status, said) = console.post_json(&revoke, Some(&li), act).await;
    assert_eq!(status, StatusCode::OK, "{said}");
    let corrected = |answer: &Value| row(answer, TOWN_2)["corrected"]["score"] == 95.0;
    let ranking = once(&console, &path, &li, corrected).await;
    assert_eq!(row(&ranking, TOWN_2)["score"], 90.0);
    let (_, sheet) = console.get(&scores, &li).await;
    assert_eq!(
        (&sheet["sheet"]["score"], &sheet["corrected"]["score"]),
        (&json!(90.0), &json!(95.0))
    );
    let noticed = Utc::now().with_timezone(&Shanghai).format("%Y-%m");
    let listed = format!("/api/v1/score-changes?noticed={noticed}");
    let (_, changes) = console.get(&listed, &li).await;
    let change = &changes["changes"][0];
    assert_eq!(
        changes["changes"].as_array().unwrap().len(),
        1,
        "{changes:#}"
    );
    assert_eq!(
        (&change["before"]["score"], &change["after"]["score"]),
        (&json!(90.0), &json!(95.0))
    );
    let differences = change["differences"].as_array().unwrap();
    let rose: f64 = differences
        .iter()
        .map(|one| one["points"].as_f64().unwrap())
        .sum();
    assert!((rose - 5.0).abs() < 1e-9, "{change:#}");
    let gone = differences
        .iter()
        .find(|one| one["turn"] == "went")
        .unwrap();
    assert_eq!(gone["cause"]["why"], "the applicant was away", "{gone:#}");
    let (_, foreign) = console.get(&listed, &zhang).await;
    assert_eq!(foreign["changes"], json!([]));

    // The year goes by what was corrected, and is the sum of what its months give.
    let year = format!("/api/v1/rankings?level=town&year={}", first().year());
    let (_, ranking) = console.get(&year, &li).await;
    let of_year = row(&ranking, TOWN_2);
    let share = |month: &Value| month["share"].as_f64().unwrap();
    let months = of_year["months"].as_array().unwrap();
    let sum: f64 = months.iter().map(share).sum();
    assert_eq!(months[0]["score"], 95.0, "{of_year:#}");
    assert!((sum - of_year["score"].as_f64().unwrap()).abs() < 1e-9);

    // Opened again by another than who asked, and only with a reason.
    let step = async |action: &str, person: &Person, why: Value| {
        let path = format!("/api/v1/months/{}/{action}", month());
        console
            .post_json(&path, Some(person), json!({"why": why}))
            .await
            .0
    };
    let why = json!("a source told of its cases too late");
    assert_eq!(
        step("ask", &li, Value::Null).await,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    assert_eq!(
        step("reopen", &wang, Value::Null).await,
        StatusCode::CONFLICT
    );
    assert_eq!(
        step("ask", &zhang, why.clone()).await,
        StatusCode::FORBIDDEN
    );
    assert_eq!(step("ask", &li, why).await, StatusCode::OK);
    assert_eq!(
        step("reopen", &li, Value::Null).await,
        StatusCode::FORBIDDEN
    );
    assert_eq!(step("reopen", &wang, Value::Null).await, StatusCode::OK);
    let open = |answer: &Value| answer["standing"]["state"] == "open";
    let ranking = once(&console, &path, &li, open).await;
    assert_eq!(row(&ranking, TOWN_2)["score"], 95.0);
    let (_, months) = console.get("/api/v1/months", &li).await;
    let listed = months["months"].as_array().unwrap();
    let found = listed.iter().find(|one| one["month"] == month()).unwrap();
    let steps: Vec<_> = found["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| &step["step"])
        .collect();
    assert_eq!(steps, ["close", "ask", "reopen"]);
    let trace: Vec<String> = sqlx::query_scalar(
        "SELECT action FROM audit WHERE subject_kind = 'month' AND subject = $1 ORDER BY seq",
    )
    .bind(month())
    .fetch_all(console.owner())
    .await
    .unwrap();
    assert_eq!(trace, ["month.closed", "month.changed", "month.changed"]);
}
