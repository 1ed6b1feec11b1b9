//! After a month has closed an inspector looks at one of its cards again and takes it back: the month shows what was published and
//! what was corrected.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Desk, is_card};

const WHY: &str = "复核：当日供电检修，系统无法录入，有停电通知为证，予以撤牌";

/// Takes a card of the last closed month back, unless something of that month was corrected already.
pub(super) async fn correct(inspector: &Desk) {
    let months = inspector.call(Method::GET, "/api/v1/months", None).await;
    let closed = |month: &&Value| month["standing"]["state"] == "closed";
    let month = months.as_ref().and_then(|answer| {
        let found = answer["months"].as_array()?.iter().find(closed)?;
        found["month"].as_str()
    });
    let Some(month) = month else { return };
    let path = format!("/api/v1/score-changes?month={month}");
    let changes = inspector.call(Method::GET, &path, None).await;
    let untouched = changes.is_some_and(|answer| answer["changes"] == json!([]));
    if !untouched {
        return;
    }
    // Cards that are over, of the middle of the month.
    let span = format!("state=closed&from={month}-08T00:00:00Z&to={month}-22T00:00:00Z");
    let cards = inspector.cards(&span, 1).await;
    if let Some(card) = cards.iter().find(|card| is_card(card)) {
        let path = format!("/api/v1/cards/{}/revoke", card["id"]);
        let body = json!({"revision": card["revision"], "ground": "force_majeure", "why": WHY});
        let _ = inspector.call(Method::POST, &path, Some(&body)).await;
    }
}
