//! What the windows are doing, as events tell it.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::{PgConnection, PgPool};

use super::StoreError;
use crate::event::{CaseEvent, EventKind};

/// An event of a case at a window says that it serves, for so long.
pub const SERVING_FOR: TimeDelta = TimeDelta::minutes(10);

/// What a window is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WindowState {
    /// A case was worked on within ten minutes.
    Serving,
    /// Open, and nothing heard for longer.
    Idle,
    /// A paused sign or an approved leave is entered.
    Paused,
    /// Its source is silent, or nothing was ever heard of it: not green.
    Unknown,
    /// Outside the opening hours of its hall.
    Closed,
}

impl WindowState {
    /// The word of the interface.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Serving => "serving",
            Self::Idle => "idle",
            Self::Paused => "paused",
            Self::Unknown => "unknown",
            Self::Closed => "closed",
        }
    }
}

/// A window and what was heard of it.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct WindowRow {
    /// Code of the hall.
    pub hall: String,
    /// Its number.
    pub no: String,
    /// Source of the last word about it, or about its hall when there is none about it.
    pub source: Option<String>,
    /// When something last happened at it.
    pub last_event: Option<DateTime<Utc>>,
    /// The case it last worked on.
    pub last_case: Option<String>,
    /// A pause entered beforehand began here.
    pub paused_since: Option<DateTime<Utc>>,
    /// It ends here; `None` with `paused_since` set: open.
    pub paused_until: Option<DateTime<Utc>>,
    /// Approved leave until here.
    pub leave_until: Option<DateTime<Utc>>,
}

impl WindowRow {
    /// What it is doing at `now`, and since when if that is known. `open`: its hall is open to the public now; `silent`:
    /// whether the source with this id is silent.
    pub fn state(
        &self,
        now: DateTime<Utc>,
        open: bool,
        silent: impl Fn(&str) -> bool,
    ) -> (WindowState, Option<DateTime<Utc>>) {
        if !open {
            return (WindowState::Closed, None);
        }
        if self.source.as_deref().is_none_or(silent) {
            return (WindowState::Unknown, self.last_event);
        }
        let paused = self.paused_since.is_some_and(|since| since <= now)
            && self.paused_until.is_none_or(|until| now < until);
        if paused || self.leave_until.is_some_and(|until| now < until) {
            return (WindowState::Paused, self.paused_since);
        }
        match self.last_event {
            Some(last) if now < last + SERVING_FOR => (WindowState::Serving, Some(last)),
            Some(last) => (WindowState::Idle, Some(last + SERVING_FOR)),
            None => (WindowState::Idle, None),
        }
    }
}

/// The windows of a subtree with what was heard of them.
pub async fn windows(pool: &PgPool, scope: &str) -> Result<Vec<WindowRow>, StoreError> {
    let rows = sqlx::query_as(
        "SELECT w.hall, w.no, coalesce(s.source, near.source) AS source, s.last_event, s.last_case, s.paused_since,
                s.paused_until, s.leave_until
         FROM hall_window w
         JOIN hall h ON h.code = w.hall
         LEFT JOIN window_state s ON s.hall = w.hall AND s.no = w.no
         LEFT JOIN (SELECT DISTINCT ON (hall) hall, source FROM window_state
                    ORDER BY hall, last_event DESC NULLS LAST) near ON near.hall = w.hall
         WHERE h.path @> ARRAY[$1] ORDER BY h.path, length(w.no), w.no",
    );
    Ok(rows.bind(scope).fetch_all(pool).await?)
}

/// What a batch of events says about windows: the latest word of each kind about each.
#[derive(Debug, Default)]
pub struct Heard {
    windows: BTreeMap<(String, String), Word>,
}

#[derive(Debug, Default, Clone)]
struct Word {
    source: String,
    last: Option<(DateTime<Utc>, String)>,
    paused: Option<(DateTime<Utc>, Option<DateTime<Utc>>)>,
    resumed: Option<DateTime<Utc>>,
    leave: Option<DateTime<Utc>>,
}

impl Heard {
    /// Takes an event in, in any order.
    pub fn take(&mut self, event: &CaseEvent) {
        let Some(no) = &event.place.window else {
            return;
        };
        let word = self
            .windows
            .entry((event.place.hall.clone(), no.clone()))
            .or_default();
        word.source.clone_from(&event.source);
        match (&event.kind, &event.case_no) {
            (EventKind::WindowPaused(absence), _) => {
                word.paused = word.paused.max(Some((event.time, absence.until)));
            }
            (EventKind::WindowLeave(absence), _) => word.leave = word.leave.max(absence.until),
            (EventKind::WindowResumed, _) => word.resumed = word.resumed.max(Some(event.time)),
            // Of two cases at one instant the greater number, so that the order of arrival does not matter.
            (_, Some(case)) if !event.date_only => {
                word.last = word.last.take().max(Some((event.time, case.clone())));
            }
            _ => {}
        }
    }

    /// The windows that were heard of.
    pub fn touched(&self) -> impl Iterator<Item = (&str, &str)> {
        self.windows
            .keys()
            .map(|(hall, no)| (hall.as_str(), no.as_str()))
    }

