//! Months close by themselves, and are scored again when what happened in them comes out otherwise.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Months, NaiveDate, TimeDelta, Utc};
use mingjing_monitor::audit::{Action, Actor, ActorKind, Draft};
use mingjing_monitor::org::Level;
use mingjing_monitor::score::{self, Facts, Figures, OrderRef, Reason, Sheet, differences};
use mingjing_monitor::store::{StoreError, audit};
use serde_json::json;
use sqlx::PgConnection;

use super::Supervisor;
use super::answers::SYSTEM;
use super::assess::Reference;
use super::delta::{Delta, Deltas};
use super::months::{first_of_month, month_before};
use crate::card::Role;
use crate::closing::{self, Closing, Done, State};
use crate::performance::{Evaluated, Grounds, Month, month_after};
use crate::store::closings::{self, Explained, Kept};
use crate::store::{episodes, within};

/// In `month_round`: the last month in which anything was only tried. It and those before it never close.
const TRIED: &str = "closing";
/// How many months back a month is closed, or scored again†.
const BACK: u32 = 24;
/// How long what comes late is gathered before a closed month is scored again†.
const GATHER: TimeDelta = TimeDelta::minutes(1);
const LEVELS: [Level; 3] = [Level::County, Level::Town, Level::Village];

/// When to look at the months that are over, and what there is to look at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Closings {
    /// When to look next.
    pub next_at: DateTime<Utc>,
    /// The earliest instant of which something came out otherwise.
    touched: Option<DateTime<Utc>>,
    /// When the last month ended that is closed; `None`: none is.
    closed_until: Option<DateTime<Utc>>,
}

impl Closings {
    /// Looks for the first time soon after `at`, and then at everything.
    pub(super) fn new(at: DateTime<Utc>) -> Self {
        Self {
            next_at: at + GATHER,
            touched: Some(DateTime::<Utc>::MIN_UTC),
            closed_until: None,
        }
    }

    /// Everything may be otherwise: the rules, the items or the months themselves changed.
    pub(super) fn again(&mut self, now: DateTime<Utc>) {
        self.touched = Some(DateTime::<Utc>::MIN_UTC);
        self.next_at = self.next_at.min(now);
    }

    /// What counts from `since` on changed at `now`.
    fn learn(&mut self, since: DateTime<Utc>, now: DateTime<Utc>) {
        if self.closed_until.is_some_and(|until| since < until) {
            self.touched = Some(self.touched.map_or(since, |touched| touched.min(since)));
            self.next_at = self.next_at.min(now + GATHER);
        }
    }
}

impl Reference {
    /// What a month is scored by.
    pub fn grounds(&self, now: DateTime<Utc>) -> Grounds<'_> {
        Grounds {
            root: &self.root,
            halls: &self.halls,
            calendar: &self.calendar,
            profiles: &self.profiles,
            now,
        }
    }

    /// When a month closes; `None`: it is closed, or nobody can say yet.
    pub fn closes_at(&self, month: NaiveDate, closing: &Closing) -> Option<DateTime<Utc>> {
        let calendar = &self.calendar;
        let profile = self.profiles.at(calendar.midnight(month));
        let workdays = profile.formula.closes_after;
        let is_open = closing.state == State::Open;
        is_open.then(|| closing::due(calendar, month, closing.reopened, workdays))?
    }
}

impl Supervisor {
    /// Gives out what changed, and remembers which closed months it may have moved.
    pub(super) fn give_out(&mut self, deltas: Deltas, now: DateTime<Utc>) -> Vec<Delta> {
        if let Some(since) = deltas.since() {
            self.closings.learn(since, now);
        }
        deltas.into_vec()
    }

    /// The same of what a person did: who decides an appeal sees at once what comes of it.
    pub(super) fn give_out_at_once(&mut self, deltas: Deltas, now: DateTime<Utc>) -> Vec<Delta> {
        let deltas = self.give_out(deltas, now);
        if self.closings.next_at <= now + GATHER {
            self.closings.next_at = self.closings.next_at.min(now);
        }
        deltas
    }

