//! The service of a village point (domain.md section 7): when it was open, when its terminal ran, whom it helped. A [`Day`] is what its
//! events say of one local day; [`Month`] counts what of it lies in the hours in which it was to be open.

use std::collections::BTreeMap;

use chrono::{NaiveDate, NaiveTime, Timelike};
use sha2::{Digest, Sha256};

use crate::calendar::Span;
use crate::score::{Service, ServiceDay, ServiceFormula};

/// Minutes after midnight.
pub type Minute = i32;

/// One thing that a point told of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sign {
    /// It opened.
    Opened(Minute),
    /// It closed.
    Closed(Minute),
    /// Its terminal was up, from the first to the second.
    Up(Minute, Minute),
    /// A query was assisted, of the person told by [`person`].
    Assisted(Minute, String),
}

/// What tells a person again, of what an event says of them; empty where it names nobody.
pub fn person(key: Option<&str>) -> String {
    let digest = key.map(|key| Sha256::digest(key.as_bytes()));
    digest.map_or_else(String::new, |digest| hex(&digest[..8]))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What a point told of a day.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Day {
    /// Stretches in which it was open, [from, to], in order and apart.
    pub open: Vec<(Minute, Minute)>,
    /// Stretches in which a terminal was up.
    pub up: Vec<(Minute, Minute)>,
    /// Queries assisted, each person's first of the day.
    pub assisted: Vec<(Minute, String)>,
    /// How many were told.
    pub told: u32,
}

impl Day {
    /// Of its signs, in the order of their times. Whoever opens and never closes was there until the last query that day.
    pub fn of(signs: impl IntoIterator<Item = Sign>) -> Self {
        let mut day = Self::default();
        let (mut since, mut last_seen): (Option<Minute>, Minute) = (None, 0);
        for sign in signs {
            match sign {
                Sign::Opened(at) => {
                    since.get_or_insert(at);
                }
                Sign::Closed(at) => day.open.extend(since.take().map(|since| (since, at))),
                Sign::Up(from, to) => day.up.push((from.min(to), to)),
                Sign::Assisted(at, who) => {
                    last_seen = at;
                    day.told += 1;
                    if day.assisted.iter().all(|(_, known)| *known != who) {
                        day.assisted.push((at, who));
                    }
                }
            }
        }
        let unclosed = since.filter(|since| last_seen > *since);
        day.open.extend(unclosed.map(|since| (since, last_seen)));
        day.open = joined(day.open);
        day.up = joined(day.up);
        day
    }

    /// Whether anything was told.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The same stretches in order, those that touch made one.
fn joined(mut all: Vec<(Minute, Minute)>) -> Vec<(Minute, Minute)> {
    all.sort_unstable();
    let mut joined: Vec<(Minute, Minute)> = Vec::with_capacity(all.len());
    for (from, to) in all {
        match joined.last_mut().filter(|last| from <= last.1) {
            Some(last) => last.1 = last.1.max(to),
            None => joined.push((from, to)),
        }
    }
    joined
}

/// How many minutes of the stretches lie in [opens, closes).
fn within(stretches: &[(Minute, Minute)], (opens, closes): (Minute, Minute)) -> u64 {
    let in_it = |(from, to): &(Minute, Minute)| (to.min(&closes) - from.max(&opens)).max(0);
    let minutes: Minute = stretches.iter().map(in_it).sum();
    u64::from(minutes.unsigned_abs())
}

/// The days of a month, gathered for its score.
#[derive(Debug)]
pub struct Month<'a> {
    formula: &'a ServiceFormula,
    service: Service,
    /// How often a person was counted.
    persons: BTreeMap<String, u64>,
}

impl<'a> Month<'a> {
    /// An empty one.
    pub fn new(formula: &'a ServiceFormula) -> Self {
        Self {
            formula,
            service: Service::default(),
            persons: BTreeMap::new(),
        }
    }

    /// Counts a day on which the point was to be open in `hours`. Days go in in their order, each when it is over: before that
    /// nobody can say when it closed.
    pub fn add(&mut self, date: NaiveDate, hours: Span, told: &Day) {
        let minute = |time: NaiveTime| (time.num_seconds_from_midnight() / 60) as Minute;
        let (opens, closes) = (minute(hours.opens()), minute(hours.closes()));
        self.service.told += u64::from(told.told);
        let hours = (opens, closes);
        let beat = Minute::try_from(self.formula.beat).unwrap_or(Minute::MAX);
        let up = told
            .up
            .iter()
            .map(|(from, to)| (*from, to.saturating_add(beat)));
        let there = |at: Minute| {
            let open = told
                .open
                .iter()
                .any(|(from, to)| (*from..=*to).contains(&at));
            open && (opens..=closes).contains(&at)
        };
        let here: Vec<&str> = told
            .assisted
            .iter()
            .filter(|(at, _)| there(*at))
            .map(|(_, who)| who.as_str())
            .collect();
        let mut counted = 0;
        for who in here.iter().filter(|who| !who.is_empty()) {
            let before = self.persons.entry((*who).to_owned()).or_default();
            if counted < self.formula.most_a_day && *before < self.formula.per_person {
                counted += 1;
                *before += 1;
            }
        }
        // Nobody can tell one who was not named from another: they are one, where nobody else was helped.
        if counted == 0 && here.contains(&"") {
            counted = self.formula.most_a_day.min(1);
        }
        self.service.days.push(ServiceDay {
            day: date,
            minutes: within(&[hours], hours),
            open: within(&told.open, hours),
            up: within(&joined(up.collect()), hours),
            assisted: counted,
        });
    }

    /// What was counted.
    pub fn finish(self) -> Service {
        self.service
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NINE: Minute = 540;

    fn counted(days: &[(u32, Day)]) -> Service {
        let formula = ServiceFormula::default();
        let time = |h, m| NaiveTime::from_hms_opt(h, m, 0).unwrap();
        let hours = Span::new(time(9, 0), time(17, 0)).unwrap();
        let mut month = Month::new(&formula);
        for (day, told) in days {
            let date = NaiveDate::from_ymd_opt(2026, 9, *day).unwrap();
            month.add(date, hours, told);
        }
        month.finish()
    }

    fn assisted(at: Minute, who: &str) -> Sign {
        Sign::Assisted(at, person((!who.is_empty()).then_some(who)))
    }

    #[test]
    fn a_day_is_open_between_its_words_and_until_the_last_query_where_nobody_closed() {
        let day = Day::of([
            Sign::Opened(NINE - 10),
            Sign::Opened(NINE),
            Sign::Closed(720),
            Sign::Closed(730),
            Sign::Opened(780),
            assisted(900, "a"),
        ]);
        assert_eq!(day.open, [(530, 720), (780, 900)]);
        let service = counted(&[(1, day)]);
        assert_eq!(service.days[0].open, 180 + 120);
        assert_eq!(service.days[0].minutes, 480);
        let left = Day::of([Sign::Opened(NINE)]);
        assert!(left.open.is_empty(), "who opens and is not heard of again");
    }

    #[test]
    fn a_terminal_is_up_for_a_while_after_each_word_of_it() {
        // Up from 08:00 to 10:00 by its own word, and for fifteen minutes after; then a single heartbeat at 12:00.
        let day = Day::of([Sign::Up(480, 600), Sign::Up(720, 720)]);
        assert_eq!(counted(&[(1, day)]).days[0].up, 75 + 15);
        let night = Day::of((0..NINE - 15).map(|at| Sign::Up(at, at)));
        assert_eq!(counted(&[(1, night)]).days[0].up, 0);
    }

    #[test]
    fn a_person_counts_once_a_day_and_a_few_times_a_month_and_nobody_once_a_day() {
        let day = || {
            let signs = [Sign::Opened(NINE)];
            let many = (0..1_000).map(|n| assisted(NINE + n % 400, "z3"));
            let unnamed = (0..10).map(|n| assisted(NINE + n, ""));
            let all = signs.into_iter().chain(many).chain(unnamed);
            Day::of(all.chain([Sign::Closed(1_000)]))
        };
        let days: Vec<_> = (1..=6).map(|n| (n, day())).collect();
        let service = counted(&days);
        let each: Vec<u64> = service.days.iter().map(|day| day.assisted).collect();
        assert_eq!(each, [1; 6]);
        assert_eq!(service.told, 6 * 1_010);
        let named = |n: u32| {
            Day::of([
                Sign::Opened(NINE),
                assisted(600, "z3"),
                Sign::Closed(700 + n as Minute),
            ])
        };
        let days: Vec<_> = (1..=6).map(|n| (n, named(n))).collect();
        let each = counted(&days).days.into_iter().map(|day| day.assisted);
        assert_eq!(each.collect::<Vec<_>>(), [1, 1, 1, 1, 0, 0]);
    }

    #[test]
    fn what_is_told_of_a_closed_point_does_not_count() {
        let day = Day::of([assisted(NINE + 5, "a"), assisted(NINE + 6, "b")]);
        assert_eq!(counted(&[(1, day)]).days[0].assisted, 0);
        let most = (0..20).map(|n| assisted(600 + n, &format!("p{n}")));
        let day = Day::of([Sign::Opened(NINE)].into_iter().chain(most));
        assert_eq!(counted(&[(1, day)]).days[0].assisted, 1);
    }
}
