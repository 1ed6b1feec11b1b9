//! Every number of the monitoring page opens a list with exactly that many rows (`docs/api.md` says which).

use axum::http::StatusCode;
use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Asia::Shanghai;
use mingjing_monitor::org::{Hall, Level};
use mingjing_monitor::store::halls;
use serde_json::{Value, json};

use crate::common::{COUNTY, Console, Person, TOWN_1, TOWN_2};

const VILLAGE: &str = "V1";

/// Midnight of a day of the county, as the page writes it into an address.
fn midnight(day: NaiveDate) -> String {
    let local = Shanghai.from_local_datetime(&day.and_time(NaiveTime::MIN));
    local
        .unwrap()
        .with_timezone(&Utc)
        .format("%Y-%m-%dT%H:%M:%SZ")
        .to_string()
}

/// How many cases the list has, page by page.
async fn listed(console: &Console, person: &Person, query: &str) -> i64 {
    let (mut found, mut cursor) = (0, String::new());
    loop {
        let path = format!("/api/v1/cases?limit=3&{query}{cursor}");
        let (status, list) = console.get(&path, person).await;
        assert_eq!(status, StatusCode::OK, "{path}: {list}");
        found += list["items"].as_array().unwrap().len();
        match list["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return i64::try_from(found).unwrap(),
        }
    }
}

/// A case accepted ten days ago; `data` may carry limits, `then` what else happened to it, and when.
async fn case(
    console: &Console,
    no: &str,
    place: (&str, &str),
    data: Value,
    then: &[(&str, DateTime<Utc>)],
) {
    let (hall, unit) = place;
    let mut events = Vec::new();
    let first = console.event("accepted", "case.accepted", no, hall, unit, data);
    let mut all = vec![(first, Utc::now() - TimeDelta::days(10))];
    for (kind, at) in then {
        let event = console.event(kind, kind, no, hall, unit, json!({"reason": "as asked"}));
        all.push((event, *at));
    }
    for (mut event, at) in all {
        event["time"] = json!(at);
        events.push(event);
    }
    console.send(&events).await;
}

/// Cases of every sort, in the county hall, two towns and a village of the first, for two units.
async fn county() -> Console {
    let console = Console::start().await;
    let village = Hall {
        code: VILLAGE.into(),
        parent: Some(TOWN_1.into()),
        level: Level::Village,
        name: VILLAGE.into(),
        name_en: String::new(),
        opening: Default::default(),
    };
    let mut connection = console.app.db().acquire().await.unwrap();
    halls::upsert_halls(&mut connection, &[village])
        .await
        .unwrap();
    drop(connection);
    console.app.reload_directory().await.unwrap();

    let now = Utc::now();
    let (ago, ahead) = (
        |days| now - TimeDelta::days(days),
        |days| now + TimeDelta::days(days),
    );
    let tomorrow = now.with_timezone(&Shanghai).date_naive() + Days::new(1);
    let tonight = midnight(tomorrow).parse::<DateTime<Utc>>().unwrap() - TimeDelta::microseconds(1);
    let places = [
        (COUNTY, "RSJ"),
        (COUNTY, "GAJ"),
        (TOWN_1, "RSJ"),
        (TOWN_2, "RSJ"),
        (VILLAGE, "RSJ"),
        (TOWN_1, "GAJ"),
    ];
    let done = [("case.completed", now)];
    for (n, place) in places.into_iter().enumerate() {
        let no = |what: &str| format!("{what}-{n}");
        let due = |promise: DateTime<Utc>| json!({"promise_due": promise, "legal_due": ahead(40)});
        case(&console, &no("running"), place, due(ahead(5)), &[]).await;
        case(&console, &no("tonight"), place, due(tonight), &[]).await;
        case(
            &console,
            &no("law"),
            place,
            json!({"legal_due": tonight}),
            &[],
        )
        .await;
        case(&console, &no("over"), place, due(ago(1)), &[]).await;
        let late = json!({"promise_due": ago(3), "legal_due": ago(1)});
        case(&console, &no("unlawful"), place, late, &[]).await;
        case(&console, &no("free"), place, json!({}), &[]).await;
        case(&console, &no("met"), place, due(tonight), &done).await;
        case(&console, &no("late"), place, due(ago(2)), &done).await;
        let before = [("case.completed", ago(2))];
        case(&console, &no("earlier"), place, due(ago(1)), &before).await;
        let gone = [("case.withdrawn", now)];
        case(&console, &no("gone"), place, due(ago(1)), &gone).await;
        let at_once = json!({"kind": "immediate", "promise_due": tonight});
        case(&console, &no("at-once"), place, at_once, &done).await;
    }
    // Applied for and not accepted: open, its clock not started; and one refused without ever having been accepted.
    let applied = |no: &str| console.event("applied", "case.applied", no, TOWN_1, "RSJ", json!({}));
    let refused = console.event(
        "refused",
        "case.refused",
        "applied-2",
        TOWN_1,
        "RSJ",
        json!({"reason": "papers"}),
    );
    console
        .send(&[applied("applied-1"), applied("applied-2"), refused])
        .await;
    console
}

