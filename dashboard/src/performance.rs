//! Scores of a month: the figures and cards of every hall or unit of a level, put together for `monitor::score`.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Days, Months, NaiveDate, Utc};
use mingjing_alerts::card::State;
use mingjing_alerts::merit;
use mingjing_alerts::profile::Profile;
use mingjing_alerts::store::{profiles, scores};
use mingjing_monitor::org::Level;
use mingjing_monitor::score::{Band, Card, Entry, Facts, Of, Order, OrderRef, Sheet};
use mingjing_monitor::store::rankings::{self, Standing};
use mingjing_monitor::store::{StoreError, presence};

use crate::api::overview::midnight;
use crate::app::App;

/// The halls of a level, or the units of the county halls, in a month.
pub struct Month {
    /// The profile whose formula scored it: the one in force when it began.
    pub profile: Arc<Profile>,
    /// Who, by code.
    pub subjects: HashMap<String, Evaluated>,
}

/// A hall or unit in a month.
pub struct Evaluated {
    /// Its figures.
    pub standing: Standing,
    /// What its score is made of.
    pub facts: Facts,
    /// The score.
    pub sheet: Sheet,
}

impl Evaluated {
    /// How sure the score is.
    pub fn band(&self, profile: &Profile) -> Option<Band> {
        self.sheet.band(&self.facts, &profile.formula)
    }
}

impl Month {
    /// What is ranked.
    pub fn entries(&self) -> Vec<Entry<String>> {
        let entry = |(code, one): (&String, &Evaluated)| Entry {
            subject: code.clone(),
            score: one.sheet.score,
            services: one.facts.due,
        };
        self.subjects.iter().map(entry).collect()
    }
}

/// Scores the month that begins on `first`, for all of the county.
pub async fn month(app: &App, level: Level, first: NaiveDate) -> Result<Month, StoreError> {
    let (directory, db) = (app.directory(), app.db());
    let (root, zone) = (directory.root(), directory.zone());
    let (last, next) = (
        first + Months::new(1) - Days::new(1),
        first + Months::new(1),
    );
    let (from, to) = (midnight(first, zone), midnight(next, zone));
    let standings = match level {
        Level::County => rankings::units(db, &root, first, last).await?,
        Level::Town => rankings::halls(db, &root, "town", first, last).await?,
        Level::Village => rankings::halls(db, &root, "village", first, last).await?,
    };
    let subject = |hall: &str, unit: Option<&str>| match level {
        Level::County => {
            let found = directory.hall(hall);
            let at_county = found.is_some_and(|hall| hall.level == Level::County);
            unit.filter(|_| at_county).map(str::to_owned)
        }
        Level::Town | Level::Village => Some(hall.to_owned()),
    };
    let mut facts: HashMap<String, Facts> = HashMap::new();
    cards(app, (from, to), &subject, &mut facts).await?;
    for complaint in rankings::complaints(db, from, to).await? {
        if let Some(code) = subject(&complaint.hall, complaint.unit.as_deref()) {
            let facts = facts.entry(code).or_default();
            facts.complaints += 1;
            facts
                .upheld
                .extend(complaint.upheld.then_some(complaint.no));
        }
    }
    for minutes in presence::between(db, first, last).await? {
        if let Some(code) = subject(&minutes.hall, minutes.unit.as_deref()) {
            let of = facts
                .entry(code)
                .or_default()
                .presence
                .get_or_insert_default();
            of.part += u64::try_from(minutes.staffed).unwrap_or(0);
            of.whole += u64::try_from(minutes.known).unwrap_or(0);
        }
    }
    let profile = Arc::clone(profiles::versions(db, app.now()).await?.at(from));
    let evaluated = standings.into_iter().map(|standing| {
        let facts = figures(&standing, facts.remove(&standing.code).unwrap_or_default());
        let sheet = Sheet::new(&facts, &profile.formula);
        let evaluated = Evaluated {
            standing,
            facts,
            sheet,
        };
        (evaluated.standing.code.clone(), evaluated)
    });
    Ok(Month {
        subjects: evaluated.collect(),
        profile: Arc::clone(&profile),
    })
}

/// Cards and orders of the month [from, to), by subject.
async fn cards(
    app: &App,
    (from, to): (DateTime<Utc>, DateTime<Utc>),
    subject: &impl Fn(&str, Option<&str>) -> Option<String>,
    facts: &mut HashMap<String, Facts>,
) -> Result<(), StoreError> {
    for card in scores::cards(app.db(), from, to).await? {
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
    for answer in scores::answers(app.db(), from, to.min(app.now())).await? {
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
