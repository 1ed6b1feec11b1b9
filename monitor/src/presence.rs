//! Absences from a window that were entered (暂停牌, 请假), and which time they excuse.
//!
//! A pause is a sign on the counter: it excuses for so many minutes of a day and no longer. A leave excuses as long as it was
//! approved for, by somebody above the hall. Neither reaches back: what is entered after it began excuses from its entry on.

use std::collections::BTreeMap;

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};

use crate::calendar::{Calendar, OpeningHours};
use crate::org::Tree;

/// Roles whose holders stand above every hall, whatever hall they belong to.
const ABOVE_EVERY_HALL: [&str; 4] = ["inspector", "unit_head", "leader", "commission"];

/// A window as episodes and cards name it: `T07/3`.
pub fn window_key(hall: &str, no: &str) -> String {
    format!("{hall}/{no}")
}

/// The hall and the number in a [`window_key`].
pub fn window_of(key: &str) -> Option<(&str, &str)> {
    // Codes of halls hold no slash; numbers of windows are the county's own.
    key.split_once('/')
}

/// What was said of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A paused sign is out.
    Paused,
    /// Somebody is on leave, and nobody stands in.
    Leave,
    /// The window serves again: what was entered before is over.
    Resumed,
}

impl Kind {
    /// The word of interface and database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Paused => "paused",
            Self::Leave => "leave",
            Self::Resumed => "resumed",
        }
    }

    /// Reads [`Kind::as_str`].
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Paused, Self::Leave, Self::Resumed]
            .into_iter()
            .find(|kind| kind.as_str() == word)
    }
}

/// An entry about one window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// What was said.
    pub kind: Kind,
    /// From when.
    pub starts: DateTime<Utc>,
    /// Until when, as it was said or because the window served again; `None`: nobody has said.
    pub ends: Option<DateTime<Utc>>,
    /// When it was entered.
    pub entered: DateTime<Utc>,
    /// Of a leave: whether somebody above the hall approved it.
    pub approved: bool,
}

/// A time that is excused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Excused {
    /// From when.
    pub from: DateTime<Utc>,
    /// Until when; `None`: nobody has said.
    pub until: Option<DateTime<Utc>>,
}

impl Excused {
    /// Whether it holds at `at`.
    pub fn holds_at(&self, at: DateTime<Utc>) -> bool {
        self.from <= at && self.until.is_none_or(|until| at < until)
    }
}

/// Whether whoever approved a leave stands above the hall of the window: in a hall over it, or in a role over all of them.
pub fn approves(tree: &Tree, hall: &str, by_hall: Option<&str>, by_role: Option<&str>) -> bool {
    let over = by_hall.is_some_and(|by| tree.ancestors(hall).any(|above| above.code == by));
    over || by_role.is_some_and(|role| ABOVE_EVERY_HALL.contains(&role))
}

/// The sign that is out, or the leave that lasts, at `at`: since when. A leave that nobody approved is none.
pub fn away_since(entries: &[Entry], at: DateTime<Utc>) -> Option<DateTime<Utc>> {
    entries
        .iter()
        .filter_map(standing)
        .filter(|span| span.holds_at(at))
        .map(|span| span.from)
        .min()
}

/// What these entries of one window excuse in [from, to): leave whole, pauses as far as `pauses` of a day in which the hall is
/// open. Sorted; spans may touch and overlap.
pub fn excused(
    entries: &[Entry],
    opening: &OpeningHours,
    calendar: &Calendar,
    pauses: TimeDelta,
    (from, to): (DateTime<Utc>, DateTime<Utc>),
) -> Vec<Excused> {
    let (mut all, mut signs) = (Vec::new(), Vec::new());
    for entry in entries {
        match (entry.kind, standing(entry)) {
            (Kind::Leave, Some(span)) => all.push(span),
            (Kind::Paused, Some(span)) => signs.push(span),
            _ => {}
        }
    }
    signs.sort_unstable();
    let mut left: BTreeMap<NaiveDate, TimeDelta> = BTreeMap::new();
    for sign in apart(signs) {
        let end = sign.until.unwrap_or(to).min(to);
        let first = calendar.date(sign.from);
        let days = (0..).map_while(|day| first.checked_add_days(Days::new(day)));
        for date in days.take_while(|date| calendar.midnight(*date) < end) {
            let Some(open) = calendar.open_on(opening, date) else {
                continue;
            };
            let left = left.entry(date).or_insert(pauses);
            let opens = calendar.instant(date.and_time(open.opens()));
            let closes = calendar.instant(date.and_time(open.closes()));
            let begins = opens.max(sign.from);
            let ends = closes.min(end).min(begins + *left);
            if begins < ends {
                *left -= ends - begins;
                all.push(Excused {
                    from: begins,
                    until: Some(ends),
                });
            }
        }
    }
    all.retain(|span| span.from < to && span.until.is_none_or(|until| until > from));
    all.sort_unstable();
    all
}

