//! The service score: how village points are judged, which mostly query and help (domain.md section 7).

use chrono::NaiveDate;
use serde::Deserialize;

use super::facts::{Card, Facts, Of, Part};
use super::sheet::{PartSheet, finished, one_by_one, spread};
use super::{Formula, Line, Points, Reason};

/// How village points are scored.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServiceFormula {
    /// What opening kept weighs; the five together 100.
    pub opening: Points,
    /// What the terminal weighs.
    pub terminal: Points,
    /// What queries assisted weigh.
    pub assistance: Points,
    /// What answers weigh.
    pub answers: Points,
    /// What the cases that a point handles itself weigh.
    pub cases: Points,
    /// For so many minutes after a word of it a terminal counts as up.
    pub beat: u32,
    /// So many queries for each day of opening are all that is asked.
    pub assisted_a_day: f64,
    /// No more of a day are counted.
    pub most_a_day: u64,
    /// Nor more of one person in a month.
    pub per_person: u64,
    /// Fewer services than this are listed and not ranked.
    pub ranked_from: u64,
}

impl Default for ServiceFormula {
    fn default() -> Self {
        Self {
            opening: Points::whole(30),
            terminal: Points::whole(20),
            assistance: Points::whole(20),
            answers: Points::whole(20),
            cases: Points::whole(10),
            beat: 15,
            assisted_a_day: 1.0,
            most_a_day: 1,
            per_person: 4,
            ranked_from: 10,
        }
    }
}

impl ServiceFormula {
    /// Whether its numbers hold together.
    pub(super) fn check(&self) -> Result<(), String> {
        let all: Points = Part::SERVICE.iter().map(|part| self.weight(*part)).sum();
        if all != Points::whole(100) {
            return Err(format!(
                "the weights of service make {all} together, not 100"
            ));
        }
        if !(self.assisted_a_day > 0.0 && self.assisted_a_day <= 1_000.0) {
            return Err("service.assisted_a_day lies over 0 and up to 1000".into());
        }
        Ok(())
    }

    /// What a part of service weighs; nothing where it is none.
    pub fn weight(&self, part: Part) -> Points {
        match part {
            Part::Opening => self.opening,
            Part::Terminal => self.terminal,
            Part::Assistance => self.assistance,
            Part::Answers => self.answers,
            Part::Cases => self.cases,
            _ => Points::ZERO,
        }
    }
}

/// A day on which a point was to be open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServiceDay {
    /// Which.
    pub day: NaiveDate,
    /// For how many minutes it was to be open.
    pub minutes: u64,
    /// Of them, open.
    pub open: u64,
    /// Of them, with a terminal up.
    pub up: u64,
    /// Queries assisted that count.
    pub assisted: u64,
}

/// A complaint that was to be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToAnswer {
    /// Its number.
    pub no: String,
    /// It was, in time.
    pub met: bool,
    /// It fell due in an earlier month, and was not answered when this one began.
    pub again: bool,
}

/// What a point did beside cases. Days are `None` of a point that tells nothing of its service.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Service {
    /// The days since it tells of its service; none: it tells nothing.
    pub days: Vec<ServiceDay>,
    /// Queries that it told of, whether or not they count.
    pub told: u64,
    /// The complaints that were to be answered.
    pub complaints: Vec<ToAnswer>,
}

impl Service {
    /// Queries assisted that count.
    pub fn assisted(&self) -> u64 {
        self.days.iter().map(|day| day.assisted).sum()
    }

    /// How many queries are all that is asked of the month.
    pub fn asked(&self, formula: &ServiceFormula) -> u64 {
        let asked = self.days.len() as f64 * formula.assisted_a_day;
        (asked.round() as u64).max(1)
    }
}

/// The part of service in which a card of one of the nine counts.
pub(super) fn counts_in(part: Part) -> Part {
    match part {
        Part::Conduct => Part::Opening,
        Part::Liability => Part::Answers,
        _ => Part::Cases,
    }
}