#[tokio::test]
async fn each_number_of_the_strip_opens_as_many_cases() {
    let console = county().await;
    console.account("li", "inspector", COUNTY, None).await;
    console.account("zhang", "hall_manager", TOWN_1, None).await;
    console
        .account("wang", "unit_head", COUNTY, Some("GAJ"))
        .await;
    for (login, hall) in [
        ("li", None),
        ("li", Some(TOWN_1)),
        ("zhang", None),
        ("wang", None),
    ] {
        let person = console.sign_in(login).await;
        let at = hall.map_or(String::new(), |hall| format!("&hall={hall}"));
        let (_, overview) = console
            .get(&format!("/api/v1/overview?{}", &at), &person)
            .await;
        let today = overview["at"]
            .as_str()
            .unwrap()
            .parse::<DateTime<Utc>>()
            .unwrap()
            .with_timezone(&Shanghai)
            .date_naive();
        let (today, tomorrow) = (midnight(today), midnight(today + Days::new(1)));
        let open = &overview["cases"]["open"];
        let n = |value: &Value| value.as_i64().unwrap();
        let all: i64 = open.as_object().unwrap().values().map(n).sum();
        for (number, query) in [
            (all, "state=open&bucket=any".to_owned()),
            (
                n(&overview["today"]["due"]),
                format!("state=open&bucket=on_time&due_before={tomorrow}"),
            ),
            (
                n(&open["over_promise_only"]),
                "state=open&bucket=over_promise_only".to_owned(),
            ),
            (
                n(&open["over_legal"]),
                "state=open&bucket=over_legal".to_owned(),
            ),
            (
                n(&overview["today"]["completed"]),
                format!("decided_from={today}&decided_to={tomorrow}"),
            ),
        ] {
            assert!(number > 0, "{login} {query}: a case of each sort is there");
            let found = listed(&console, &person, &format!("{query}{at}")).await;
            assert_eq!(found, number, "{login} {hall:?} {query}");
        }
    }
}

#[tokio::test]
async fn each_rank_opens_as_many_cases_as_it_judges() {
    let console = county().await;
    console.account("li", "inspector", COUNTY, None).await;
    let li = console.sign_in("li").await;
    // Yesterday may lie in the month before.
    let first = (Utc::now().with_timezone(&Shanghai).date_naive() - Days::new(1))
        .with_day(1)
        .unwrap();
    let due = format!(
        "due_from={}&due_before={}",
        midnight(first),
        midnight(first + Months::new(1))
    );
    let mut judged = 0;
    for level in ["county", "town", "village"] {
        let path = format!(
            "/api/v1/rankings?level={level}&month={}",
            first.format("%Y-%m")
        );
        let (_, ranking) = console.get(&path, &li).await;
        for row in ranking["rows"].as_array().unwrap() {
            let code = row["subject"]["code"].as_str().unwrap();
            let whose = match level {
                "county" => format!("level=county&unit={code}"),
                _ => format!("hall={code}&below=false"),
            };
            for (number, query) in [
                (&row["due"], format!("{whose}&judged=true&{due}")),
                (
                    &row["met"],
                    format!("{whose}&judged=true&bucket=on_time&{due}"),
                ),
                (&row["open"], format!("{whose}&state=open&bucket=any")),
            ] {
                let number = number.as_i64().unwrap();
                judged += number;
                assert_eq!(
                    listed(&console, &li, &query).await,
                    number,
                    "{level} {query}"
                );
            }
        }
    }
    assert!(judged > 0, "there is something to rank");
}

#[tokio::test]
async fn each_window_state_and_source_is_counted_once() {
    let console = county().await;
    console.account("li", "inspector", COUNTY, None).await;
    let li = console.sign_in("li").await;
    let (_, overview) = console.get("/api/v1/overview", &li).await;
    let (_, matrix) = console.get("/api/v1/matrix", &li).await;
    let tiles: Vec<&Value> = matrix["halls"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|hall| hall["windows"].as_array().unwrap())
        .collect();
    let in_state = |state: &str| tiles.iter().filter(|tile| tile["state"] == state).count();
    for state in ["serving", "idle", "empty", "paused", "unknown", "closed"] {
        assert_eq!(overview["windows"][state], in_state(state), "{state}");
    }
    assert_eq!(overview["windows"]["total"], tiles.len());
    assert_eq!(
        overview["windows"]["open"],
        tiles.len() - in_state("closed")
    );
    let (_, cameras) = console.get("/api/v1/cameras", &li).await;
    let cameras = cameras["items"].as_array().unwrap();
    let live = cameras
        .iter()
        .filter(|camera| camera["health"]["state"] == "live");
    assert_eq!(overview["cameras"]["total"], cameras.len());
    assert_eq!(overview["cameras"]["live"], live.count());
    let (_, sources) = console.get("/api/v1/sources", &li).await;
    let sources = sources["items"].as_array().unwrap();
    let silent = sources.iter().filter(|source| source["state"] == "silent");
    assert_eq!(overview["sources"]["total"], sources.len());
    assert_eq!(overview["sources"]["silent"], silent.count());
}