    /// Closes the months whose tenth workday is over, and scores closed ones again in which something came out otherwise.
    pub(super) async fn fire_closings(
        &mut self,
        now: DateTime<Utc>,
        deltas: &mut Deltas,
    ) -> Result<(), StoreError> {
        if self.closings.next_at > now {
            return Ok(());
        }
        let this_month = first_of_month(self.reference.calendar.date(now));
        let midnight = self.midnight_after(now);
        let mut connection = self.pool.acquire().await?;
        if self.reference.trial {
            episodes::set_round(&mut connection, TRIED, this_month, midnight).await?;
        }
        // What is only tried is not published; and of history that is still coming in nobody knows what it will come to.
        if self.reference.trial || !self.loading().is_empty() {
            self.closings.next_at = midnight;
            return Ok(());
        }
        let tried = episodes::round(&mut connection, TRIED).await?;
        let first_case = episodes::first_case(&mut connection).await?;
        drop(connection);
        let oldest = this_month
            .checked_sub_months(Months::new(BACK))
            .unwrap_or(this_month);
        let mut months = closings::months(&self.pool).await?;
        months.retain(|month, _| *month >= oldest);
        let mut moved = self.correct(&months, now).await?;
        let mut next = midnight;
        if let Some(first_case) = first_case {
            let begin = first_of_month(self.reference.calendar.date(first_case)).max(oldest);
            let untried = tried.map_or(begin, |(month, _)| month_after(month));
            let mut month = begin.max(untried);
            while month <= month_before(this_month) {
                let closing = months.entry(month).or_default();
                match self.reference.closes_at(month, closing) {
                    Some(due) if due <= now => {
                        self.close(month, due, closing, now).await?;
                        moved = true;
                    }
                    Some(due) => next = next.min(due),
                    None => {}
                }
                month = month_after(month);
            }
        }
        let closed = months
            .iter()
            .filter(|(_, closing)| closing.published.is_some());
        let last = closed.map(|(month, _)| *month).next_back();
        self.closings = Closings {
            next_at: next,
            touched: None,
            closed_until: last.map(|month| self.reference.grounds(now).span(month).1),
        };
        if moved {
            deltas.add(Delta::RankingChanged);
        }
        Ok(())
    }

    async fn close(
        &self,
        month: NaiveDate,
        due: DateTime<Utc>,
        closing: &mut Closing,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let grounds = self.reference.grounds(now);
        let profile = grounds.profile(month);
        let mut done = Done {
            id: 0,
            month,
            step: "close".into(),
            at: now,
            due_at: Some(due),
            login: None,
            who: SYSTEM.into(),
            role: Role::System.as_str().into(),
            why: None,
            profile_version: Some(profile.version),
        };
        let mut levels = Vec::new();
        for level in LEVELS {
            levels.push((level, grounds.month(&self.pool, level, month).await?));
        }
        let persons = grounds.all_within(&self.pool, None, month).await?;
        let mut transaction = self.pool.begin().await?;
        *closing = closings::hold(&mut transaction, month).await?;
        if closing.state != State::Open {
            return Ok(());
        }
        done.id = closings::append(&mut transaction, &done).await?;
        let (mut subjects, mut appealed) = (0, 0);
        for (level, scored) in &levels {
            let ranked = ranked(scored);
            subjects += ranked.len();
            appealed += ranked
                .iter()
                .map(|(_, kept)| kept.figures.appealed)
                .sum::<u64>();
            closings::publish(&mut transaction, done.id, *level, &ranked).await?;
        }
        let mut kept = Vec::new();
        for (place, scored) in &persons {
            kept.extend(ranked(scored).into_iter().map(|(rank, one)| within::Kept {
                place,
                subject: one.subject,
                rank,
                figures: one.figures,
                sheet: one.sheet,
            }));
        }
        within::publish(&mut transaction, done.id, &kept).await?;
        let entry = Draft {
            at: now,
            actor: Actor::of(ActorKind::System),
            action: Action::MonthClosed,
            subject: Some(("month", month.format("%Y-%m").to_string())),
            hall: None,
            before: None,
            after: Some(json!({
                "due": due, "profile_version": profile.version, "scores": subjects, "appeals": appealed,
            })),
            reason: None,
        };
        audit::append(&mut transaction, &[entry]).await?;
        transaction.commit().await?;
        tracing::info!(month = %month.format("%Y-%m"), subjects, appealed, "a month is closed");
        closing.state = State::Closed;
        closing.published = Some(done);
        Ok(())
    }

    /// Scores the closed months again that what changed may have moved; whether any score did move.
    async fn correct(
        &self,
        months: &BTreeMap<NaiveDate, Closing>,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let grounds = self.reference.grounds(now);
        let Some(touched) = self.closings.touched else {
            return Ok(false);
        };
        let mut moved = false;
        for (month, closing) in months {
            let Some(published) = &closing.published else {
                continue;
            };
            if grounds.span(*month).1 <= touched {
                continue;
            }
            let mut otherwise = BTreeSet::new();
            for level in LEVELS {
                let scored = grounds.month(&self.pool, level, *month).await?;
                let mut transaction = self.pool.begin().await?;
                let corrected =
                    correct(&mut transaction, published.id, level, &scored, now).await?;
                transaction.commit().await?;
                moved |= corrected.moved;
                match level {
                    Level::County if !corrected.otherwise.is_empty() => {
                        let halls = self.reference.halls.iter();
                        let county = halls.filter(|(_, level)| **level == Level::County);
                        otherwise.extend(county.map(|(hall, _)| hall.clone()));
                    }
                    Level::County => {}
                    Level::Town | Level::Village => otherwise.extend(corrected.otherwise),
                }
            }
            moved |= self
                .correct_within(*month, published.id, &otherwise, now)
                .await?;
        }
        Ok(moved)
    }
}

