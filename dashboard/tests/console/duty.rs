//! Patrols and shifts, over the interface.

use axum::http::StatusCode;
use mingjing_monitor::store::halls::{self, Camera};
use serde_json::{Value, json};

use crate::common::{COUNTY, Console, Person, TOWN_1, TOWN_2};

async fn cameras(console: &Console) {
    let camera = |id: &str, hall: &str| Camera {
        id: id.into(),
        hall: hall.into(),
        name: format!("{id} 摄像机"),
        windows: Vec::new(),
        edge: "local".into(),
    };
    let all = [camera("c1", TOWN_1), camera("c2", TOWN_2)];
    let mut connection = console.app.db().acquire().await.unwrap();
    halls::upsert_cameras(&mut connection, &all).await.unwrap();
    drop(connection);
    console.app.reload_directory().await.unwrap();
}

async fn begun(console: &Console, by: &Person) -> Value {
    let (status, patrol) = console
        .post_json("/api/v1/patrols", Some(by), json!({}))
        .await;
    assert_eq!(status, StatusCode::CREATED, "{patrol}");
    patrol["id"].clone()
}

#[tokio::test]
async fn a_patrol_leaves_a_record_of_who_looked_where_and_found_what() {
    let console = Console::start().await;
    cameras(&console).await;
    for (login, role, hall) in [
        ("li", "inspector", COUNTY),
        ("zhou", "hall_manager", TOWN_1),
        ("chen", "leader", COUNTY),
    ] {
        console.account(login, role, hall, None).await;
    }
    let (li, zhou) = (console.sign_in("li").await, console.sign_in("zhou").await);
    let chen = console.sign_in("chen").await;
    let patrol = begun(&console, &li).await;
    let look = async |by: &Person, hall: &str, camera: &str, finding: Value| {
        let body = json!({"patrol": patrol, "hall": hall, "cameras": [camera], "seconds": 12, "finding": finding});
        console
            .post_json("/api/v1/patrols/stops", Some(by), body)
            .await
    };
    assert_eq!(
        look(&li, TOWN_1, "c1", json!("  3 号窗口无人  ")).await.0,
        StatusCode::NO_CONTENT
    );
    assert_eq!(
        look(&li, TOWN_2, "c2", json!("")).await.0,
        StatusCode::NO_CONTENT
    );
    let (status, problem) = look(&li, TOWN_1, "c2", Value::Null).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        problem["detail"].as_str().unwrap().contains("c2"),
        "{problem}"
    );
    assert_eq!(
        look(&zhou, TOWN_1, "c1", Value::Null).await.0,
        StatusCode::NOT_FOUND,
        "nobody adds to somebody else's patrol"
    );

    let (_, all) = console.get("/api/v1/patrols", &chen).await;
    let stops = all["items"][0]["stops"].as_array().unwrap();
    let told: Vec<(&Value, &Value)> = stops.iter().map(|s| (&s["hall"], &s["finding"])).collect();
    assert_eq!(
        told,
        [
            (&json!(TOWN_1), &json!("3 号窗口无人")),
            (&json!(TOWN_2), &Value::Null)
        ]
    );
    assert_eq!(stops[0]["live"], json!([]), "nothing showed a live picture");
    let (_, own) = console.get("/api/v1/patrols", &zhou).await;
    let seen = own["items"][0]["stops"].as_array().unwrap();
    assert_eq!(seen.len(), 1, "a hall reads of itself: {own}");
    let edited = sqlx::query("UPDATE patrol_stop SET finding = NULL")
        .execute(console.owner())
        .await;
    assert!(edited.unwrap_err().to_string().contains("append-only"));
}

#[tokio::test]
async fn a_shift_is_handed_over_with_what_is_open_and_taken_over_once() {
    let console = Console::start().await;
    cameras(&console).await;
    for (login, role, hall) in [
        ("li", "inspector", COUNTY),
        ("wang", "inspector", COUNTY),
        ("sun", "inspector", COUNTY),
        ("zhou", "hall_manager", TOWN_1),
    ] {
        console.account(login, role, hall, None).await;
    }
    let (li, wang) = (console.sign_in("li").await, console.sign_in("wang").await);
    let (sun, zhou) = (console.sign_in("sun").await, console.sign_in("zhou").await);
    let patrol = begun(&console, &li).await;
    let stop = json!({"patrol": patrol, "hall": TOWN_1, "cameras": ["c1"], "finding": "门口积水"});
    let (status, _) = console
        .post_json("/api/v1/patrols/stops", Some(&li), stop)
        .await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    let post = async |path: &str, by: &Person, body: Value| {
        console
            .post_json(&format!("/api/v1/handovers{path}"), Some(by), body)
            .await
    };
    for note in [" ", "a\0b"] {
        let (status, problem) = post("", &li, json!({"note": note})).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains("`note`"));
    }
    let (status, shift) = post("", &li, json!({"note": "盯住二镇的摄像机"})).await;
    assert_eq!(status, StatusCode::CREATED, "{shift}");
    let take = async |by: &Person| post("/take", by, json!({"id": shift["id"]})).await.0;
    assert_eq!(take(&li).await, StatusCode::FORBIDDEN, "not one's own");
    assert_eq!(take(&zhou).await, StatusCode::NOT_FOUND, "not from outside");
    let (first, second) = tokio::join!(take(&wang), take(&sun));
    let mut both = [first, second];
    both.sort();
    assert_eq!(both, [StatusCode::NO_CONTENT, StatusCode::CONFLICT]);

    let (_, shifts) = console.get("/api/v1/handovers", &sun).await;
    let row = &shifts["items"][0];
    assert_eq!(row["may_take"], false);
    assert!(["wang", "sun"].contains(&row["taken_by"].as_str().unwrap()));
    let open = &row["open"];
    assert_eq!(open["findings"][0]["finding"], "门口积水");
    let ids: Vec<&str> = open["cameras"]
        .as_array()
        .unwrap()
        .iter()
        .map(|camera| camera["id"].as_str().unwrap())
        .collect();
    assert_eq!(ids, ["c1", "c2"], "no edge says how they are");
    assert_eq!(
        shifts["open"]["findings"],
        json!([]),
        "what was handed over is not open twice"
    );
    let codes: Vec<String> = sqlx::query_scalar(
        "SELECT action FROM audit WHERE action LIKE 'shift.%' OR action LIKE 'patrol.%' ORDER BY seq",
    )
    .fetch_all(console.app.db())
    .await
    .unwrap();
    assert_eq!(
        codes,
        [
            "patrol.begun",
            "patrol.stopped",
            "shift.handed_over",
            "shift.taken"
        ]
    );
}
