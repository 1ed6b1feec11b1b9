//! The score sheet: every deduction and bonus with its evidence. Their sum *is* the score.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::facts::{Card, Facts, Of, OrderRef};
use super::{Cuts, Formula, Part, Points, points, service};

/// How good a month was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grade {
    /// 不合格
    Fail,
    /// 合格
    Pass,
    /// 良好
    Good,
    /// 优秀
    Excellent,
}

impl Grade {
    /// What a score alone earns.
    pub fn of(score: Points, cuts: &Cuts) -> Self {
        match score {
            score if score >= cuts.excellent => Self::Excellent,
            score if score >= cuts.good => Self::Good,
            score if score >= cuts.pass => Self::Pass,
            _ => Self::Fail,
        }
    }
}

/// What a line is about. The words are made of it by whoever shows them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "because", rename_all = "snake_case")]
pub enum Reason {
    /// A card.
    Card {
        /// Its number.
        card: i64,
        /// Its rule.
        rule: String,
        /// Whether it is red.
        red: bool,
        /// A further month past the legal limit.
        again: bool,
        /// An appeal waits.
        appealed: bool,
    },
    /// An order not answered in time, or not accepted.
    Unanswered {
        /// Which.
        #[serde(flatten)]
        which: OrderRef,
        /// It was due in an earlier month, and lay unanswered when this one began.
        #[serde(default)]
        again: bool,
    },
    /// A complaint upheld.
    Complaint {
        /// Its number.
        no: String,
    },
    /// A complaint not answered in time.
    LateAnswer {
        /// Its number.
        no: String,
        /// It was due in an earlier month, and lay unanswered when this one began.
        again: bool,
    },
    /// A point not open when it was to be.
    Closed {
        /// The day.
        day: NaiveDate,
        /// Minutes open, of those in which it was to be.
        #[serde(flatten)]
        of: Of,
    },
    /// No terminal up while the point was to be open.
    Down {
        /// The day.
        day: NaiveDate,
        /// Minutes up, of those in which the point was to be open.
        #[serde(flatten)]
        of: Of,
    },
    /// Fewer queries assisted than are asked.
    FewAssisted {
        /// So many count.
        counted: u64,
        /// So many are asked.
        asked: u64,
        /// So many were told.
        told: u64,
    },
    /// Ratings of one level.
    Ratings {
        /// 1 the best, 5 the worst.
        level: u8,
        /// How many.
        n: u64,
        /// Of how many.
        of: u64,
    },
    /// Nobody where somebody should have sat.
    Absent(Of),
    /// Fields of items missing or contradictory.
    Undisclosed(Of),
    /// What the month before was given back at the floor.
    Carried,
    /// No part falls below nothing: what was taken beyond is given back, and carried over.
    Floor,
    /// Parts without input are left out, and the others stand for them.
    Rescaled {
        /// What the parts that count weigh.
        weights: Points,
    },
    /// Cases decided early.
    Early(Of),
    /// Promises under what the law allows.
    PromisesCut(Of),
    /// Bonuses beyond the most that can be gained.
    Cap,
}

impl Reason {
    /// What tells it again in another sheet of the same part.
    pub(super) fn key(&self) -> String {
        match self {
            Self::Card { card, .. } => format!("card {card}"),
            Self::Unanswered { which, .. } => match which {
                OrderRef::Card(card) => format!("correction {card}"),
                OrderRef::Order(order) => format!("order {order}"),
            },
            Self::LateAnswer { no, .. } => format!("answer {no}"),
            Self::Closed { day, .. } => format!("closed {day}"),
            Self::Down { day, .. } => format!("down {day}"),
            Self::FewAssisted { .. } => "assisted".into(),
            Self::Complaint { no } => format!("complaint {no}"),
            Self::Ratings { level, .. } => format!("ratings {level}"),
            Self::Absent(_) => "absent".into(),
            Self::Undisclosed(_) => "undisclosed".into(),
            Self::Carried => "carried".into(),
            Self::Floor => "floor".into(),
            Self::Rescaled { .. } => "rescaled".into(),
            Self::Early(_) => "early".into(),
            Self::PromisesCut(_) => "promises".into(),
            Self::Cap => "cap".into(),
        }
    }
}