impl Supervisor {
    /// Keeps which persons and windows of these halls came out otherwise than they hold; whether any did. Nothing inside a hall counts
    /// otherwise where nothing of the hall does.
    async fn correct_within(
        &self,
        month: NaiveDate,
        closing: i64,
        halls: &BTreeSet<String>,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        if halls.is_empty() || !within::is_published(&self.pool, closing).await? {
            return Ok(false);
        }
        let grounds = self.reference.grounds(now);
        let profile = grounds.profile(month);
        let mut moved = false;
        for hall in halls {
            let places = grounds.all_within(&self.pool, Some(hall), month).await?;
            for (place, scored) in &places {
                let held = within::standings(&self.pool, closing, place).await?;
                let held: BTreeMap<&str, _> = held
                    .iter()
                    .filter_map(|one| Some((one.subject.as_str(), one.holding()?)))
                    .collect();
                // Whoever has nothing to be judged by any more.
                let gone = held
                    .keys()
                    .filter(|subject| !scored.subjects.contains_key(**subject));
                let gone: Vec<(&str, Evaluated)> = gone
                    .map(|subject| {
                        let named = ((*subject).to_owned(), (*subject).to_owned());
                        (
                            *subject,
                            Evaluated::new(named, 0, &Facts::default(), profile),
                        )
                    })
                    .collect();
                let there = scored
                    .subjects
                    .iter()
                    .map(|(subject, one)| (subject.as_str(), one));
                let all = there.chain(gone.iter().map(|(subject, one)| (*subject, one)));
                let otherwise: Vec<within::Kept<'_>> = all
                    .filter(|(subject, one)| {
                        let held = held.get(subject).map(|held| (held.score, held.grade));
                        held.unwrap_or((None, None)) != (one.figures.score, one.figures.grade)
                    })
                    .map(|(subject, one)| within::Kept {
                        place,
                        subject,
                        rank: None,
                        figures: &one.figures,
                        sheet: &one.sheet,
                    })
                    .collect();
                if otherwise.is_empty() {
                    continue;
                }
                let mut connection = self.pool.acquire().await?;
                within::correct(&mut connection, closing, &otherwise, now).await?;
                moved = true;
            }
        }
        Ok(moved)
    }
}

/// What came of scoring a level of a closed month again.
#[derive(Default)]
struct Corrected {
    /// Whether any score is another.
    moved: bool,
    /// The subjects of which anything counts otherwise, their score or not.
    otherwise: BTreeSet<String>,
}

/// The subjects of a month with their ranks.
fn ranked(month: &Month) -> Vec<(Option<u32>, Kept<'_>)> {
    let standings = score::rank(&month.entries(), &[], month.ranked_from);
    let kept = |standing: score::Standing<String>| {
        let (subject, one) = month.subjects.get_key_value(&standing.subject)?;
        Some((
            standing.rank,
            Kept {
                subject,
                name: &one.name,
                name_en: &one.name_en,
                figures: &one.figures,
                sheet: &one.sheet,
            },
        ))
    };
    standings.into_iter().filter_map(kept).collect()
}

/// Keeps which scores of a level came out otherwise than they hold.
async fn correct(
    connection: &mut PgConnection,
    closing: i64,
    level: Level,
    scored: &Month,
    now: DateTime<Utc>,
) -> Result<Corrected, StoreError> {
    let holding = closings::holding(&mut *connection, closing, level).await?;
    let before: HashMap<_, _> = holding
        .into_iter()
        .map(|one| (one.subject, (one.figures.0, one.sheet.0)))
        .collect();
    let mut corrected = Corrected::default();
    for (_, kept) in ranked(scored) {
        let held = before.get(kept.subject);
        let counts = |figures: &Figures| (figures.due, figures.met);
        let same = |(figures, sheet): &(Figures, Sheet)| {
            sheet == kept.sheet && counts(figures) == counts(kept.figures)
        };
        if !held.is_some_and(same) {
            corrected.otherwise.insert(kept.subject.to_owned());
        }
        let was = held.map(|(figures, _)| (figures.score, figures.grade));
        if was.unwrap_or((None, None)) == (kept.figures.score, kept.figures.grade) {
            continue;
        }
        let differences = differences(held.map(|(_, sheet)| sheet), kept.sheet);
        let cards: Vec<i64> = differences
            .iter()
            .filter_map(|one| card_of(one.reason.as_ref()?))
            .collect();
        let causes = closings::causes(&mut *connection, &cards).await?;
        let explained: Vec<Explained> = differences
            .into_iter()
            .map(|difference| {
                let card = difference.reason.as_ref().and_then(card_of);
                let cause = causes.iter().find(|cause| Some(cause.card) == card);
                Explained {
                    cause: cause.cloned(),
                    difference,
                }
            })
            .collect();
        let before = held.map(|(figures, _)| figures);
        closings::correct(
            &mut *connection,
            closing,
            level,
            (before, &kept),
            &explained,
            now,
        )
        .await?;
        corrected.moved = true;
    }
    Ok(corrected)
}

/// The card that a line is about.
fn card_of(reason: &Reason) -> Option<i64> {
    match reason {
        Reason::Card { card, .. }
        | Reason::Unanswered {
            which: OrderRef::Card(card),
            ..
        } => Some(*card),
        _ => None,
    }
}
