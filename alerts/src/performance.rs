//! Scores of a month: the figures and cards of every hall or unit of a level, put together for `monitor::score`.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Months, NaiveDate, Utc};
use mingjing_monitor::calendar::Calendar;
use mingjing_monitor::org::Level;
use mingjing_monitor::score::{Card, Entry, Facts, Figures, Of, Order, OrderRef, Sheet};
use mingjing_monitor::store::rankings::{self, Standing};
use mingjing_monitor::store::{StoreError, presence};
use sqlx::PgPool;

use crate::card::State;
use crate::merit;
use crate::profile::Profile;
use crate::store::scores;
use crate::versions::Versions;

/// What a month is scored by beside what happened in it.
#[derive(Clone, Copy)]
pub struct Grounds<'a> {
    /// Code of the hall at the root.
    pub root: &'a str,
    /// The level of every hall.
    pub halls: &'a HashMap<String, Level>,
    /// Where months begin and end.
    pub calendar: &'a Calendar,
    /// The versions of the formula.
    pub profiles: &'a Versions,
    /// The present: an answer that is not due yet is neither met nor missed.
    pub now: DateTime<Utc>,
}

/// The halls of a level, or the units of the county halls, in a month.
pub struct Month {
    /// The profile whose formula scored it: the one in force when it began.
    pub profile: Arc<Profile>,
    /// Who, by code.
    pub subjects: HashMap<String, Evaluated>,
}

/// A hall or unit in a month.
pub struct Evaluated {
    /// Name in Chinese.
    pub name: String,
    /// Name in English.
    pub name_en: String,
    /// Open cases now.
    pub open: i64,
    /// What a ranking shows.
    pub figures: Figures,
    /// The score, opened to its last card.
    pub sheet: Sheet,
}

impl Month {
    /// What is ranked.
    pub fn entries(&self) -> Vec<Entry<String>> {
        let entry = |(code, one): (&String, &Evaluated)| entry(code, &one.figures);
        self.subjects.iter().map(entry).collect()
    }
}

/// A subject as it is ranked by these figures.
pub fn entry(subject: &str, figures: &Figures) -> Entry<String> {
    Entry {
        subject: subject.to_owned(),
        score: figures.score,
        services: figures.due,
    }
}

/// The month after the one that begins on `first`.
pub fn month_after(first: NaiveDate) -> NaiveDate {
    first.checked_add_months(Months::new(1)).unwrap_or(first)
}

impl Grounds<'_> {
    /// The first instant of a month and of the next.
    pub fn span(&self, first: NaiveDate) -> (DateTime<Utc>, DateTime<Utc>) {
        let begins = |date| self.calendar.midnight(date);
        (begins(first), begins(month_after(first)))
    }

    /// The profile by whose formula the month goes.
    pub fn profile(&self, first: NaiveDate) -> &Arc<Profile> {
        self.profiles.at(self.calendar.midnight(first))
    }

    /// Scores the month that begins on `first`, for all of the county, from what is known now.
    pub async fn month(
        &self,
        pool: &PgPool,
        level: Level,
        first: NaiveDate,
    ) -> Result<Month, StoreError> {
        let (from, to) = self.span(first);
        let last = month_after(first).pred_opt().unwrap_or(first);
        let standings = match level {
            Level::County => rankings::units(pool, self.root, first, last).await?,
            Level::Town => rankings::halls(pool, self.root, "town", first, last).await?,
            Level::Village => rankings::halls(pool, self.root, "village", first, last).await?,
        };
        let subject = |hall: &str, unit: Option<&str>| match level {
            Level::County => {
                let at_county = self.halls.get(hall) == Some(&Level::County);
                unit.filter(|_| at_county).map(str::to_owned)
            }
            Level::Town | Level::Village => Some(hall.to_owned()),
        };
        let mut facts: HashMap<String, Facts> = HashMap::new();
        cards(pool, (from, to), self.now, &subject, &mut facts).await?;
        for complaint in rankings::complaints(pool, from, to).await? {
            if let Some(code) = subject(&complaint.hall, complaint.unit.as_deref()) {
                let facts = facts.entry(code).or_default();
                facts.complaints += 1;
                facts
                    .upheld
                    .extend(complaint.upheld.then_some(complaint.no));
            }
        }
        for minutes in presence::between(pool, first, last).await? {
            if let Some(code) = subject(&minutes.hall, minutes.unit.as_deref()) {
                let facts = facts.entry(code).or_default();
                let of = facts.presence.get_or_insert_default();
                of.part += u64::try_from(minutes.staffed).unwrap_or(0);
                of.whole += u64::try_from(minutes.known).unwrap_or(0);
            }
        }
        let profile = self.profile(first);
        let evaluated = standings.into_iter().map(|standing| {
            let facts = figures(&standing, facts.remove(&standing.code).unwrap_or_default());
            let sheet = Sheet::new(&facts, &profile.formula);
            let evaluated = Evaluated {
                figures: Figures::new(&facts, &sheet, &profile.formula),
                name: standing.name,
                name_en: standing.name_en,
                open: standing.open,
                sheet,
            };
            (standing.code, evaluated)
        });
        Ok(Month {
            subjects: evaluated.collect(),
            profile: Arc::clone(profile),
        })
    }
}

/// Cards and orders of the month [from, to), by subject.
async fn cards(
    pool: &PgPool,
    (from, to): (DateTime<Utc>, DateTime<Utc>),
    now: DateTime<Utc>,
    subject: &impl Fn(&str, Option<&str>) -> Option<String>,
    facts: &mut HashMap<String, Facts>,
) -> Result<(), StoreError> {
    for card in scores::cards(pool, from, to).await? {
        let part = merit::part_of(&card.rule, &card.kind, card.what.as_deref());
        let Some((part, code)) = part.zip(subject(&card.hall, card.unit.as_deref())) else {
            continue;
        };
        facts.entry(code).or_default().cards.push(Card {
            id: card.id,
            part,
            red: card.grade == "red_card",
            again: card.again,
            appealed: [State::Appealed, State::Referred]
                .iter()
                .any(|state| state.as_str() == card.state),
            rule: card.rule,
        });
    }
    // An answer that is not due yet is neither met nor missed.
    for answer in scores::answers(pool, from, to.min(now)).await? {
        let which = match (answer.card, answer.supervision_order) {
            (Some(card), _) => OrderRef::Card(card),
            (None, Some(order)) => OrderRef::Order(order),
            (None, None) => continue,
        };
        if let Some(code) = subject(&answer.hall, answer.unit.as_deref()) {
            let met = answer.met;
            facts
                .entry(code)
                .or_default()
                .orders
                .push(Order { which, met });
        }
    }
    Ok(())
}

/// Puts the figures of the roll-ups beside the rest.
fn figures(standing: &Standing, facts: Facts) -> Facts {
    let count = |n: i64| u64::try_from(n).unwrap_or(0);
    let mut ratings = [0; 5];
    for (level, n) in ratings.iter_mut().zip(&standing.ratings) {
        *level = count(*n);
    }
    Facts {
        due: count(standing.due),
        met: count(standing.met),
        promised: count(standing.promised),
        early: count(standing.early),
        promise: count(standing.promise),
        legal: count(standing.legal),
        ratings,
        disclosure: (standing.disclosable > 0).then(|| Of {
            part: count(standing.disclosed),
            whole: count(standing.disclosable),
        }),
        ..facts
    }
}
