//! What the windows are doing, as events tell it.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::{PgConnection, PgPool};

use super::StoreError;
use crate::event::CaseEvent;

/// An event of a case at a window says that it serves, for so long.
pub const SERVING_FOR: TimeDelta = TimeDelta::minutes(10);

/// What a window is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WindowState {
    /// A case was worked on within ten minutes.
    Serving,
    /// Open, and nothing heard for longer.
    Idle,
    /// A camera sees nobody at it, and nothing excuses that.
    Empty,
    /// A paused sign or an approved leave is entered.
    Paused,
    /// Its source is silent, nothing was ever heard of it, or its camera sees nothing: not green.
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
            Self::Empty => "empty",
            Self::Paused => "paused",
            Self::Unknown => "unknown",
            Self::Closed => "closed",
        }
    }
}

/// What the cameras see of a window's seat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seat {
    /// Somebody sits there.
    Staffed(DateTime<Utc>),
    /// Nobody does, since then.
    Empty(DateTime<Utc>),
    /// No camera can say, since then.
    Unknown(DateTime<Utc>),
}

/// What is known of a window beside its events.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Place {
    /// Its hall is open to the public now.
    pub open: bool,
    /// What its cameras see; `None`: none watches it.
    pub seat: Option<Seat>,
    /// The paused sign is out, or leave lasts, since then.
    pub away: Option<DateTime<Utc>>,
    /// An empty seat is excused now.
    pub excused: bool,
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
}

impl WindowRow {
    /// What it is doing at `now`, and since when if that is known, by its events, by what was entered about it and by what its
    /// cameras see. `silent`: whether the source with this id is silent.
    ///
    /// A seat that a camera sees empty is empty, unless that is excused; a window that a camera was to see and cannot is unknown
    /// unless an event has just said that it serves.
    pub fn state(
        &self,
        now: DateTime<Utc>,
        place: &Place,
        silent: impl Fn(&str) -> bool,
    ) -> (WindowState, Option<DateTime<Utc>>) {
        if !place.open {
            return (WindowState::Closed, None);
        }
        if let Some(Seat::Empty(since)) = place.seat
            && !place.excused
        {
            return (WindowState::Empty, Some(since));
        }
        if let Some(since) = place.away {
            return (WindowState::Paused, Some(since));
        }
        if self.source.as_deref().is_none_or(silent) {
            return (WindowState::Unknown, self.last_event);
        }
        match (self.last_event, place.seat) {
            (Some(last), _) if now < last + SERVING_FOR => (WindowState::Serving, Some(last)),
            (_, Some(Seat::Unknown(since))) => (WindowState::Unknown, Some(since)),
            (Some(last), _) => (WindowState::Idle, Some(last + SERVING_FOR)),
            (None, _) => (WindowState::Idle, None),
        }
    }
}

/// The windows of a subtree with what was heard of them.
pub async fn windows(pool: &PgPool, scope: &str) -> Result<Vec<WindowRow>, StoreError> {
    let rows = sqlx::query_as(
        "SELECT w.hall, w.no, coalesce(s.source, near.source) AS source, s.last_event, s.last_case
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
        // Of two cases at one instant the greater number, so that the order of arrival does not matter.
        if let Some(case) = event.case_no.as_ref().filter(|_| !event.date_only) {
            word.last = word.last.take().max(Some((event.time, case.clone())));
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
        sqlx::query(
            "INSERT INTO window_state AS w (hall, no, source, last_event, last_case)
             SELECT * FROM UNNEST($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::text[])
             ON CONFLICT (hall, no) DO UPDATE SET source = excluded.source,
                 last_event = greatest(w.last_event, excluded.last_event),
                 last_case = CASE WHEN (excluded.last_event, excluded.last_case) >= (w.last_event, w.last_case)
                                   OR w.last_event IS NULL
                                  THEN coalesce(excluded.last_case, w.last_case) ELSE w.last_case END",
        )
        .bind(self.windows.keys().map(|key| key.0.as_str()).collect::<Vec<_>>())
        .bind(self.windows.keys().map(|key| key.1.as_str()).collect::<Vec<_>>())
        .bind(self.windows.values().map(|word| word.source.as_str()).collect::<Vec<_>>())
        .bind(self.windows.values().map(|word| word.last.as_ref().map(|(at, _)| *at)).collect::<Vec<_>>())
        .bind(self.windows.values().map(|word| word.last.as_ref().map(|(_, case)| case.as_str())).collect::<Vec<_>>())
        .execute(connection)
        .await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_green_only_when_heard_of_or_seen() {
        let at = |minute: i64| DateTime::from_timestamp(minute * 60, 0).unwrap();
        let mut window = WindowRow {
            hall: "C".into(),
            no: "3".into(),
            source: None,
            last_event: None,
            last_case: None,
        };
        let open = Place {
            open: true,
            ..Place::default()
        };
        let state = |window: &WindowRow, minute, place: Place| {
            window
                .state(at(minute), &place, |source| source == "silent")
                .0
        };
        assert_eq!(state(&window, 0, Place::default()), WindowState::Closed);
        assert_eq!(
            state(&window, 0, open),
            WindowState::Unknown,
            "nothing was ever heard"
        );
        window.source = Some("silent".into());
        window.last_event = Some(at(0));
        assert_eq!(state(&window, 1, open), WindowState::Unknown);
        window.source = Some("heard".into());
        assert_eq!(state(&window, 9, open), WindowState::Serving);
        assert_eq!(state(&window, 10, open), WindowState::Idle);
        let away = Place {
            away: Some(at(20)),
            ..open
        };
        assert_eq!(state(&window, 20, away), WindowState::Paused);
        let seen = |seat| Place {
            seat: Some(seat),
            ..open
        };
        assert_eq!(
            state(&window, 10, seen(Seat::Unknown(at(3)))),
            WindowState::Unknown,
            "a dark camera makes nobody absent, nor present"
        );
        assert_eq!(
            state(&window, 5, seen(Seat::Unknown(at(3)))),
            WindowState::Serving
        );
        assert_eq!(
            state(&window, 20, seen(Seat::Staffed(at(3)))),
            WindowState::Idle
        );
        let empty = seen(Seat::Empty(at(4)));
        assert_eq!(state(&window, 5, empty), WindowState::Empty);
        let excused = Place {
            away: Some(at(4)),
            excused: true,
            ..empty
        };
        assert_eq!(state(&window, 5, excused), WindowState::Paused);
        let too_long = Place {
            excused: false,
            ..excused
        };
        assert_eq!(
            state(&window, 5, too_long),
            WindowState::Empty,
            "the sign is used up"
        );
    }
}
