//! Scores inside one hall (its persons, its windows), and of one unit across the halls that it serves.
//!
//! They are scored by the same nine parts as halls are, of what is theirs: a person bears neither the promises of the items nor the
//! orders and complaints that a hall answers for, so those parts are left out, and the sheet says so.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::NaiveDate;
use mingjing_monitor::org::Level;
use mingjing_monitor::score::Facts;
use mingjing_monitor::store::StoreError;
use mingjing_monitor::store::rankings;
use sqlx::PgPool;

use crate::performance::{Evaluated, Grounds, Month, weighing};
use crate::store::scores;

/// What is ranked inside a hall.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// Who handles the cases: the handler of a step, as the sources name them.
    Person,
    /// Its windows, by number.
    Window,
}

impl Grounds<'_> {
    /// The persons or windows of a hall in the month that begins on `first`; of one `unit` where it is given.
    pub async fn within(
        &self,
        pool: &PgPool,
        (hall, unit): (&str, Option<&str>),
        by: By,
        first: NaiveDate,
    ) -> Result<Month, StoreError> {
        let (from, to) = self.span(first);
        let is_theirs = |of: Option<&str>| unit.is_none() || of == unit;
        let mut facts: HashMap<String, Facts> = HashMap::new();
        let handled = rankings::handled(pool, hall, (from, to), self.calendar.zone).await?;
        for case in handled
            .into_iter()
            .filter(|case| is_theirs(Some(&case.unit)))
        {
            let subject = match by {
                By::Person => case.person,
                By::Window => case.window,
            };
            let Some(subject) = subject else { continue };
            let facts = facts.entry(subject).or_default();
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
        let mut cards = scores::cards(pool, from, to).await?;
        cards.retain(|card| card.hall == hall && is_theirs(card.unit.as_deref()));
        let ids: Vec<i64> = cards.iter().map(|card| card.id).collect();
        let mut bearers = match by {
            By::Person => scores::bearers(pool, &ids).await?,
            By::Window => HashMap::new(),
        };
        for card in cards {
            let subject = match by {
                By::Person => bearers.remove(&card.id),
                By::Window => card.window.clone(),
            };
            if let Some(subject) = subject {
                let facts = facts.entry(subject).or_default();
                facts.cards.extend(weighing(card));
            }
        }
        let profile = self.profile(first);
        let evaluated = facts.into_iter().map(|(subject, facts)| {
            let named = (subject.clone(), subject.clone());
            (subject, Evaluated::new(named, 0, &facts, profile))
        });
        Ok(Month {
            subjects: evaluated.collect(),
            ranked_from: profile.formula.ranked_from,
            profile: Arc::clone(profile),
        })
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
