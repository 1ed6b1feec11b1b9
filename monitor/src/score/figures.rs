//! What a ranking shows of a subject, and what is kept of it when its month closes.

use serde::{Deserialize, Serialize};

use super::{Band, Facts, Formula, Grade, Held, Part, Points, Sheet, points};

/// What a part gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartPoints {
    /// Which.
    pub part: Part,
    /// What it weighs.
    pub weight: Points,
    /// What it gives; `None`: there was nothing to judge by, and it is left out.
    #[serde(deserialize_with = "points::signed_or_none")]
    pub points: Option<Points>,
}

/// The figures of one subject and one month. The sheet that opens them to the last card is kept beside them: it is far larger.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// The score; `None`: there was nothing to judge by.
    #[serde(deserialize_with = "points::signed_or_none")]
    pub score: Option<Points>,
    /// Between which two values it would lie, with 95 % confidence, were the month repeated.
    pub band: Option<Band>,
    /// The grade.
    pub grade: Option<Grade>,
    /// What holds it down.
    pub held_at: Option<Held>,
    /// The nine parts, or the five of service.
    pub parts: Vec<PartPoints>,
    /// Rescaling and bonuses: what the score has beside the points of the parts.
    #[serde(deserialize_with = "points::signed")]
    pub beside: Points,
    /// Cases that fell due and are judged.
    pub due: u64,
    /// Of them, decided in time.
    pub met: u64,
    /// Yellow cards that weigh.
    pub yellow_cards: u64,
    /// Red ones.
    pub red_cards: u64,
    /// Of all of them, those whose appeal waits for its decision.
    pub appealed: u64,
    /// Complaints closed, upheld or not.
    pub complaints: u64,
    /// Ratings, the best level first.
    pub ratings: [u64; 5],
    /// Of a village point scored by its service: cases due and queries assisted together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub services: Option<u64>,
    /// What the next month carries: what parts were given back at their floor.
    #[serde(default)]
    pub carries: Vec<(Part, Points)>,
}

impl Figures {
    /// What `sheet`, made of `facts` by `formula`, comes to.
    pub fn new(facts: &Facts, sheet: &Sheet, formula: &Formula) -> Self {
        let count = |which: fn(&super::Card) -> bool| {
            facts.cards.iter().filter(|card| which(card)).count() as u64
        };
        Self {
            score: sheet.score,
            band: sheet.band(facts, formula),
            grade: sheet.grade,
            held_at: sheet.held_at,
            parts: sheet
                .parts
                .iter()
                .map(|part| PartPoints {
                    part: part.part,
                    weight: part.weight,
                    points: part.points,
                })
                .collect(),
            beside: sheet.beside.iter().map(|line| line.points).sum(),
            due: facts.due,
            met: facts.met,
            yellow_cards: count(|card| !card.red),
            red_cards: count(|card| card.red),
            appealed: count(|card| card.appealed),
            complaints: facts.complaints,
            ratings: facts.ratings,
            services: facts
                .service
                .as_ref()
                .map(|service| facts.due + service.assisted()),
            carries: sheet.carries(),
        }
    }

    /// What a rank asks for at least so many of: cases due, and of a village point queries assisted too.
    pub fn services(&self) -> u64 {
        self.services.unwrap_or(self.due)
    }
}
