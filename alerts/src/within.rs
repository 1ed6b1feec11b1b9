//! Scores inside one hall (its persons, its windows), and of one unit across the halls that it serves.
//!
//! They are scored by the same nine parts as halls are, of what is theirs: a person bears neither the promises of the items nor the
//! orders and complaints that a hall answers for, so those parts are left out, and the sheet says so.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use chrono::NaiveDate;
use mingjing_monitor::org::Level;
use mingjing_monitor::score::Facts;
use mingjing_monitor::store::StoreError;
use mingjing_monitor::store::rankings::{self, Handled};
use sqlx::PgPool;

use crate::performance::{Evaluated, Grounds, Month, weighing};
use crate::store::scores;

/// What is ranked inside a hall.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum By {
    /// Who handles the cases: the handler of a step, as the sources name them.
    Person,
    /// Its windows, by number.
    Window,
}

impl By {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Person, Self::Window];

    /// The word of interface and database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Window => "window",
        }
    }
}

/// Among whom somebody is ranked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Code of the hall.
    pub hall: String,
    /// Code of the unit; `None`: all of the hall.
    pub unit: Option<String>,
    /// What is ranked.
    pub by: By,
}

impl Place {
    /// The unit, empty where it is all of the hall.
    pub fn unit(&self) -> &str {
        self.unit.as_deref().unwrap_or_default()
    }
}

/// The facts of the subjects of each place.
type Gathered = BTreeMap<Place, HashMap<String, Facts>>;

/// Where something of a hall and a unit counts: among all of the hall, and among the unit.
fn places(hall: &str, unit: Option<&str>, by: By) -> impl Iterator<Item = Place> {
    let unit = unit.filter(|unit| !unit.is_empty());
    let place = |unit: Option<&str>| Place {
        hall: hall.to_owned(),
        unit: unit.map(str::to_owned),
        by,
    };
    let whole = place(None);
    let own = unit.map(|unit| place(Some(unit)));
    [whole].into_iter().chain(own)
}

fn gather(all: &mut Gathered, case: &Handled) {
    for by in By::ALL {
        let subject = match by {
            By::Person => case.person.as_ref(),
            By::Window => case.window.as_ref(),
        };
        let Some(subject) = subject else { continue };
        for place in places(&case.hall, Some(&case.unit), by) {
            let of_place = all.entry(place).or_default();
            let facts = of_place.entry(subject.clone()).or_default();
            facts.due += u64::from(case.due);
            facts.met += u64::from(case.met);
            facts.promised += u64::from(case.promised);
            facts.early += u64::from(case.early);
            let level = case
                .rating
                .and_then(|level| usize::try_from(level - 1).ok());
            if let Some(n) = level.and_then(|level| facts.ratings.get_mut(level)) {
                *n += 1;
            }
        }
    }
}

impl Grounds<'_> {
    /// The persons or windows of a place in the month that begins on `first`.
    pub async fn within(
        &self,
        pool: &PgPool,
        place: &Place,
        first: NaiveDate,
    ) -> Result<Month, StoreError> {
        let mut all = self.all_within(pool, Some(&place.hall), first).await?;
        let nobody = || self.evaluated_within(first, HashMap::new());
        Ok(all.remove(place).unwrap_or_else(nobody))
    }

    /// The persons and windows of a hall, or of every hall, in the month that begins on `first`: among all of their hall, and among those of
    /// their unit.
    pub async fn all_within(
        &self,
        pool: &PgPool,
        hall: Option<&str>,
        first: NaiveDate,
    ) -> Result<BTreeMap<Place, Month>, StoreError> {
        let (from, to) = self.span(first);
        let mut all = Gathered::new();
        for case in rankings::handled(pool, hall, (from, to), self.calendar.zone).await? {
            gather(&mut all, &case);
        }
        let mut cards = scores::cards(pool, from, to).await?;
        cards.retain(|card| hall.is_none_or(|hall| card.hall == hall));
        let ids: Vec<i64> = cards.iter().map(|card| card.id).collect();
        let bearers = scores::bearers(pool, &ids).await?;
        for card in cards {
            for by in By::ALL {
                let subject = match by {
                    By::Person => bearers.get(&card.id),
                    By::Window => card.window.as_ref(),
                };
                let Some(subject) = subject else { continue };
                for place in places(&card.hall, card.unit.as_deref(), by) {
                    let of_place = all.entry(place).or_default();
                    let facts = of_place.entry(subject.clone()).or_default();
                    facts.cards.extend(weighing(card.clone()));
                }
            }
        }
        let months = all.into_iter();
        Ok(months
            .map(|(place, facts)| (place, self.evaluated_within(first, facts)))
            .collect())
    }

    fn evaluated_within(&self, first: NaiveDate, facts: HashMap<String, Facts>) -> Month {
        let profile = self.profile(first);
        let evaluated = facts.into_iter().map(|(subject, facts)| {
            let named = (subject.clone(), subject.clone());
            (subject, Evaluated::new(named, 0, &facts, profile))
        });
        Month {
            subjects: evaluated.collect(),
            ranked_from: profile.formula.ranked_from,
            profile: Arc::clone(profile),
        }
    }

    /// The halls that a unit serves, each scored by what the unit did there in the month that begins on `first`.
    pub async fn across(
        &self,
        pool: &PgPool,
        unit: &str,
        first: NaiveDate,
    ) -> Result<Month, StoreError> {
        let (from, to) = self.span(first);
        let standings = rankings::across(pool, self.root, unit, first).await?;
        let subject = |hall: &str, of: Option<&str>| (of == Some(unit)).then(|| hall.to_owned());
        let mut facts: HashMap<String, Facts> = HashMap::new();
        for card in scores::cards(pool, from, to).await? {
            if let Some(code) = subject(&card.hall, card.unit.as_deref()) {
                facts.entry(code).or_default().cards.extend(weighing(card));
            }
        }
        self.beside_cards(pool, (from, to), &subject, &mut facts)
            .await?;
        Ok(self.evaluated(Level::Town, first, standings, facts))
    }
}