/// A deduction (below zero) or bonus (above).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// What it takes or gives.
    #[serde(deserialize_with = "points::signed")]
    pub points: Points,
    /// Why.
    #[serde(flatten)]
    pub reason: Reason,
}

/// One part of a sheet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartSheet {
    /// Which.
    pub part: Part,
    /// What it weighs: the most it can give.
    pub weight: Points,
    /// What it gives: the weight and its lines together; `None`: nothing to judge by, left out.
    pub points: Option<Points>,
    /// What was taken.
    pub lines: Vec<Line>,
}

/// The score of a subject in a month.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sheet {
    /// The nine parts, or the five of service.
    pub parts: Vec<PartSheet>,
    /// What stands beside the parts: the rescaling and the bonuses.
    pub beside: Vec<Line>,
    /// The points of all parts and of every line beside them; `None`: nothing at all to judge by.
    #[serde(deserialize_with = "points::signed_or_none")]
    pub score: Option<Points>,
    /// The grade.
    pub grade: Option<Grade>,
    /// Why the grade is lower than the score alone would make it.
    pub held_at: Option<Held>,
}

/// What holds a grade down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Held {
    /// An unlawful fee.
    Fee,
    /// Too many late: pass at best.
    Late,
    /// Far too many late: fail.
    FarTooLate,
}

impl Sheet {
    /// Scores `facts` by `formula`.
    pub fn new(facts: &Facts, formula: &Formula) -> Self {
        let parts: Vec<PartSheet> = match &facts.service {
            Some(of) => Part::SERVICE
                .map(|part| service::part(part, of, facts, formula))
                .into(),
            None => Part::ALL.map(|part| one_part(part, facts, formula)).into(),
        };
        let (weights, sum) = parts
            .iter()
            .filter_map(|part| Some((part.weight, part.points?)))
            .fold((Points::ZERO, Points::ZERO), |(w, p), (weight, points)| {
                (w + weight, p + points)
            });
        if weights == Points::ZERO {
            return Self {
                parts,
                beside: Vec::new(),
                score: None,
                grade: None,
                held_at: None,
            };
        }
        let mut beside = Vec::new();
        let full = Points::whole(100);
        if weights != full {
            let rescaled = full.share(hundredths(sum), hundredths(weights));
            beside.push(Line {
                points: rescaled - sum,
                reason: Reason::Rescaled { weights },
            });
        }
        if facts.service.is_none() {
            beside.extend(bonuses(facts, formula));
        }
        let score = sum + beside.iter().map(|line| line.points).sum();
        let (grade, held_at) = grade(score, facts, formula);
        Self {
            parts,
            beside,
            score: Some(score),
            grade: Some(grade),
            held_at,
        }
    }
}

impl PartSheet {
    /// There is nothing to judge it by.
    pub(super) fn left_out(part: Part, weight: Points) -> Self {
        Self {
            part,
            weight,
            points: None,
            lines: Vec::new(),
        }
    }

    /// What the next month carries: what was given back at the floor, at most what the part weighs.
    fn carries(&self) -> Points {
        let floor = self
            .lines
            .iter()
            .filter(|line| line.reason == Reason::Floor);
        let given_back: Points = floor.map(|line| line.points).sum();
        given_back.min(self.weight)
    }
}

impl Sheet {
    /// What the next month carries, part by part.
    pub fn carries(&self) -> Vec<(Part, Points)> {
        let parts = self.parts.iter().map(|part| (part.part, part.carries()));
        parts.filter(|(_, points)| *points > Points::ZERO).collect()
    }
}

fn hundredths(points: Points) -> u64 {
    u64::try_from(points.in_hundredths()).unwrap_or_default()
}

