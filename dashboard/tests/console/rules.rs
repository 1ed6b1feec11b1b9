//! Rule profiles, calendar and trial run over the console's interface.

use std::sync::Arc;

use axum::http::{Method, StatusCode};
use chrono::{TimeDelta, Utc};
use mingjing_alerts::store::shadows::{self, NewRun};
use mingjing_dashboard::boot;
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::common::{COUNTY, Console, Person, TOWN_1};

/// Two inspectors of the county, at a console that hears of what changes in its database, as `mingjing serve` does.
async fn people(console: &Console) -> (Person, Person) {
    let (app, heard) = (console.app.clone(), Arc::new(Notify::new()));
    let listening = Arc::clone(&heard);
    tokio::spawn(boot::follow_changes(console.app.clone(), move |_| {
        app.engine().reload();
        heard.notify_one();
    }));
    listening.notified().await;
    for login in ["li", "wang"] {
        console.account(login, "inspector", COUNTY, None).await;
    }
    (console.sign_in("li").await, console.sign_in("wang").await)
}

async fn draft(console: &Console, by: &Person, text: &str) -> Value {
    let body = json!({"name": "收紧", "remark": "十月例会", "text": text, "based_on": 1});
    let (status, draft) = console
        .post_json("/api/v1/profiles/drafts", Some(by), body)
        .await;
    assert_eq!(status, StatusCode::CREATED, "{draft}");
    draft
}

async fn act(
    console: &Console,
    by: &Person,
    draft: &Value,
    action: &str,
    more: Value,
) -> (StatusCode, Value) {
    let path = format!("/api/v1/profiles/drafts/{}/{action}", draft["id"]);
    let mut body = json!({"revision": draft["revision"]});
    let fields = body.as_object_mut().unwrap();
    fields.extend(more.as_object().unwrap().clone());
    console.post_json(&path, Some(by), body).await
}

#[tokio::test]
async fn one_inspector_writes_and_another_puts_in_force() {
    let console = Console::start().await;
    let (li, wang) = people(&console).await;
    let text = "[R1]\nworkdays = 1\nhsare = 0.3";
    let mut written = draft(&console, &li, text).await;
    assert_eq!(written["faults"][0]["line"], 3, "{written}");
    assert_eq!(written["actions"], json!(["change", "send", "drop"]));
    let (status, problem) = act(&console, &li, &written, "send", json!({})).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{problem}");

    let path = format!("/api/v1/profiles/drafts/{}", written["id"]);
    let body = |revision: &Value| {
        json!({"name": "收紧", "remark": "", "text": "[R1]\nworkdays = 1", "revision": revision})
            .to_string()
    };
    let first = written["revision"].clone();
    let put = async |by: &Person, revision: &Value| {
        console
            .call(Method::PUT, &path, Some(by), Some(body(revision)))
            .await
    };
    let (status, _) = put(&wang, &first).await;
    assert_eq!(
        status,
        StatusCode::FORBIDDEN,
        "only who wrote it changes it"
    );
    let (status, changed) = put(&li, &first).await;
    assert_eq!(status, StatusCode::OK, "{changed}");
    assert_eq!(
        changed["changes"],
        json!([{"key": "R1.workdays", "before": "2", "after": "1"}])
    );
    let (status, _) = put(&li, &first).await;
    assert_eq!(status, StatusCode::CONFLICT, "a revision that is gone");
    written = changed;

    let (status, _) = act(&console, &wang, &written, "enforce", json!({})).await;
    assert_eq!(status, StatusCode::CONFLICT, "it was not sent");
    let (status, sent) = act(&console, &li, &written, "send", json!({})).await;
    assert_eq!((status, &sent["state"]), (StatusCode::OK, &json!("sent")));
    let (status, problem) = act(&console, &li, &sent, "enforce", json!({})).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "{problem}");
    let (status, _) = act(&console, &wang, &sent, "refuse", json!({})).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "why?");
    let yesterday = json!({"from": Utc::now() - TimeDelta::days(1)});
    let (status, _) = act(&console, &wang, &sent, "enforce", yesterday).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "not the past");
    let (status, done) = act(&console, &wang, &sent, "enforce", json!({"why": "同意"})).await;
    assert_eq!(status, StatusCode::OK, "{done}");
    assert_eq!(done["state"], "enforced");
    let (status, _) = act(&console, &wang, &done, "enforce", json!({})).await;
    assert_eq!(status, StatusCode::CONFLICT, "once");
    let steps: Vec<&str> = done["history"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| step["step"].as_str().unwrap())
        .collect();
    assert_eq!(steps, ["write", "change", "send", "enforce"]);

    let (_, versions) = console.get("/api/v1/profiles", &li).await;
    assert_eq!(versions["now"], 2, "{versions}");
    assert_eq!(versions["items"][0]["drafter"], "li");
    assert_eq!(versions["items"][0]["enforcer"], "wang");
    assert_eq!(versions["items"][1]["state"], "past");
    let (_, version) = console.get("/api/v1/profiles/2", &li).await;
    assert_eq!(version["changes"][0]["key"], "R1.workdays");
    let (status, _) = console.get("/api/v1/profiles/9", &li).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let audit: Value = sqlx::query_scalar(
        "SELECT jsonb_build_object('after', after::jsonb, 'login', login, 'reason', reason) FROM audit
         WHERE action = 'profile.changed' AND subject_kind = 'profile'",
    )
    .fetch_one(console.app.db())
    .await
    .unwrap();
    assert_eq!(
        (&audit["login"], &audit["reason"]),
        (&json!("wang"), &json!("同意"))
    );
    assert_eq!(audit["after"]["changes"][0]["after"], "1", "{audit}");
}

