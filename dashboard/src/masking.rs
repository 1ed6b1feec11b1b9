//! What an event says of an applicant, masked for every answer; clear it goes out by `POST /cases/{no}/unmask` alone.

use mingjing_monitor::personal::{mask_name, mask_phone, mask_text};
use serde_json::{Map, Value};

/// Fields into which people write sentences, and with them telephone and identity numbers.
const FREE: [&str; 6] = [
    "reason",
    "result",
    "notice",
    "relief_reason",
    "comment",
    "text",
];

/// Masks what `data` of an event tells of who applies.
pub fn mask(data: &mut Map<String, Value>) {
    for field in FREE {
        if let Some(Value::String(text)) = data.get_mut(field) {
            *text = mask_text(text);
        }
    }
    let Some(Value::Object(applicant)) = data.get_mut("applicant") else {
        return;
    };
    applicant.remove("id_hash");
    for (key, masked) in [
        ("name", mask_name as fn(&str) -> String),
        ("phone", mask_phone),
    ] {
        if let Some(value) = applicant.get_mut(key) {
            *value = value.as_str().map(masked).map_or(Value::Null, Value::from);
        }
    }
}

/// The sentences in `data` of which [`mask`] leaves something out: field and text.
pub fn hidden(data: &Map<String, Value>) -> Vec<(&'static str, String)> {
    let text = |field: &'static str| Some((field, data.get(field)?.as_str()?.to_owned()));
    FREE.into_iter()
        .filter_map(text)
        .filter(|(_, text)| mask_text(text) != *text)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_event_says_of_a_person_is_masked() {
        let mut data: Map<String, Value> = serde_json::from_str(
            r#"{"hall":"H","text":"打 13812345678","applicant":{"name":"张三","phone":"13812345678","id_hash":"abc"}}"#,
        )
        .unwrap();
        assert_eq!(hidden(&data), [("text", "打 13812345678".to_owned())]);
        mask(&mut data);
        assert_eq!(hidden(&data), []);
        let text = Value::Object(data).to_string();
        assert_eq!(
            text,
            r#"{"applicant":{"name":"张**","phone":"138****5678"},"hall":"H","text":"打 138****5678"}"#
        );
    }
}