fn one_part(part: Part, facts: &Facts, formula: &Formula) -> PartSheet {
    let weight = formula.weights.of(part);
    let cards: Vec<&Card> = facts
        .cards
        .iter()
        .filter(|card| card.part == part)
        .collect();
    let judged = match part {
        Part::Timeliness | Part::Process | Part::Fees | Part::Integrity => facts.due > 0,
        Part::Supervision => !facts.orders.is_empty(),
        Part::Conduct => facts.presence.is_some_and(|of| of.whole > 0),
        Part::Satisfaction => facts.ratings.iter().any(|n| *n > 0),
        // Nobody complained of a hall that worked: that is something to judge by.
        Part::Liability => facts.due > 0 || facts.complaints > 0,
        Part::Disclosure => facts.disclosure.is_some_and(|of| of.whole > 0),
        _ => false,
    };
    if !judged && cards.is_empty() {
        return PartSheet::left_out(part, weight);
    }
    let mut lines = match part {
        Part::Timeliness | Part::Process => by_rate(weight, &cards, facts.due, formula),
        Part::Integrity => one_by_one(&cards, |_| formula.integrity),
        _ => one_by_one(&cards, |card| {
            if card.red {
                formula.red
            } else {
                formula.yellow
            }
        }),
    };
    lines.extend(more(part, weight, facts, formula));
    finished(part, weight, lines, facts)
}

/// A part with these lines, with what it carries, and not below nothing.
pub(super) fn finished(
    part: Part,
    weight: Points,
    mut lines: Vec<Line>,
    facts: &Facts,
) -> PartSheet {
    let carried = facts.carried.iter().filter(|(of, _)| *of == part);
    lines.extend(carried.map(|(_, points)| Line {
        points: -*points,
        reason: Reason::Carried,
    }));
    let points = weight + lines.iter().map(|line| line.points).sum();
    if points < Points::ZERO {
        lines.push(Line {
            points: -points,
            reason: Reason::Floor,
        });
    }
    PartSheet {
        part,
        weight,
        points: Some(points.max(Points::ZERO)),
        lines,
    }
}

fn because(card: &Card) -> Reason {
    Reason::Card {
        card: card.id,
        rule: card.rule.clone(),
        red: card.red,
        again: card.again,
        appealed: card.appealed,
    }
}

pub(super) fn one_by_one(cards: &[&Card], costs: impl Fn(&Card) -> Points) -> Vec<Line> {
    let line = |card: &&Card| Line {
        points: -costs(card),
        reason: because(card),
    };
    cards.iter().map(line).collect()
}

/// Weight × min(1, r / worthless), r = (yellow + 2 red) / max(n, of_at_least); spread over the cards, a red twice a yellow, so
/// that the lines add up to it exactly.
fn by_rate(weight: Points, cards: &[&Card], due: u64, formula: &Formula) -> Vec<Line> {
    let worth = |card: &Card| if card.red { 2 } else { 1 };
    let all: u64 = cards.iter().map(|card| worth(card)).sum();
    let full = formula.worthless.get() * due.max(formula.of_at_least) as f64;
    // What takes all of it, in hundredths of a yellow card: the share may be any number, the cards are whole.
    let full = (full * 100.0).round().max(1.0) as u64;
    // Beyond the weight too: what the floor gives back of it is carried into the next month.
    let (times, rest) = (all * 100 / full, all * 100 % full);
    let whole: Points = (0..times).map(|_| weight).sum();
    let taken = whole + weight.share(rest, full);
    let mut before = (0, Points::ZERO);
    cards
        .iter()
        .map(|card| {
            let so_far = before.0 + worth(card);
            let cost = taken.share(so_far, all);
            let line = Line {
                points: before.1 - cost,
                reason: because(card),
            };
            before = (so_far, cost);
            line
        })
        .collect()
}

/// What is taken for anything but cards.
fn more(part: Part, weight: Points, facts: &Facts, formula: &Formula) -> Vec<Line> {
    match part {
        Part::Supervision => spread(
            weight,
            facts.orders.len() as u64,
            facts.orders.iter().filter(|order| !order.met),
            |order| Reason::Unanswered {
                which: order.which,
                again: order.again,
            },
        ),
        Part::Conduct => {
            let of = facts.presence.filter(|of| of.part < of.whole);
            of.map(|of| lacking(weight, of, Reason::Absent))
                .into_iter()
                .collect()
        }
        Part::Liability => {
            let upheld = |no: &String| Line {
                points: -formula.complaint,
                reason: Reason::Complaint { no: no.clone() },
            };
            facts.upheld.iter().map(upheld).collect()
        }
        Part::Satisfaction => ratings(weight, facts, formula),
        Part::Disclosure => {
            let of = facts.disclosure.filter(|of| of.part < of.whole);
            of.map(|of| lacking(weight, of, Reason::Undisclosed))
                .into_iter()
                .collect()
        }
        _ => Vec::new(),
    }
}

