//! The log as a file for a spreadsheet.

use mingjing_monitor::audit::Entry;

/// A mark by which spreadsheets know UTF-8, and the names of the columns.
pub fn head() -> String {
    const COLUMNS: [&str; 17] = [
        "seq",
        "at",
        "actor",
        "id",
        "login",
        "name",
        "role",
        "address",
        "action",
        "subject_kind",
        "subject",
        "hall",
        "before",
        "after",
        "reason",
        "prev",
        "hash",
    ];
    format!("\u{feff}{}\r\n", COLUMNS.join(","))
}

/// One line an entry.
pub fn rows(entries: &[Entry]) -> String {
    entries.iter().map(row).collect()
}

fn row(entry: &Entry) -> String {
    let (seq, at) = (entry.seq.to_string(), entry.at.to_rfc3339());
    let id = entry.actor_id.map(|id| id.to_string());
    let (prev, hash) = (hex::encode(entry.prev), hex::encode(entry.hash));
    let cells: [Option<&str>; 17] = [
        Some(&seq),
        Some(&at),
        Some(&entry.actor_kind),
        id.as_deref(),
        entry.login.as_deref(),
        entry.name.as_deref(),
        entry.role.as_deref(),
        entry.address.as_deref(),
        Some(&entry.action),
        entry.subject_kind.as_deref(),
        entry.subject.as_deref(),
        entry.hall.as_deref(),
        entry.before.as_deref(),
        entry.after.as_deref(),
        entry.reason.as_deref(),
        Some(&prev),
        Some(&hash),
    ];
    format!(
        "{}\r\n",
        cells.map(|text| cell(text.unwrap_or_default())).join(",")
    )
}

/// Quoted, and with a quote mark before whatever a spreadsheet would run as a formula: logins and reasons are written by
/// strangers.
fn cell(text: &str) -> String {
    let runs = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']);
    let guard = if runs { "'" } else { "" };
    format!("\"{guard}{}\"", text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use mingjing_monitor::audit::{Action, Actor, ActorKind, Draft, Head};

    use super::*;

    #[test]
    fn no_cell_is_a_formula_and_the_file_reads_back() {
        let mut actor = Actor::of(ActorKind::Nobody);
        actor.login = Some("=HYPERLINK(\"http://x\")".into());
        let draft = Draft {
            at: chrono::DateTime::UNIX_EPOCH,
            actor,
            action: Action::SessionRefused,
            subject: None,
            hall: None,
            before: None,
            after: Some(serde_json::json!({"a": "x, \"y\""})),
            reason: Some("-1\n第二行".into()),
        };
        let entry = Entry::after(&Head::ORIGIN, &draft);
        let file = head() + &rows(&[entry]);
        let text = file.strip_prefix('\u{feff}').unwrap();
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let columns = reader.headers().unwrap().clone();
        let row = reader.records().next().unwrap().unwrap();
        let cell = |name: &str| row.get(columns.iter().position(|column| column == name).unwrap());
        assert_eq!(cell("login"), Some("'=HYPERLINK(\"http://x\")"));
        assert_eq!(cell("reason"), Some("'-1\n第二行"));
        assert_eq!(cell("after"), Some(r#"{"a":"x, \"y\""}"#));
        assert_eq!(cell("hash").map(str::len), Some(64));
    }
}