#[tokio::test]
async fn a_form_changes_numbers_in_the_text_and_keeps_what_people_wrote() {
    let console = Console::start().await;
    let (li, _) = people(&console).await;
    let (_, known) = console.get("/api/v1/profiles/numbers", &li).await;
    let known = known["items"].as_array().unwrap().clone();
    let one = |part: &str, key: &str| {
        let mut all = known.iter();
        let found = all.find(|number| number["part"] == part && number["key"] == key);
        found.unwrap_or_else(|| panic!("{part}.{key}")).clone()
    };
    assert_eq!(
        one("R1", "workdays"),
        json!({"part": "R1", "key": "workdays", "zh": "剩余不超过", "en": "Left at most", "kind": "number", "unit": "workday",
            "least": 0.0, "most": 1000.0, "digits": 2, "scoped": true, "standard": 2})
    );
    let edit = async |text: &str, edit: Value| {
        let body = json!({"text": text, "edit": edit});
        console
            .post_json("/api/v1/profiles/edit", Some(&li), body)
            .await
    };
    let words = "# 县里的说法\n[R1]\nworkdays = 2.0   # 例会纪要三\n";
    let set = |scope: Value, part: &str, key: &str, value: Value| json!({"do": "set", "scope": scope, "part": part, "key": key, "value": value});
    let (status, answer) = edit(words, set(json!(null), "R1", "workdays", json!(1.5))).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(
        answer["text"],
        "# 县里的说法\n[R1]\nworkdays = 1.5   # 例会纪要三\n"
    );
    assert_eq!(
        answer["changes"],
        json!([{"key": "R1.workdays", "before": "2", "after": "1.5"}])
    );
    let villages = json!({"do": "add", "place": {"level": "village"}});
    let (_, answer) = edit(words, villages).await;
    assert_eq!(answer["scopes"], json!([[["level", "village"]]]));
    let text = answer["text"].as_str().unwrap();
    let (_, answer) = edit(text, set(json!(0), "R1", "workdays", json!(4))).await;
    let numbers = answer["numbers"].as_array().unwrap();
    let near = numbers
        .iter()
        .find(|number| number["part"] == "R1" && number["key"] == "workdays");
    assert_eq!(
        near.unwrap()["scopes"],
        json!([{"scope": 0, "place": [["level", "village"]], "value": 4}])
    );

    // What a number does not take is said with its place; weights that wait for another are a fault with its line.
    let (status, problem) = edit(words, set(json!(null), "R1", "share", json!(30))).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        problem["detail"].as_str().unwrap().starts_with("R1.share"),
        "{problem}"
    );
    let (status, problem) = edit("[R1\n", set(json!(null), "R1", "share", json!(0.3))).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        problem["detail"].as_str().unwrap().contains("line 1"),
        "{problem}"
    );
    let weights = "[R1]\n[score.weights]\nfees = 8\n";
    let (status, answer) = edit(
        weights,
        set(json!(null), "score", "weights.fees", json!(10)),
    )
    .await;
    assert_eq!(
        (status, &answer["faults"][0]["line"]),
        (StatusCode::OK, &json!(2))
    );
    let text = answer["text"].as_str().unwrap();
    let (_, answer) = edit(text, set(json!(null), "score", "weights.conduct", json!(8))).await;
    assert_eq!(answer["faults"], json!([]), "100 again: {answer}");
}

