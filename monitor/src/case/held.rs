//! Where a case lay, and when: which window held it.

use chrono::{DateTime, Utc};

use crate::event::CaseEvent;

/// A time in which one window held a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Code of the hall.
    pub hall: String,
    /// Number of the window; `None`: no event named one.
    pub window: Option<String>,
    /// Since when.
    pub from: DateTime<Utc>,
    /// Until when; `None`: it lies there still, as far as events tell.
    pub until: Option<DateTime<Utc>>,
}

/// Which window held a case, by its events in their order, those that were replaced left out. An event that names a window says that the
/// case lies there from then on; one that names none leaves it where it is (a step behind the windows, an answer by telephone).
pub fn held<'a>(events: impl IntoIterator<Item = &'a CaseEvent>) -> Vec<Held> {
    let mut all: Vec<Held> = Vec::new();
    for event in events {
        let (hall, window) = (&event.place.hall, &event.place.window);
        let Some(last) = all.last_mut() else {
            all.push(Held {
                hall: hall.clone(),
                window: window.clone(),
                from: event.time,
                until: None,
            });
            continue;
        };
        if window.is_none() || (last.window == *window && last.hall == *hall) {
            continue;
        }
        last.until = Some(event.time);
        all.push(Held {
            hall: hall.clone(),
            window: window.clone(),
            from: event.time,
            until: None,
        });
    }
    // Two events of one instant: it never lay at the first of the two windows.
    all.retain(|held| held.until != Some(held.from));
    all
}