/// One part of the service score.
pub(super) fn part(part: Part, service: &Service, facts: &Facts, formula: &Formula) -> PartSheet {
    let own = &formula.service;
    let weight = own.weight(part);
    let mine = facts
        .cards
        .iter()
        .filter(|card| counts_in(card.part) == part);
    let cards: Vec<&Card> = mine.collect();
    let judged = match part {
        Part::Opening | Part::Terminal | Part::Assistance => !service.days.is_empty(),
        Part::Answers => !service.complaints.is_empty() || !facts.orders.is_empty(),
        _ => facts.due > 0,
    };
    if !judged && cards.is_empty() {
        return PartSheet::left_out(part, weight);
    }
    let mut lines = one_by_one(&cards, |card| {
        if card.part == Part::Integrity {
            formula.integrity
        } else if card.red {
            formula.red
        } else {
            formula.yellow
        }
    });
    lines.extend(match part {
        Part::Opening => by_day(
            weight,
            service,
            |day| day.open,
            |day, of| Reason::Closed { day, of },
        ),
        Part::Terminal => by_day(
            weight,
            service,
            |day| day.up,
            |day, of| Reason::Down { day, of },
        ),
        Part::Assistance => few(weight, service, own).into_iter().collect(),
        Part::Answers => unanswered(weight, service, facts),
        _ => Vec::new(),
    });
    finished(part, weight, lines, facts)
}

/// Weight × missing minutes / minutes: a line for each day on which any were missing; rounded so that all of them take all of it.
fn by_day(
    weight: Points,
    service: &Service,
    there: impl Fn(&ServiceDay) -> u64,
    reason: impl Fn(NaiveDate, Of) -> Reason,
) -> Vec<Line> {
    let all: u64 = service.days.iter().map(|day| day.minutes).sum();
    let (mut missing, mut before) = (0, Points::ZERO);
    let mut lines = Vec::new();
    for day in &service.days {
        let of = Of {
            part: there(day).min(day.minutes),
            whole: day.minutes,
        };
        missing += of.whole - of.part;
        let cost = weight.share(missing, all);
        if of.part < of.whole && all > 0 {
            lines.push(Line {
                points: before - cost,
                reason: reason(day.day, of),
            });
            before = cost;
        }
    }
    lines
}

/// Weight × (1 − counted / asked).
fn few(weight: Points, service: &Service, own: &ServiceFormula) -> Option<Line> {
    let (counted, asked) = (service.assisted(), service.asked(own));
    (!service.days.is_empty() && counted < asked).then(|| Line {
        points: weight.share(counted, asked) - weight,
        reason: Reason::FewAssisted {
            counted,
            asked,
            told: service.told,
        },
    })
}

/// What was to be answered, complaints and orders alike: weight × not answered / all.
fn unanswered(weight: Points, service: &Service, facts: &Facts) -> Vec<Line> {
    let late = service.complaints.iter().filter(|one| !one.met);
    let complaints = late.map(|one| Reason::LateAnswer {
        no: one.no.clone(),
        again: one.again,
    });
    let missed = facts.orders.iter().filter(|order| !order.met);
    let orders = missed.map(|order| Reason::Unanswered {
        which: order.which,
        again: order.again,
    });
    let reasons: Vec<Reason> = complaints.chain(orders).collect();
    let n = service.complaints.len() + facts.orders.len();
    spread(weight, n as u64, reasons.iter(), Reason::clone)
}

/// Between which counts the true one lies with 95 % confidence where `n` were counted: the score interval of a Poisson mean.
pub(super) fn counted(n: u64, z: f64) -> (f64, f64) {
    let (n, half) = (n as f64, z * z / 2.0);
    let spread = z * (n + half / 2.0).sqrt();
    ((n + half - spread).max(0.0), n + half + spread)
}

/// What a part gives at each end of its band; `None`: it is counted and not sampled.
pub(super) fn limits(
    part: &PartSheet,
    service: &Service,
    facts: &Facts,
    own: &ServiceFormula,
    z: f64,
) -> Option<(f64, f64)> {
    let weight = part.weight.in_hundredths() as f64 / 100.0;
    match part.part {
        Part::Assistance => {
            let asked = service.asked(own) as f64;
            let (low, high) = counted(service.assisted(), z);
            Some((
                weight * (low / asked).min(1.0),
                weight * (high / asked).min(1.0),
            ))
        }
        Part::Answers => {
            let met = service.complaints.iter().filter(|one| one.met).count()
                + facts.orders.iter().filter(|order| order.met).count();
            let n = service.complaints.len() + facts.orders.len();
            let (low, high) = super::wilson(met as f64, n as u64)?;
            Some((weight * low, weight * high))
        }
        _ => None,
    }
}
