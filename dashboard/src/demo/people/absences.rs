//! Leave at the demo's desks: the county hall's manager asks for two, the inspector approves one and leaves the other to whoever
//! looks in. Paused signs are told by the hall's own system (`plan::minute`).

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::Method;
use serde_json::{Value, json};

use super::Desk;

/// How long a leave lasts.
const LEAVE: TimeDelta = TimeDelta::hours(3);

const REASONS: [&str; 2] = ["就医，同窗口 AB 岗暂缺", "参加县里业务培训"];

/// Asks for leave once, from the next full hour on.
pub(super) async fn begin(manager: &Desk, inspector: &Desk, now: DateTime<Utc>) {
    let known = manager
        .call(Method::GET, "/api/v1/absences?view=all", None)
        .await;
    let entered = |row: &Value| row["kind"] == "leave";
    let all = known.as_ref().and_then(|known| known["items"].as_array());
    // A demo that was stopped and goes on has them already.
    if all.is_none_or(|all| all.iter().any(entered)) {
        return;
    }
    let Some(matrix) = manager.call(Method::GET, "/api/v1/matrix", None).await else {
        return;
    };
    let windows = matrix["halls"][0]["windows"].as_array();
    let starts = now + TimeDelta::hours(1);
    for (nth, window) in windows.into_iter().flatten().skip(1).take(2).enumerate() {
        let body = json!({"hall": window["hall"], "window": window["no"], "kind": "leave", "why": REASONS[nth],
            "starts": starts, "ends": starts + LEAVE});
        let asked = manager
            .call(Method::POST, "/api/v1/absences", Some(&body))
            .await;
        if let Some(asked) = asked.filter(|_| nth == 0) {
            let path = format!("/api/v1/absences/{}/approve", asked["id"]);
            let _ = inspector.call(Method::POST, &path, Some(&json!({}))).await;
        }
    }
}
