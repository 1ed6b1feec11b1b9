//! From a delivery in the queue to a message: its words, fields and receiver.

use mingjing_alerts::channel::body::Message;
use mingjing_alerts::channel::text::{self, Setting};
use mingjing_alerts::channel::{Kind, Language, Notice};
use mingjing_alerts::store::channels;
use mingjing_alerts::store::deliveries::{self, Due};
use mingjing_monitor::store::StoreError;
use serde_json::{Value, json};

use crate::app::App;

/// Lines of a digest at most.
const LISTED: i64 = 50;

/// A message and where it goes.
pub struct Composed {
    /// The message.
    pub message: Message,
    /// Number or mail address, where the channel is not the receiver.
    pub address: Option<String>,
}

/// Composes a delivery. `None`: its receiver's address is gone.
///
/// # Errors
/// When the database cannot be asked, or what it holds cannot be read.
pub async fn compose(app: &App, kind: Kind, due: &Due) -> Result<Option<Composed>, StoreError> {
    let language = Language::parse(&due.language).unwrap_or(Language::Zh);
    let directory = app.directory();
    let hall = directory.hall_name(&due.hall);
    let setting = Setting {
        language,
        zone: directory.zone(),
        hall: &hall,
        console: app.config().channels.console_url.as_deref(),
    };
    let mut address = due.address.clone();
    let (text, kind_word, data) = match due.about.as_str() {
        "digest" => {
            let (counts, notices) = deliveries::members(app.db(), due.id, LISTED).await?;
            let item = |notice: &Notice| {
                let hall = directory.hall_name(&notice.hall);
                text::item(
                    notice,
                    &Setting {
                        hall: &hall,
                        ..setting
                    },
                )
            };
            let counted: Vec<Value> = counts
                .iter()
                .map(
                    |(grade, n)| json!({"grade": grade.map(|grade| grade.as_str()), "messages": n}),
                )
                .collect();
            let items = notices.iter().map(item).collect();
            (
                text::of_digest(&counts, items, &setting),
                "digest".to_owned(),
                json!({"counts": counted, "gravest": notices}),
            )
        }
        "case" => {
            let notice = notice(due)?;
            address = deliveries::applicant_phone(app.db(), &due.subject).await?;
            let Some(texts) = channels::applicant_texts(app.db())
                .await?
                .filter(|texts| texts.enabled)
            else {
                return Ok(None);
            };
            let text = text::of_case(&notice, &texts.query_at, &texts.complain_at, language);
            (text, format!("case.{}", due.what), Value::Null)
        }
        about => {
            let notice = notice(due)?;
            let kind = format!("{about}.{}", due.what);
            (
                text::of_notice(&notice, &setting),
                kind,
                serde_json::to_value(&notice)?,
            )
        }
    };
    if !kind.is_shared() && address.is_none() {
        return Ok(None);
    }
    let message = Message {
        id: format!("d-{}", due.id),
        kind: kind_word,
        text,
        data,
        phone: address.clone(),
    };
    Ok(Some(Composed { message, address }))
}

fn notice(due: &Due) -> Result<Notice, StoreError> {
    Ok(serde_json::from_value(due.body.0.clone())?)
}
