//! Rules on their way: one inspector of the demo has written a version that another put in force, and a draft that waits for the
//! visitor. Both come through the same interface as the pages'.

use reqwest::Method;
use serde_json::{Value, json};

use super::people::Desk;

/// What the version changes: a window may be left alone a little longer.
const PRESENCE: (&str, &str) = ("notice_minutes = 10", "notice_minutes = 15");
/// What the draft would change: yellow cards before the promise has run out.
const EARLIER: (&str, &str) = (
    "yellow = { of = \"promise\", share = 1.0 }",
    "yellow = { of = \"promise\", share = 0.9 }",
);

/// Makes both where there is no draft yet. `None`: the console is away, or somebody else was faster; nothing depends on it.
pub async fn make(drafter: &Desk, other: &Desk) -> Option<()> {
    let drafts = drafter
        .call(Method::GET, "/api/v1/profiles/drafts", None)
        .await?;
    if drafts["items"].as_array().is_none_or(|all| !all.is_empty()) {
        return None;
    }
    let first = write(
        drafter,
        "放宽空岗提醒",
        "窗口人员反映取件来回需十几分钟",
        PRESENCE,
    )
    .await?;
    let sent = act(drafter, &first, "send", None).await?;
    act(other, &sent, "enforce", Some("同意试行一个季度")).await?;
    let second = write(
        drafter,
        "承诺用去九成即发黄牌",
        "参照邻县做法，请先看影子运行",
        EARLIER,
    )
    .await?;
    act(drafter, &second, "send", None).await?;
    Some(())
}

/// A draft of the newest version with one change.
async fn write(desk: &Desk, name: &str, remark: &str, change: (&str, &str)) -> Option<Value> {
    let versions = desk.call(Method::GET, "/api/v1/profiles", None).await?;
    let newest = &versions["items"][0]["version"];
    let path = format!("/api/v1/profiles/{newest}");
    let version = desk.call(Method::GET, &path, None).await?;
    let text = version["text"].as_str()?.replace(change.0, change.1);
    let body = json!({"name": name, "remark": remark, "text": text, "based_on": newest});
    desk.call(Method::POST, "/api/v1/profiles/drafts", Some(&body))
        .await
}

async fn act(desk: &Desk, draft: &Value, action: &str, why: Option<&str>) -> Option<Value> {
    let path = format!("/api/v1/profiles/drafts/{}/{action}", draft["id"]);
    let body = json!({"revision": draft["revision"], "why": why});
    desk.call(Method::POST, &path, Some(&body)).await
}

#[cfg(test)]
mod tests {
    use mingjing_alerts::numbers::changes;
    use mingjing_alerts::profile::STANDARD;

    use super::*;

    #[test]
    fn each_changes_one_number_of_the_standard() {
        for change in [PRESENCE, EARLIER] {
            let text = STANDARD.replace(change.0, change.1);
            assert_eq!(changes(STANDARD, &text).len(), 1, "{}", change.0);
        }
    }
}