#[tokio::test]
async fn the_new_number_stands_on_the_next_card() {
    let console = Console::start().await;
    let (li, wang) = people(&console).await;
    console.overdue("before", TOWN_1, "RSJ").await;
    let written = draft(
        &console,
        &li,
        "[R2]\nyellow = { of = 'promise', share = 0.5 }",
    )
    .await;
    let (_, sent) = act(&console, &li, &written, "send", json!({})).await;
    // Falls due by the new rules and not by the old ones: half of the promise is gone, and it is open when they come.
    let mut half = console.event(
        "accepted",
        "case.accepted",
        "half",
        TOWN_1,
        "RSJ",
        json!({"promise_due": Utc::now() + TimeDelta::days(10)}),
    );
    half["time"] = json!(Utc::now() - TimeDelta::days(40));
    console.send(&[half]).await;
    let (status, _) = act(&console, &wang, &sent, "enforce", json!({})).await;
    assert_eq!(status, StatusCode::OK);
    let told = console
        .wait_for_message(&li, |message| {
            message["type"] == "card.issued"
                && message["data"]["case"] == "half"
                && message["data"]["rule"] == "R2"
        })
        .await;
    let sentence = told["data"]["sentence_zh"].as_str().unwrap().to_owned();
    assert!(sentence.ends_with("R2 · v2"), "{told}");
    assert!(sentence.contains("50%"), "{told}");
    let of_before: Vec<i32> = sqlx::query_scalar(
        "SELECT profile_version FROM card WHERE case_no = 'before' AND rule = 'R2'",
    )
    .fetch_all(console.app.db())
    .await
    .unwrap();
    assert_eq!(of_before, [1]);
    let (_, versions) = console.get("/api/v1/profiles", &li).await;
    assert!(
        versions["items"][0]["cards"].as_i64().unwrap() >= 1,
        "{versions}"
    );
}