/// What of a weight is missing where `of` is not whole.
fn lacking(weight: Points, of: Of, reason: impl Fn(Of) -> Reason) -> Line {
    Line {
        points: weight.share(of.part, of.whole) - weight,
        reason: reason(of),
    }
}

/// A weight divided among `n`, of which those listed take theirs away; rounded so that all of them take all of it.
pub(super) fn spread<'a, T: 'a>(
    weight: Points,
    n: u64,
    those: impl Iterator<Item = &'a T>,
    reason: impl Fn(&T) -> Reason,
) -> Vec<Line> {
    let line = |(i, one): (u64, &T)| Line {
        points: weight.share(i, n) - weight.share(i + 1, n),
        reason: reason(one),
    };
    (0..).zip(those).map(line).collect()
}

/// Weight × (1 − mean): a line for each level that costs anything.
fn ratings(weight: Points, facts: &Facts, formula: &Formula) -> Vec<Line> {
    let of: u64 = facts.ratings.iter().sum();
    let mut before = (0, Points::ZERO);
    let mut lines = Vec::new();
    for ((level, n), worth) in (1..).zip(facts.ratings).zip(formula.ratings) {
        let lost = before.0 + n * u64::from(100 - worth.min(100));
        let cost = weight.share(lost, of * 100);
        // Of nothing the share is all: there are no ratings then, and no line.
        if n > 0 && cost != before.1 {
            lines.push(Line {
                points: before.1 - cost,
                reason: Reason::Ratings { level, n, of },
            });
            before = (lost, cost);
        }
    }
    lines
}

/// The bonuses, and what is cut of them.
fn bonuses(facts: &Facts, formula: &Formula) -> Vec<Line> {
    let bonus = &formula.bonus;
    let mut lines = Vec::new();
    let early = Of {
        part: facts.early,
        whole: facts.promised,
    };
    let cut = Of {
        part: facts.legal.saturating_sub(facts.promise),
        whole: facts.legal,
    };
    for (of, first, points, reason) in [
        (early, bonus.early, bonus.early_points, Reason::Early(early)),
        (
            cut,
            bonus.promises_cut,
            bonus.promises_points,
            Reason::PromisesCut(cut),
        ),
    ] {
        if of.whole == 0 {
            continue;
        }
        // A hair's breadth: 0.3 + 0.1 of a binary machine is not quite 0.4.
        let share = of.part as f64 / of.whole as f64 + 1e-9;
        if share >= first.get() {
            let steps = ((share - first.get()) / bonus.further.get()).floor() as u64;
            lines.push(Line {
                points: points + bonus.further_points.times(steps),
                reason,
            });
        }
    }
    let all: Points = lines.iter().map(|line| line.points).sum();
    if all > bonus.most {
        lines.push(Line {
            points: bonus.most - all,
            reason: Reason::Cap,
        });
    }
    lines
}

fn grade(score: Points, facts: &Facts, formula: &Formula) -> (Grade, Option<Held>) {
    let cuts = &formula.grades;
    let earned = Grade::of(score, cuts);
    let late = facts.due.saturating_sub(facts.met);
    let on_time = |under: f64| (facts.met as f64) < under * facts.due as f64;
    let unlawful_fee = facts
        .cards
        .iter()
        .any(|card| card.part == Part::Fees && card.red);
    if on_time(cuts.fail_under.get()) && earned > Grade::Fail {
        return (Grade::Fail, Some(Held::FarTooLate));
    }
    if earned > Grade::Pass {
        if unlawful_fee {
            return (Grade::Pass, Some(Held::Fee));
        }
        if on_time(cuts.pass_at_best_under.get()) && late >= cuts.pass_at_best_late {
            return (Grade::Pass, Some(Held::Late));
        }
    }
    (earned, None)
}
