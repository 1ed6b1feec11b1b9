//! A shift at the demo's desks: one inspector goes through the cameras of every hall, notes what is found, and hands over; whoever
//! looks in as the other inspector may take over.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::Desk;

/// How long one hall is looked at.
const LOOK: Duration = Duration::from_secs(4);
/// Cameras that stand on the screen at once.
const SCREEN: usize = 4;

/// Patrols once, and hands the shift over.
pub(super) async fn begin(inspector: &Desk) {
    let known = inspector
        .call(Method::GET, "/api/v1/patrols?limit=1", None)
        .await;
    let none = known.is_some_and(|known| known["items"].as_array().is_some_and(Vec::is_empty));
    // A demo that was stopped and goes on has had its patrol.
    if !none {
        return;
    }
    let cameras = inspector.call(Method::GET, "/api/v1/cameras", None).await;
    let mut halls: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    let all = cameras
        .as_ref()
        .and_then(|cameras| cameras["items"].as_array());
    for camera in all.into_iter().flatten() {
        let hall = camera["hall"].as_str().unwrap_or_default().to_owned();
        halls.entry(hall).or_default().push(camera["id"].clone());
    }
    let begun = inspector
        .call(Method::POST, "/api/v1/patrols", Some(&json!({})))
        .await;
    let Some(patrol) = begun.map(|begun| begun["id"].clone()) else {
        return;
    };
    for (nth, (hall, cameras)) in halls.iter().enumerate() {
        tokio::time::sleep(LOOK).await;
        let finding = (nth == 1).then_some("等候区有群众无人引导，已电话提醒大厅负责人");
        let stop = json!({"patrol": patrol, "hall": hall, "cameras": &cameras[..cameras.len().min(SCREEN)],
            "seconds": LOOK.as_secs(), "finding": finding});
        let _ = inspector
            .call(Method::POST, "/api/v1/patrols/stops", Some(&stop))
            .await;
    }
    let note = json!({"note": "留意巡查发现的等候区；督办单今日到期的请催一催"});
    let _ = inspector
        .call(Method::POST, "/api/v1/handovers", Some(&note))
        .await;
}