    /// Writes it all; an older word never overwrites a newer one.
    pub async fn write(&self, connection: &mut PgConnection) -> Result<(), StoreError> {
        if self.windows.is_empty() {
            return Ok(());
        }
        let column = |pick: fn(&Word) -> Option<DateTime<Utc>>| {
            self.windows.values().map(pick).collect::<Vec<_>>()
        };
        sqlx::query(
            "INSERT INTO window_state AS w (hall, no, source, last_event, last_case, paused_since, paused_until, leave_until)
             SELECT n.hall, n.no, n.source, n.last_event, n.last_case,
                    CASE WHEN n.resumed > n.paused_since THEN NULL ELSE n.paused_since END,
                    CASE WHEN n.resumed > n.paused_since THEN NULL ELSE n.paused_until END, n.leave_until
             FROM UNNEST($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::text[], $6::timestamptz[],
                         $7::timestamptz[], $8::timestamptz[], $9::timestamptz[])
                  AS n (hall, no, source, last_event, last_case, paused_since, paused_until, leave_until, resumed)
             ON CONFLICT (hall, no) DO UPDATE SET source = excluded.source,
                 last_event = greatest(w.last_event, excluded.last_event),
                 last_case = CASE WHEN (excluded.last_event, excluded.last_case) >= (w.last_event, w.last_case)
                                   OR w.last_event IS NULL
                                  THEN coalesce(excluded.last_case, w.last_case) ELSE w.last_case END,
                 paused_since = CASE WHEN excluded.paused_since >= w.paused_since OR w.paused_since IS NULL
                                     THEN excluded.paused_since ELSE w.paused_since END,
                 paused_until = CASE WHEN excluded.paused_since >= w.paused_since OR w.paused_since IS NULL
                                     THEN excluded.paused_until ELSE w.paused_until END,
                 leave_until = greatest(w.leave_until, excluded.leave_until)",
        )
        .bind(self.windows.keys().map(|key| key.0.as_str()).collect::<Vec<_>>())
        .bind(self.windows.keys().map(|key| key.1.as_str()).collect::<Vec<_>>())
        .bind(self.windows.values().map(|word| word.source.as_str()).collect::<Vec<_>>())
        .bind(column(|word| word.last.as_ref().map(|(at, _)| *at)))
        .bind(self.windows.values().map(|word| word.last.as_ref().map(|(_, case)| case.as_str())).collect::<Vec<_>>())
        .bind(column(|word| word.paused.map(|(since, _)| since)))
        .bind(column(|word| word.paused.and_then(|(_, until)| until)))
        .bind(column(|word| word.leave))
        .bind(column(|word| word.resumed))
        .execute(&mut *connection)
        .await?;
        self.write_resumed(connection).await
    }

    /// A window that serves again ends what was entered before.
    async fn write_resumed(&self, connection: &mut PgConnection) -> Result<(), StoreError> {
        let resumed: Vec<_> = self
            .windows
            .iter()
            .filter_map(|(key, word)| Some((key, word.resumed?)))
            .collect();
        if resumed.is_empty() {
            return Ok(());
        }
        sqlx::query(
            "UPDATE window_state w SET paused_since = NULL, paused_until = NULL,
                    leave_until = least(w.leave_until, n.at)
             FROM UNNEST($1::text[], $2::text[], $3::timestamptz[]) AS n (hall, no, at)
             WHERE w.hall = n.hall AND w.no = n.no AND (w.paused_since IS NULL OR w.paused_since <= n.at)",
        )
        .bind(resumed.iter().map(|(key, _)| key.0.as_str()).collect::<Vec<_>>())
        .bind(resumed.iter().map(|(key, _)| key.1.as_str()).collect::<Vec<_>>())
        .bind(resumed.iter().map(|(_, at)| *at).collect::<Vec<_>>())
        .execute(connection)
        .await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_green_only_when_heard_of() {
        let at = |minute: i64| DateTime::from_timestamp(minute * 60, 0).unwrap();
        let mut window = WindowRow {
            hall: "C".into(),
            no: "3".into(),
            source: None,
            last_event: None,
            last_case: None,
            paused_since: None,
            paused_until: None,
            leave_until: None,
        };
        let state = |window: &WindowRow, minute, open| {
            window
                .state(at(minute), open, |source| source == "silent")
                .0
        };
        assert_eq!(state(&window, 0, false), WindowState::Closed);
        assert_eq!(
            state(&window, 0, true),
            WindowState::Unknown,
            "nothing was ever heard"
        );
        window.source = Some("silent".into());
        window.last_event = Some(at(0));
        assert_eq!(state(&window, 1, true), WindowState::Unknown);
        window.source = Some("heard".into());
        assert_eq!(state(&window, 9, true), WindowState::Serving);
        assert_eq!(state(&window, 10, true), WindowState::Idle);
        window.paused_since = Some(at(20));
        window.paused_until = Some(at(30));
        assert_eq!(state(&window, 19, true), WindowState::Idle);
        assert_eq!(state(&window, 20, true), WindowState::Paused);
        assert_eq!(state(&window, 30, true), WindowState::Idle);
        window.leave_until = Some(at(60));
        assert_eq!(state(&window, 30, true), WindowState::Paused);
    }
}
