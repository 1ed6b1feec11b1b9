//! What a card, order or complaint points to in recordings, and how long that is kept (docs/decisions/0034).

use chrono::{DateTime, TimeDelta, Utc};
use mingjing_monitor::case::Held;
use serde_json::Value;

use crate::directory::Directory;
use crate::store::pins::{Span, Subject};

/// Kept before and after an instant†.
const AROUND: TimeDelta = TimeDelta::minutes(5);
/// An episode that goes on longer is kept so far†: a camera that is dark for a day shows nothing new.
const LONGEST: TimeDelta = TimeDelta::hours(4);
/// The newest instants of a case that are kept at most.
const INSTANTS: usize = 100;
/// Kept after what it is for was closed†: as long as the audit log at least.
pub const AFTER: TimeDelta = TimeDelta::days(180);
/// Kept after it turned out to be nothing†: it may still be asked why.
const AFTER_VOID: TimeDelta = TimeDelta::days(30);

/// The course of the case that a subject is about.
#[derive(Debug, Default)]
pub struct Course {
    /// Which window held it when.
    pub held: Vec<Held>,
    /// When something happened, to the minute at least.
    pub instants: Vec<DateTime<Utc>>,
}

/// Until when it is kept; `None`: as long as the subject goes on.
pub fn until(subject: &Subject) -> Option<DateTime<Utc>> {
    let after = if subject.void { AFTER_VOID } else { AFTER };
    subject.closed_at.map(|closed| closed + after)
}

/// What is kept for a subject, in order; spans of one camera that meet are one.
pub fn spans(subject: &Subject, course: &Course, directory: &Directory) -> Vec<Span> {
    let mut spans = Vec::new();
    let mut keep = |cameras: &[String], from: DateTime<Utc>, to: DateTime<Utc>| {
        spans.extend(cameras.iter().map(|camera| Span {
            camera: camera.clone(),
            from_at: from - AROUND,
            to_at: to + AROUND,
        }));
    };
    let own = match (&subject.camera, &subject.win) {
        (Some(camera), _) => vec![camera.clone()],
        (None, Some(window)) => directory.cameras_of(&subject.hall, window),
        (None, None) => Vec::new(),
    };
    match episode(&subject.facts.0) {
        Some((since, until)) => {
            let end = until.unwrap_or(subject.at).max(subject.at);
            keep(&own, since, end.min(since + LONGEST));
        }
        None => keep(&own, subject.at, subject.at),
    }
    let newest = course.instants.iter().rev().take(INSTANTS);
    for &at in newest {
        let held = course.held.iter().rev().find(|held| held.from <= at);
        let window = held.and_then(|held| Some((&held.hall, held.window.as_deref()?)));
        if let Some((hall, window)) = window {
            keep(&directory.cameras_of(hall, window), at, at);
        }
    }
    merged(spans)
}

/// Begin and end of what a card about a camera, a window or another thing that is watched was issued for.
fn episode(facts: &Value) -> Option<(DateTime<Utc>, Option<DateTime<Utc>>)> {
    let instant = |key: &str| facts.get(key)?.as_str()?.parse().ok();
    // Without a trouble it is an instant of a case's clock.
    facts.get("trouble")?;
    Some((instant("since")?, instant("until")))
}

/// The same in pieces that each lie at one ingest: `moves` says, in order, when a camera went to another.
pub fn cut(spans: Vec<Span>, moves: &[(String, DateTime<Utc>)]) -> Vec<Span> {
    let mut pieces = Vec::with_capacity(spans.len());
    for mut span in spans {
        for (camera, at) in moves {
            if *camera == span.camera && span.from_at < *at && *at < span.to_at {
                pieces.push(Span {
                    to_at: *at,
                    ..span.clone()
                });
                span.from_at = *at;
            }
        }
        pieces.push(span);
    }
    pieces
}

fn merged(mut spans: Vec<Span>) -> Vec<Span> {
    spans.sort();
    let mut merged: Vec<Span> = Vec::with_capacity(spans.len());
    for span in spans {
        match merged.last_mut() {
            Some(last) if last.camera == span.camera && span.from_at <= last.to_at => {
                last.to_at = last.to_at.max(span.to_at);
            }
            _ => merged.push(span),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use sqlx::types::Json;

    use super::*;

    fn at(minute: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_305_600 + 60 * minute, 0).unwrap()
    }

    fn subject(facts: Value) -> Subject {
        Subject {
            kind: "card".into(),
            subject: "17".into(),
            hall: "H".into(),
            win: None,
            case_no: None,
            camera: Some("c1".into()),
            at: at(0),
            facts: Json(facts),
            closed_at: None,
            void: false,
        }
    }

    /// Minutes of what is kept.
    fn kept(subject: &Subject) -> Vec<(i64, i64)> {
        let minutes = |instant: DateTime<Utc>| (instant - at(0)).num_minutes();
        spans(subject, &Course::default(), &Directory::default())
            .into_iter()
            .map(|span| (minutes(span.from_at), minutes(span.to_at)))
            .collect()
    }

    #[test]
    fn an_instant_is_kept_with_what_lies_around_it_and_an_episode_whole() {
        assert_eq!(kept(&subject(json!({"since": at(-90)}))), [(-5, 5)]);
        let goes_on = json!({"since": at(-90), "trouble": "black"});
        assert_eq!(kept(&subject(goes_on)), [(-95, 5)]);
        let over = json!({"since": at(-90), "until": at(20), "trouble": "empty"});
        assert_eq!(kept(&subject(over)), [(-95, 25)]);
        let days = json!({"since": at(-90), "until": at(9_000), "trouble": "black"});
        assert_eq!(kept(&subject(days)), [(-95, 155)]);
    }

    #[test]
    fn spans_that_meet_are_one_and_other_cameras_another() {
        let span = |camera: &str, from, to| Span {
            camera: camera.into(),
            from_at: at(from),
            to_at: at(to),
        };
        let spans = vec![
            span("b", 0, 10),
            span("a", 5, 15),
            span("a", 0, 10),
            span("a", 20, 30),
        ];
        assert_eq!(
            merged(spans),
            [span("a", 0, 15), span("a", 20, 30), span("b", 0, 10)]
        );
    }

    #[test]
    fn what_lies_at_two_ingests_is_kept_at_both() {
        let span = |camera: &str, from, to| Span {
            camera: camera.into(),
            from_at: at(from),
            to_at: at(to),
        };
        let moves = [("a".to_owned(), at(5)), ("a".to_owned(), at(30))];
        assert_eq!(
            cut(vec![span("a", 0, 10), span("b", 0, 10)], &moves),
            [span("a", 0, 5), span("a", 5, 10), span("b", 0, 10)]
        );
    }

    #[test]
    fn what_was_nothing_is_kept_a_month_and_what_counted_half_a_year() {
        let mut card = subject(json!({}));
        assert_eq!(until(&card), None);
        card.closed_at = Some(at(0));
        assert_eq!(until(&card), Some(at(0) + TimeDelta::days(180)));
        card.void = true;
        assert_eq!(until(&card), Some(at(0) + TimeDelta::days(30)));
    }
}
