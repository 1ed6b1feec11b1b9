//! Scores of a month: the figures and cards of every hall or unit of a level, put together for `monitor::score`.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use chrono::{DateTime, Months, NaiveDate, Utc};
use mingjing_monitor::calendar::Calendar;
use mingjing_monitor::org::Level;
use mingjing_monitor::score::{
    Card, Entry, Facts, Figures, Of, Order, OrderRef, Part, Points, Service, ServiceFormula, Sheet,
    ToAnswer,
};
use mingjing_monitor::service::{Day, Month as ServiceMonth};
use mingjing_monitor::store::rankings::{self, Standing};
use mingjing_monitor::store::{StoreError, halls, presence, service};
use sqlx::PgPool;

use crate::card::State;
use crate::merit;
use crate::profile::Profile;
use crate::store::scores::Weighing;
use crate::store::{closings, scores};
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
    /// With fewer services nobody is ranked.
    pub ranked_from: u64,
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
        services: figures.services(),
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
        let carried = async {
            match self.profile(first).formula.carry_over {
                true => self.carried(pool, level, first).await,
                false => Ok(HashMap::new()),
            }
        };
        let found = self.found(pool, level, first);
        // Each in a place of its own: both together weigh on the stack of whoever asks.
        let (carried, (standings, mut facts)) =
            tokio::try_join!(Box::pin(carried), Box::pin(found))?;
        for (code, carried) in carried {
            facts.entry(code).or_default().carried = carried;
        }
        Ok(self.evaluated(level, first, standings, facts))
    }

    /// What the month that begins on `first` carries from the one before. Where that is not closed, what it carries itself is left
    /// out: months close in their order, and each then knows the one before it.
    async fn carried(
        &self,
        pool: &PgPool,
        level: Level,
        first: NaiveDate,
    ) -> Result<HashMap<String, Vec<(Part, Points)>>, StoreError> {
        let before = first.checked_sub_months(Months::new(1)).unwrap_or(first);
        if let Some(closing) = closings::published(pool, before).await? {
            let rows = closings::standings(pool, &[closing], level, None).await?;
            let carries = rows.into_iter().filter_map(|row| {
                let carries = row.figures()?.carries.clone();
                Some((row.subject, carries))
            });
            return Ok(carries.collect());
        }
        let (standings, facts) = self.found(pool, level, before).await?;
        let carries = self
            .evaluated(level, before, standings, facts)
            .subjects
            .into_iter();
        Ok(carries
            .map(|(code, one)| (code, one.figures.carries))
            .collect())
    }

    /// What is known of the month that begins on `first`, but for what it carries: asked side by side.
    async fn found(
        &self,
        pool: &PgPool,
        level: Level,
        first: NaiveDate,
    ) -> Result<(Vec<Standing>, HashMap<String, Facts>), StoreError> {
        let (from, to) = self.span(first);
        let last = month_after(first).pred_opt().unwrap_or(first);
        let standings = async {
            match level {
                Level::County => rankings::units(pool, self.root, first).await,
                Level::Town => rankings::halls(pool, self.root, "town", first).await,
                Level::Village => rankings::halls(pool, self.root, "village", first).await,
            }
        };
        let subject = |hall: &str, unit: Option<&str>| match level {
            Level::County => {
                let at_county = self.halls.get(hall) == Some(&Level::County);
                unit.filter(|_| at_county).map(str::to_owned)
            }
            Level::Town | Level::Village => Some(hall.to_owned()),
        };
        let mut facts: HashMap<String, Facts> = HashMap::new();
        let services = async {
            match self.service(level, first) {
                Some(formula) => self.services(pool, formula, first).await,
                None => Ok(HashMap::new()),
            }
        };
        let (standings, cards, minutes, services, ()) = tokio::try_join!(
            standings,
            scores::cards(pool, from, to),
            presence::between(pool, first, last),
            services,
            self.beside_cards(pool, (from, to), &subject, &mut facts),
        )?;
        for card in cards {
            if let Some(code) = subject(&card.hall, card.unit.as_deref()) {
                facts.entry(code).or_default().cards.extend(weighing(card));
            }
        }
        for minutes in minutes {
            if let Some(code) = subject(&minutes.hall, minutes.unit.as_deref()) {
                let facts = facts.entry(code).or_default();
                let of = facts.presence.get_or_insert_default();
                of.part += u64::try_from(minutes.staffed).unwrap_or(0);
                of.whole += u64::try_from(minutes.known).unwrap_or(0);
            }
        }
        for (code, service) in services {
            facts.entry(code).or_default().service = Some(service);
        }
        Ok((standings, facts))
    }

    /// The formula by which the month's subjects are judged by their service; `None`: by the nine parts.
    fn service(&self, level: Level, first: NaiveDate) -> Option<&ServiceFormula> {
        (level == Level::Village).then(|| &self.profile(first).formula.service)
    }

    /// What each village point did beside cases in the month that begins on `first`, as far as it has passed.
    async fn services(
        &self,
        pool: &PgPool,
        formula: &ServiceFormula,
        first: NaiveDate,
    ) -> Result<HashMap<String, Service>, StoreError> {
        let (from, to) = self.span(first);
        let local = self.calendar.local(self.now);
        let today = local.date();
        let days: Vec<NaiveDate> = first
            .iter_days()
            .take_while(|day| *day < month_after(first) && *day <= today)
            .collect();
        let last = days.last().copied().unwrap_or(first);
        let since = service::points(pool).await?;
        let mut told = service::between(pool, first, last).await?;
        let mut all = HashMap::new();
        for hall in halls::tree(pool).await?.halls() {
            if hall.level != Level::Village {
                continue;
            }
            let told: BTreeMap<NaiveDate, Day> = told.remove(&hall.code).unwrap_or_default();
            let silent = Day::default();
            let mut month = ServiceMonth::new(formula);
            let since = since.get(&hall.code);
            for day in days
                .iter()
                .filter(|day| since.is_some_and(|since| since <= day))
            {
                let Some(hours) = self.calendar.open_on(&hall.opening, *day) else {
                    continue;
                };
                let is_over = *day < today || hours.closes() <= local.time();
                if is_over {
                    month.add(*day, hours, told.get(day).unwrap_or(&silent));
                }
            }
            all.insert(hall.code.clone(), month.finish());
        }
        // An answer that is not due yet is neither met nor missed.
        for due in rankings::answerable(pool, from, to.min(self.now)).await? {
            if let Some(service) = all.get_mut(&due.hall) {
                service.complaints.push(ToAnswer {
                    no: due.no,
                    met: due.met,
                    again: due.again,
                });
            }
        }
        Ok(all)
    }

    /// The orders and complaints of [from, to), by subject.
    pub(crate) async fn beside_cards(
        &self,
        pool: &PgPool,
        (from, to): (DateTime<Utc>, DateTime<Utc>),
        subject: &impl Fn(&str, Option<&str>) -> Option<String>,
        facts: &mut HashMap<String, Facts>,
    ) -> Result<(), StoreError> {
        let (answers, complaints) = tokio::try_join!(
            // An answer that is not due yet is neither met nor missed.
            scores::answers(pool, from, to.min(self.now)),
            rankings::complaints(pool, from, to),
        )?;
        for answer in answers {
            let which = match (answer.card, answer.supervision_order) {
                (Some(card), _) => OrderRef::Card(card),
                (None, Some(order)) => OrderRef::Order(order),
                (None, None) => continue,
            };
            if let Some(code) = subject(&answer.hall, answer.unit.as_deref()) {
                let facts = facts.entry(code).or_default();
                facts.orders.push(Order {
                    which,
                    met: answer.met,
                    again: answer.again,
                });
            }
        }
        for complaint in complaints {
            if let Some(code) = subject(&complaint.hall, complaint.unit.as_deref()) {
                let facts = facts.entry(code).or_default();
                facts.complaints += 1;
                facts
                    .upheld
                    .extend(complaint.upheld.then_some(complaint.no));
            }
        }
        Ok(())
    }

    /// Scores what the roll-ups and the rest say of each subject.
    pub(crate) fn evaluated(
        &self,
        level: Level,
        first: NaiveDate,
        standings: Vec<Standing>,
        mut facts: HashMap<String, Facts>,
    ) -> Month {
        let profile = self.profile(first);
        let evaluated = standings.into_iter().map(|standing| {
            let facts = figures(&standing, facts.remove(&standing.code).unwrap_or_default());
            let named = (standing.name, standing.name_en);
            let one = Evaluated::new(named, standing.open, &facts, profile);
            (standing.code, one)
        });
        Month {
            subjects: evaluated.collect(),
            ranked_from: profile.formula.ranked_from(level),
            profile: Arc::clone(profile),
        }
    }
}

impl Evaluated {
    /// Scores these facts of a subject of this name.
    pub(crate) fn new(
        (name, name_en): (String, String),
        open: i64,
        facts: &Facts,
        profile: &Profile,
    ) -> Self {
        let sheet = Sheet::new(facts, &profile.formula);
        Self {
            figures: Figures::new(facts, &sheet, &profile.formula),
            name,
            name_en,
            open,
            sheet,
        }
    }
}

/// A card as the score takes it; `None`: it counts in no part of its own.
pub(crate) fn weighing(card: Weighing) -> Option<Card> {
    Some(Card {
        id: card.id,
        part: merit::part_of(&card.rule, &card.kind, card.what.as_deref())?,
        red: card.grade == "red_card",
        again: card.again,
        appealed: [State::Appealed, State::Referred]
            .iter()
            .any(|state| state.as_str() == card.state),
        rule: card.rule,
    })
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
