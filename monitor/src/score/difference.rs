//! What lies between two sheets of the same subject and month: why a published score was corrected.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Line, Part, Points, Reason, Sheet, points};

/// What became of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Turn {
    /// It is new.
    Came,
    /// It is no more.
    Went,
    /// It gives or takes something else.
    Changed,
}

/// One thing that counts otherwise than it did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// The part in which it stands; `None`: beside the parts.
    pub part: Option<Part>,
    /// What it makes the score rise (or fall) by.
    #[serde(deserialize_with = "points::signed")]
    pub points: Points,
    /// What became of it.
    pub turn: Turn,
    /// What it is; `None`: the part itself, which is judged now, or no longer.
    pub reason: Option<Reason>,
}

/// Everything that a sheet adds up, by what it is.
type Terms = BTreeMap<(Option<Part>, String), (Points, Option<Reason>)>;

fn terms(sheet: Option<&Sheet>) -> Terms {
    let mut all = Terms::new();
    let mut add = |part: Option<Part>, points: Points, reason: Option<&Reason>| {
        let key = reason.map_or_else(String::new, Reason::key);
        let term = all
            .entry((part, key))
            .or_insert_with(|| (Points::ZERO, reason.cloned()));
        term.0 += points;
    };
    let Some(sheet) = sheet else { return all };
    let lines = |lines: &[Line]| lines.to_vec();
    for part in sheet.parts.iter().filter(|part| part.points.is_some()) {
        add(Some(part.part), part.weight, None);
        for line in lines(&part.lines) {
            add(Some(part.part), line.points, Some(&line.reason));
        }
    }
    for line in lines(&sheet.beside) {
        add(None, line.points, Some(&line.reason));
    }
    all
}

/// What counts otherwise in `after` than in `before`, in the order of the sheet; their points together are what the score rose by.
pub fn differences(before: Option<&Sheet>, after: &Sheet) -> Vec<Difference> {
    let (mut old, new) = (terms(before), terms(Some(after)));
    let mut all = Vec::new();
    for ((part, key), (points, reason)) in new {
        let was = old.remove(&(part, key));
        let turn = if was.is_some() {
            Turn::Changed
        } else {
            Turn::Came
        };
        let points = points - was.map_or(Points::ZERO, |(points, _)| points);
        if points != Points::ZERO {
            all.push(Difference {
                part,
                points,
                turn,
                reason,
            });
        }
    }
    let gone = old
        .into_iter()
        .filter(|(_, (points, _))| *points != Points::ZERO);
    all.extend(gone.map(|((part, _), (points, reason))| Difference {
        part,
        points: -points,
        turn: Turn::Went,
        reason,
    }));
    // Beside the parts comes last, as on the sheet.
    all.sort_by_key(|one| (one.part.is_none(), one.part));
    all
}
