//! The bulletin of the last closed month waits as a draft; the one before was signed by the leader and published by an inspector.

use reqwest::Method;
use serde_json::{Value, json};

use super::Desk;

/// Takes the next step of the county's last bulletin but one, until it is published.
pub(super) async fn publish(inspector: &Desk, leader: &Desk) {
    let list = inspector.call(Method::GET, "/api/v1/bulletins", None).await;
    let of_county = |row: &&Value| row["town"].is_null();
    let row = list.as_ref().and_then(|answer| {
        let rows = answer["bulletins"].as_array()?;
        rows.iter().filter(of_county).nth(1)
    });
    let Some((month, state)) = row.and_then(|row| row["month"].as_str().zip(row["state"].as_str()))
    else {
        return;
    };
    let (who, step) = match state {
        "draft" => (leader, "sign"),
        "signed" => (inspector, "publish"),
        _ => return,
    };
    let path = format!("/api/v1/bulletins/{month}");
    if let Some(found) = inspector.call(Method::GET, &path, None).await {
        let body = json!({"revision": found["revision"]});
        let path = format!("{path}/{step}");
        let _ = who.call(Method::POST, &path, Some(&body)).await;
    }
}