#[tokio::test]
async fn a_trial_run_is_switched_without_a_restart_and_marks_its_cards() {
    let console = Console::start().await;
    let (li, _) = people(&console).await;
    let trial = async |case: &str| -> bool {
        console.overdue(case, TOWN_1, "RSJ").await;
        sqlx::query_scalar("SELECT trial FROM card WHERE case_no = $1 AND grade = 'yellow_card'")
            .bind(case)
            .fetch_one(console.app.db())
            .await
            .unwrap()
    };
    assert!(trial("first").await, "a county starts in its trial run");
    let set = async |on: bool, reason: &str| {
        let body = json!({"on": on, "reason": reason});
        console
            .post_json("/api/v1/county/trial-run", Some(&li), body)
            .await
    };
    let (status, _) = set(false, " ").await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "why?");
    let (status, answer) = set(false, "试运行期满").await;
    assert_eq!((status, &answer), (StatusCode::OK, &json!({"on": false})));
    let (status, _) = set(false, "再次").await;
    assert_eq!(status, StatusCode::CONFLICT);
    console
        .wait_for_message(&li, |message| message["type"] == "county.changed")
        .await;
    let (_, session) = console.get("/api/v1/session", &li).await;
    assert_eq!(session["county"]["trial_run"], false, "{session}");
    assert!(!trial("second").await, "from now on they count");
    let first: bool =
        sqlx::query_scalar("SELECT bool_and(trial) FROM card WHERE case_no = 'first'")
            .fetch_one(console.app.db())
            .await
            .unwrap();
    assert!(first, "and what was issued before does not");
    console.account("town", "inspector", TOWN_1, None).await;
    let town = console.sign_in("town").await;
    let body = json!({"on": true, "reason": "x"});
    let (status, _) = console
        .post_json("/api/v1/county/trial-run", Some(&town), body)
        .await;
    assert_eq!(status, StatusCode::FORBIDDEN, "the county is not a town's");
}

#[tokio::test]
async fn cards_of_a_trial_run_count_nowhere_once_it_is_over_and_stand_in_a_view_of_their_own() {
    let console = Console::start().await;
    let (li, _) = people(&console).await;
    console.overdue("tried", TOWN_1, "RSJ").await;
    console.account("zhang", "hall_manager", TOWN_1, None).await;
    let zhang = console.sign_in("zhang").await;
    let awaiting = async || {
        let (_, inbox) = console.get("/api/v1/inbox", &zhang).await;
        inbox["items"].as_array().unwrap().len()
    };
    assert_eq!(awaiting().await, 1);
    // Every place in which a card is counted or marks something: overview, views of the list, rankings, rows of cases.
    let counted = async || {
        let (_, overview) = console.get("/api/v1/overview", &li).await;
        let (_, list) = console.get("/api/v1/cards?view=all", &li).await;
        let month = Utc::now().with_timezone(&chrono_tz::Asia::Shanghai);
        let path = format!(
            "/api/v1/rankings?level=town&month={}",
            month.format("%Y-%m")
        );
        let (_, ranking) = console.get(&path, &li).await;
        let row = ranking["rows"].as_array().unwrap();
        let row = row.iter().find(|row| row["subject"]["code"] == TOWN_1);
        let (_, cases) = console.get("/api/v1/cases?state=open", &li).await;
        let marked = cases["items"].as_array().unwrap().iter();
        let marked = marked.filter(|case| !case["card"].is_null()).count();
        let listed = list["items"].as_array().unwrap().len();
        json!({"overview": overview["cards"]["yellow_card"], "ranking": row.unwrap()["yellow_cards"], "marked": marked,
            "listed": listed, "counts": list["counts"]})
    };
    // A warning that is over and a yellow card each.
    let counts = |cases: u32, tried: u32| json!({"to_answer": cases, "unsigned": cases, "pending": 0, "unconfirmed": 0, "provisional": 0, "contested": 0, "all": 2 * cases, "trial": 2 * tried});
    assert_eq!(
        counted().await,
        json!({"overview": 1, "ranking": 0, "marked": 1, "listed": 2, "counts": counts(1, 1)}),
        "while it goes on the pages work, and say that it does; nobody is ranked by it"
    );
    let body = json!({"on": false, "reason": "试运行期满"});
    let (status, _) = console
        .post_json("/api/v1/county/trial-run", Some(&li), body)
        .await;
    assert_eq!(status, StatusCode::OK);
    console
        .wait_for_message(&li, |message| message["type"] == "county.changed")
        .await;
    assert_eq!(
        counted().await,
        json!({"overview": 0, "ranking": 0, "marked": 0, "listed": 0, "counts": counts(0, 1)}),
    );
    assert_eq!(awaiting().await, 0);
    let (_, tried) = console.get("/api/v1/cards?view=trial", &li).await;
    assert_eq!(tried["items"][0]["trial"], true, "{tried}");
    let (_, case) = console.get("/api/v1/cases/tried", &li).await;
    assert_eq!(
        case["cards"][0]["trial"], true,
        "the case keeps what it was given"
    );
    console.overdue("earnest", TOWN_1, "RSJ").await;
    assert_eq!(
        counted().await,
        json!({"overview": 1, "ranking": 1, "marked": 1, "listed": 2, "counts": counts(1, 1)}),
    );
}