/// From when to when an absence stands: from its entry at the earliest.
fn standing(entry: &Entry) -> Option<Excused> {
    let (from, until) = (entry.starts.max(entry.entered), entry.ends);
    let holds = entry.kind == Kind::Paused || (entry.kind == Kind::Leave && entry.approved);
    (holds && until.is_none_or(|until| from < until)).then_some(Excused { from, until })
}

/// The same time as spans that do not overlap; `spans` are sorted.
fn apart(spans: Vec<Excused>) -> Vec<Excused> {
    let mut all: Vec<Excused> = Vec::with_capacity(spans.len());
    for span in spans {
        match all.last_mut() {
            Some(last) if last.until.is_none_or(|until| span.from <= until) => {
                last.until = last.until.zip(span.until).map(|(a, b)| a.max(b));
            }
            _ => all.push(span),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::org::{Hall, Level};

    /// A minute of Monday 2018-10-15, from midnight in the county.
    fn at(hour: u32, minute: u32) -> DateTime<Utc> {
        let calendar = Calendar::default();
        let date: NaiveDate = "2018-10-15".parse().unwrap();
        calendar.instant(date.and_hms_opt(hour, minute, 0).unwrap())
    }

    fn entry(kind: Kind, starts: DateTime<Utc>, ends: Option<DateTime<Utc>>) -> Entry {
        Entry {
            kind,
            starts,
            ends,
            entered: starts,
            approved: false,
        }
    }

    /// The excused time of the Monday, as `09:00-09:30`.
    fn told(entries: &[Entry]) -> Vec<String> {
        let calendar = Calendar::default();
        let span = (at(0, 0), at(23, 59));
        let half_hour = TimeDelta::minutes(30);
        let short = |at: DateTime<Utc>| calendar.local(at).format("%H:%M").to_string();
        excused(
            entries,
            &OpeningHours::default(),
            &calendar,
            half_hour,
            span,
        )
        .into_iter()
        .map(|span| {
            format!(
                "{}-{}",
                short(span.from),
                span.until.map_or("?".into(), short)
            )
        })
        .collect()
    }

    #[test]
    fn pauses_excuse_for_half_an_hour_of_a_day_together() {
        let ten = entry(Kind::Paused, at(9, 10), Some(at(9, 30)));
        assert_eq!(told(&[ten]), ["09:10-09:30"]);
        let again = entry(Kind::Paused, at(14, 0), Some(at(14, 30)));
        assert_eq!(told(&[ten, again]), ["09:10-09:30", "14:00-14:10"]);
        assert_eq!(told(&[again, ten]), told(&[ten, again]), "in any order");
        let open = entry(Kind::Paused, at(10, 0), None);
        assert_eq!(told(&[open]), ["10:00-10:30"]);
        let over = entry(Kind::Paused, at(10, 10), Some(at(10, 25)));
        assert_eq!(told(&[open, over]), ["10:00-10:30"], "no minute twice");
        let early = entry(Kind::Paused, at(8, 0), Some(at(9, 20)));
        assert_eq!(
            told(&[early]),
            ["09:00-09:20"],
            "before it opens costs nothing"
        );
    }

    #[test]
    fn nothing_reaches_back() {
        let late = Entry {
            entered: at(9, 20),
            ..entry(Kind::Paused, at(9, 0), Some(at(9, 40)))
        };
        assert_eq!(told(&[late]), ["09:20-09:40"]);
        let too_late = Entry {
            entered: at(9, 50),
            ..late
        };
        assert!(told(&[too_late]).is_empty());
        assert_eq!(away_since(&[late], at(9, 10)), None);
        assert_eq!(away_since(&[late], at(9, 30)), Some(at(9, 20)));
    }

    #[test]
    fn a_leave_excuses_whole_once_it_is_approved() {
        let asked = entry(Kind::Leave, at(9, 0), Some(at(12, 0)));
        assert!(told(&[asked]).is_empty());
        let approved = Entry {
            approved: true,
            ..asked
        };
        assert_eq!(told(&[approved]), ["09:00-12:00"]);
        assert_eq!(away_since(&[approved], at(11, 0)), Some(at(9, 0)));
    }

    #[test]
    fn a_leave_is_approved_above_the_hall() {
        let hall = |code: &str, parent: Option<&str>, level| Hall {
            code: code.into(),
            parent: parent.map(Into::into),
            level,
            name: code.into(),
            name_en: String::new(),
            opening: OpeningHours::default(),
        };
        let tree = Tree::new(vec![
            hall("C", None, Level::County),
            hall("T1", Some("C"), Level::Town),
            hall("T2", Some("C"), Level::Town),
        ])
        .unwrap();
        let by = |hall, role| approves(&tree, "T1", hall, role);
        assert!(by(Some("C"), Some("hall_manager")));
        assert!(by(None, Some("inspector")));
        assert!(!by(Some("T1"), Some("hall_manager")), "not the hall itself");
        assert!(!by(Some("T2"), None) && !by(None, None));
        assert!(
            !approves(&tree, "C", Some("C"), Some("hall_manager"))
                && approves(&tree, "C", Some("C"), Some("unit_head"))
        );
    }
}
