//! What a replay shows on the terminal.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use mingjing_monitor::store::rollups::Buckets;
use serde_json::json;

use crate::cli::{CliError, output};
use crate::replay::{self, Summary, console, post};

/// Skipped rows that the table for people lists; JSON has more.
const LISTED: usize = 20;

/// The summary, and the name of the database where it is kept.
pub fn summary(summary: &Summary, kept: Option<&str>, as_json: bool) {
    if as_json {
        let mut value = json!(summary);
        value["database"] = json!(kept);
        output::json(&value);
        return;
    }
    print(summary);
    if let Some(name) = kept {
        output::line(&format!(
            "\nkept in the database {name}: serve it by putting this name into DATABASE_URL, drop it with DROP DATABASE"
        ));
    }
}

/// Where a served replay is, and how to sign in. Not on stdout, which may be a program's.
pub fn served(scheme: &str, address: SocketAddr, password: &str, kept: Option<&str>) {
    let end = match kept {
        Some(name) => format!("Ctrl-C ends it; the database {name} is kept."),
        None => "Ctrl-C ends it and drops its database.".into(),
    };
    eprintln!(
        "\n  The replay is served at  {scheme}://{address}\n  Sign in as `{}` with the one-time password  {password}\n  {end}\n",
        console::LOGIN
    );
}

/// A console that did not take everything: what it said, and what to import there.
pub fn refusals(posted: &post::Posted) -> Result<(), CliError> {
    if posted.rejected == 0 {
        return Ok(());
    }
    let mut text = format!("the console refused {} events:", posted.rejected);
    for (reason, events) in posted.reasons.iter().take(LISTED) {
        text.push_str(&format!("\n  {events} × {reason}"));
    }
    if posted
        .reasons
        .keys()
        .any(|reason| reason.contains("import halls"))
    {
        let halls: Vec<String> = posted
            .refused_halls
            .iter()
            .collect::<BTreeSet<_>>()
            .into_iter()
            .cloned()
            .collect();
        let file = replay::import_file(&halls, "CODE-OF-THE-HALL-ABOVE");
        text.push_str(&format!(
            "\nIf the halls are missing there, import this as halls.json, then replay again:\n{file}"
        ));
    }
    Err(CliError::Failed(text))
}

pub fn spinner(what: &str) -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {msg}: {pos} events")
        .unwrap_or_else(|_| ProgressStyle::default_spinner());
    let bar = ProgressBar::no_length()
        .with_style(style)
        .with_message(what.to_owned());
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

pub fn bar(events: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} events, {eta} left")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(events).with_style(style)
}

fn print(summary: &Summary) {
    let Summary { cases, events, .. } = summary;
    output::line(&format!(
        "{cases} cases, {events} events, as of {}",
        summary.as_of.to_rfc3339()
    ));
    if summary.later > 0 {
        output::line(&format!(
            "{} events came later and are left out",
            summary.later
        ));
    }
    output::line("");
    let head = [
        "",
        "cases",
        "on time",
        "over promise",
        "over legal",
        "no deadline",
    ];
    let row = |what: &str, buckets: &Buckets| {
        let cells = [
            buckets.total(),
            buckets.on_time,
            buckets.over_promise_only,
            buckets.over_legal,
            buckets.no_deadline,
        ];
        let [sum, on_time, promise, legal, none] = cells.map(|cell| cell.to_string());
        [what.to_owned(), sum, on_time, promise, legal, none]
    };
    let mut rows = vec![
        row("completed", &summary.completed),
        row("open", &summary.open),
    ];
    for hall in &summary.by_hall {
        rows.push(row(&format!("{} completed", hall.hall), &hall.completed));
        rows.push(row(&format!("{} open", hall.hall), &hall.open));
    }
    output::table(head, rows);
    output::line(&format!(
        "\n{} suspended and resumed, {} extended, {} not started",
        summary.suspended_and_resumed, summary.extended, summary.not_started
    ));
    if !summary.cards.is_empty() {
        output::line("");
        let cards = summary.cards.iter();
        output::table(
            ["rule", "grade", "cards"],
            cards.map(|card| {
                [
                    card.rule.clone(),
                    card.grade.clone(),
                    card.cards.to_string(),
                ]
            }),
        );
    }
    print_skips(summary.skipped, &summary.skips);
}

pub fn print_skips(skipped: u64, skips: &[mingjing_ingest::logs::Skip]) {
    if skipped == 0 {
        return;
    }
    output::line(&format!("\nskipped: {skipped}"));
    for skip in skips.iter().take(LISTED) {
        output::line(&format!("  line {}: {}", skip.line, skip.reason));
    }
    if skips.len() > LISTED {
        output::line("  … (--json lists more)");
    }
}