#[tokio::test]
async fn a_year_is_looked_at_before_it_comes_in_and_deadlines_follow() {
    let console = Console::start().await;
    let (li, _) = people(&console).await;
    console.account("admin2", "sysadmin", COUNTY, None).await;
    let admin = console.sign_in("admin2").await;
    let year = 2031;
    let path = format!("/api/v1/calendar?year={year}");
    let (_, before) = console.get(&path, &li).await;
    assert_eq!(
        (&before["loaded"], before["days"].as_array().unwrap().len()),
        (&json!(false), 0)
    );
    let file = json!({"name": "2031.csv", "text": "date,kind,notice\n2031-01-01,holiday,国办发明电\n2031-01-04,makeup,\n"});
    let (status, change) = console
        .post_json("/api/v1/calendar/check", Some(&admin), file.clone())
        .await;
    assert_eq!(status, StatusCode::OK, "{change}");
    assert_eq!(
        change["years"][0]["days"],
        json!([{"date": "2031-01-01", "before": "workday", "after": "holiday"},
               {"date": "2031-01-04", "before": "weekend", "after": "makeup"}])
    );
    assert_eq!(
        (&change["applied"], &change["years"][0]["replaces"]),
        (&json!(false), &json!(false))
    );
    let (_, still) = console.get(&path, &li).await;
    assert_eq!(still["loaded"], false, "looking changes nothing");
    let (status, _) = console
        .post_json("/api/v1/calendar", Some(&li), file.clone())
        .await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    let bad = json!({"name": "2031.csv", "text": "date,kind\n2031-13-01,holiday\n"});
    let (status, problem) = console
        .post_json("/api/v1/calendar/check", Some(&admin), bad)
        .await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        problem["detail"].as_str().unwrap().contains("2031.csv:2"),
        "{problem}"
    );
    let (status, applied) = console
        .post_json("/api/v1/calendar", Some(&admin), file)
        .await;
    assert_eq!(
        (status, &applied["applied"]),
        (StatusCode::OK, &json!(true))
    );
    console
        .wait_for_message(&li, |message| message["type"] == "county.changed")
        .await;
    let (_, after) = console.get(&path, &li).await;
    assert_eq!(after["loaded"], true);
    assert_eq!(
        after["days"][0],
        json!({"date": "2031-01-01", "kind": "holiday"})
    );
    assert_eq!(after["notice"], "国办发明电");
    let counted: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM audit WHERE action = 'import.made' AND subject = '2031.csv' AND login = 'admin2'",
    )
    .fetch_one(console.app.db())
    .await
    .unwrap();
    assert_eq!(counted, 1);
}

#[tokio::test]
async fn a_shadow_run_goes_on_beside_and_says_what_a_draft_would_change() {
    let console = Console::start().await;
    let (li, wang) = people(&console).await;
    console.overdue("late", TOWN_1, "RSJ").await;
    let written = draft(&console, &li, "[R2]\nred = { of = 'promise' }").await;
    let ask = |draft: Value, from: i64, to: i64| {
        let at = |days| Utc::now() + TimeDelta::days(days);
        json!({"draft": draft, "from": at(from), "to": at(to)})
    };
    let shadow = async |body: Value| {
        console
            .post_json("/api/v1/profiles/shadow", Some(&li), body)
            .await
    };
    let (_, none) = console.get("/api/v1/profiles/shadow", &wang).await;
    assert_eq!(none, json!({"run": null}));
    let (status, _) = shadow(ask(written["id"].clone(), 1, 0)).await;
    assert_eq!(
        status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "it ends before it begins"
    );
    let (status, _) = shadow(ask(json!(999), -30, 0)).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let (status, begun) = shadow(ask(written["id"].clone(), -30, 1)).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{begun}");
    let done = async {
        loop {
            let (_, now) = console.get("/api/v1/profiles/shadow", &wang).await;
            if now["run"]["state"] != "going" {
                return now["run"].clone();
            }
            tokio::task::yield_now().await;
        }
    };
    let run = tokio::time::timeout(std::time::Duration::from_secs(30), done)
        .await
        .unwrap();
    assert_eq!(
        (&run["state"], &run["by"]),
        (&json!("done"), &json!("li")),
        "{run}"
    );
    assert_eq!(
        run["outcome"]["unlike"],
        json!({"new": 1}),
        "a red card beside the yellow: {run}"
    );
    let found = &run["outcome"]["differences"][0];
    assert_eq!(
        (&found["case"], &found["hall"]),
        (&json!("late"), &json!(TOWN_1))
    );
    assert_eq!(found["would"]["grade"], "red_card");
    let path = "/api/v1/profiles/shadow";
    let (status, _) = console.call(Method::DELETE, path, Some(&li), None).await;
    assert_eq!(status, StatusCode::CONFLICT, "nothing to call off");
    shadow_runs_outlast_the_console(console, &wang, &written, &run).await;
}

/// What came of a run is there after a restart, and one that the stop broke off is not taken for one that goes on.
async fn shadow_runs_outlast_the_console(
    mut console: Console,
    reader: &Person,
    draft: &Value,
    run: &Value,
) {
    let broken = NewRun {
        who: "li",
        draft: None,
        name: "",
        body: "[R2]",
        from: Utc::now() - TimeDelta::days(2),
        to: Utc::now(),
        compared_with: 1,
        begun: Utc::now(),
    };
    let mut connection = console.app.db().acquire().await.unwrap();
    let broken = shadows::begin(&mut connection, &broken).await.unwrap();
    drop(connection);
    console.start_again().await;
    let (_, all) = console
        .get("/api/v1/profiles/shadow/runs?limit=1", reader)
        .await;
    assert_eq!(all["items"][0]["state"], "broken_off", "{all}");
    assert_eq!(all["items"][0]["id"], broken);
    let (_, rest) = console
        .get(
            &format!(
                "/api/v1/profiles/shadow/runs?limit=1&cursor={}",
                all["next"].as_str().unwrap()
            ),
            reader,
        )
        .await;
    let row = &rest["items"][0];
    assert_eq!(
        (&row["id"], &row["state"], &row["unlike"], &row["revision"]),
        (
            &run["id"],
            &json!("done"),
            &json!({"new": 1}),
            &draft["revision"]
        )
    );
    assert_eq!(
        (&row["compared_with"], &rest["next"]),
        (&json!(1), &Value::Null)
    );
    let path = format!("/api/v1/profiles/shadow/runs?draft={}", draft["id"]);
    let (_, of_draft) = console.get(&path, reader).await;
    assert_eq!(of_draft["items"], json!([row]));
    let path = format!("/api/v1/profiles/shadow/runs/{}", run["id"]);
    let (_, kept) = console.get(&path, reader).await;
    assert_eq!(&kept, run, "as it was told when it was through");
    assert_eq!(kept["text"], draft["text"]);
    let (status, _) = console
        .get("/api/v1/profiles/shadow/runs/999", reader)
        .await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}
