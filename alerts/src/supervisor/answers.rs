//! What time brings about where an answer is awaited: R12, the ladder, appeals that nobody decides.
//!
//! Cards and orders are subjects of the same queue as cases: each keeps its next instant beside its state, and when one comes
//! the table's index tells which are meant.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use mingjing_monitor::store::StoreError;
use serde_json::json;
use sqlx::PgConnection;

use super::assess::Reference;
use super::delta::{Delta, Deltas};
use super::diff::{Working, issued};
use super::tell;
use super::write::{goes_out, line};
use super::{FIRE_CHUNK, Supervisor};
use crate::card::{Grade, Kind, Role, State, transition};
use crate::ladder::{self, Follows};
use crate::order::{self, Origin, Rung};
use crate::profile::{RuleSet, Subject};
use crate::store::cards::{self, CardRecord, HistoryLine};
use crate::store::orders::{self, About, OrderLine, OrderRecord};

/// By whom the console's own steps are signed.
pub(super) const SYSTEM: &str = "mingjing";

impl Reference {
    /// The rules for whoever bears something, at `at`.
    pub fn rules_for(
        &self,
        hall: &str,
        unit: Option<&str>,
        item: Option<&str>,
        at: DateTime<Utc>,
    ) -> Arc<RuleSet> {
        self.profiles.at(at).rules(&Subject {
            level: self.halls.get(hall).copied(),
            hall,
            unit: unit.unwrap_or_default(),
            item: item.unwrap_or_default(),
        })
    }

    /// The rules for a card.
    pub(super) fn rules_of_card(&self, card: &CardRecord, at: DateTime<Utc>) -> Arc<RuleSet> {
        self.rules_for(&card.hall, card.unit.as_deref(), card.item.as_deref(), at)
    }

    /// The rules for an order.
    pub(super) fn rules_of_order(&self, order: &OrderRecord, at: DateTime<Utc>) -> Arc<RuleSet> {
        self.rules_for(&order.hall, order.unit.as_deref(), None, at)
    }
}

/// What a chunk of due answers came to.
pub(super) struct Answers {
    /// Nothing that has come is left.
    pub all: bool,
    /// The next instants.
    pub next: Vec<DateTime<Utc>>,
    /// What there is to tell.
    pub deltas: Deltas,
}

impl Supervisor {
    /// Fires the instants of cards and orders that have come, some thousands in one transaction.
    pub(super) async fn fire_answers(&self, now: DateTime<Utc>) -> Result<Answers, StoreError> {
        let mut transaction = self.pool.begin().await?;
        let due_cards = cards::due(&mut transaction, now, FIRE_CHUNK).await?;
        let due_orders = orders::due(&mut transaction, now, FIRE_CHUNK).await?;
        let chunk = FIRE_CHUNK as usize;
        let mut answers = Answers {
            all: due_cards.len() < chunk && due_orders.len() < chunk,
            next: Vec::new(),
            deltas: Deltas::default(),
        };
        if !due_cards.is_empty() {
            self.fire_cards(&mut transaction, due_cards, now, &mut answers)
                .await?;
        }
        for order in due_orders {
            self.escalate(&mut transaction, order, now, &mut answers)
                .await?;
        }
        transaction.commit().await?;
        Ok(answers)
    }

    async fn fire_cards(
        &self,
        connection: &mut PgConnection,
        due: Vec<CardRecord>,
        now: DateTime<Utc>,
        answers: &mut Answers,
    ) -> Result<(), StoreError> {
        let (mut moved, mut followed, mut ordered) = (Vec::new(), Vec::new(), Vec::new());
        for card in due {
            let was_due = card.next_instant.unwrap_or(now);
            let then = self.reference.rules_of_card(&card, was_due);
            let mut working = Working::from(card);
            if working.card.state == State::Appealed {
                let rules = self.reference.rules_of_card(&working.card, now);
                let why = "申诉逾期未裁决 / the appeal was not decided in time";
                working.by_time("refer", now, why, &self.reference, &rules);
            } else if ladder::awaits_answer(working.card.state, working.card.grade) && then.r12.on {
                match Follows::after(&working.card) {
                    Follows::Card(grade) => {
                        followed.push(self.next_grade(&working.card, grade, was_due, now));
                    }
                    Follows::Order(rung) => {
                        ordered.push(self.order_after(&working.card, rung, was_due, now));
                    }
                }
            }
            // Once, whatever came of it.
            working.card.next_instant = None;
            moved.push(working);
        }
        let keys: Vec<String> = followed
            .iter()
            .map(|it| it.card.cause_key.clone())
            .collect();
        let known = cards::known(&mut *connection, &keys).await?;
        followed.retain(|it| !known.contains(&it.card.cause_key));
        let new: Vec<&CardRecord> = followed.iter().map(|it| &it.card).collect();
        let ids = cards::insert(&mut *connection, &new).await?;
        for (working, id) in followed.iter_mut().zip(ids) {
            working.card.id = id;
        }
        let old: Vec<&CardRecord> = moved.iter().map(|it| &it.card).collect();
        cards::update(&mut *connection, &old).await?;
        let lines: Vec<HistoryLine> = moved
            .iter()
            .chain(&followed)
            .flat_map(|it| it.taken.iter().map(|taken| line(it, taken)))
            .collect();
        cards::append_history(&mut *connection, &lines).await?;
        let gone_out = followed.iter().filter(|it| goes_out(it));
        let corrections: Vec<_> = gone_out.map(|it| (&it.card, None)).collect();
        cards::write_orders(&mut *connection, &corrections).await?;
        let told = moved.iter().chain(&followed);
        tell::of_moved(&mut *connection, &self.reference, told, now).await?;
        for order in ordered {
            self.issue_order(&mut *connection, order, now, answers)
                .await?;
        }
        for (working, new) in moved
            .iter()
            .map(|it| (it, false))
            .chain(followed.iter().map(|it| (it, true)))
        {
            answers.next.extend(working.card.next_instant);
            let (id, hall) = (working.card.id, working.card.hall.clone());
            answers.deltas.add(if new && goes_out(working) {
                Delta::CardIssued { id, hall }
            } else {
                Delta::CardChanged { id, hall }
            });
        }
        answers.deltas.add(Delta::OverviewChanged);
        for working in moved.iter().chain(&followed) {
            answers.deltas.scores_from(working.card.due_at);
        }
        Ok(())
    }

    /// The card of the next grade that follows an unanswered one.
    fn next_grade(
        &self,
        card: &CardRecord,
        grade: Grade,
        was_due: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Working {
        let version = self.reference.profiles.at(was_due).version;
        let sentence =
            ladder::unanswered(card, was_due, &self.reference.calendar).signed("R12", version);
        let follows = CardRecord {
            id: 0,
            cause_key: ladder::cause_key(card.id, was_due),
            cause: ladder::cause(card.id),
            rule: "R12".to_owned(),
            kind: Kind::Timeliness.as_str().to_owned(),
            grade,
            state: State::Provisional,
            due_at: was_due,
            created_at: now,
            issued_at: None,
            answer_due: None,
            closed_at: None,
            profile_version: version,
            trial: self.reference.trial,
            facts: serde_json::Map::from_iter([("card".to_owned(), json!(card.id))]),
            sentence_zh: sentence.zh,
            sentence_en: sentence.en,
            contested_from: None,
            superseded_from: None,
            judged: None,
            next_instant: None,
            decide_due: None,
            revision: 0,
            ..card.clone()
        };
        let rules = self.reference.rules_of_card(&follows, now);
        Working::begun(follows, issued(&rules, grade), now, &self.reference)
    }

    fn order_after(
        &self,
        card: &CardRecord,
        rung: Rung,
        was_due: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> OrderRecord {
        let version = self.reference.profiles.at(was_due).version;
        let sentence =
            ladder::unanswered(card, was_due, &self.reference.calendar).signed("R12", version);
        let rules = self.reference.rules_of_card(card, now);
        let days = rules.r12.supervision.get();
        let answer_due = ladder::workdays_after(&self.reference.calendar, now, days);
        OrderRecord {
            id: 0,
            cause_key: Some(ladder::cause_key(card.id, was_due)),
            origin: Origin::Unanswered,
            state: order::State::Issued,
            rung,
            addressee: rung,
            hall: card.hall.clone(),
            unit: card.unit.clone(),
            window: card.window.clone(),
            about: About {
                card: Some(card.id),
                case_no: card.case_no.clone(),
                ..About::default()
            },
            text_zh: sentence.zh,
            text_en: sentence.en,
            issued_at: now,
            issued_by: SYSTEM.to_owned(),
            issued_role: Role::System.as_str().to_owned(),
            due_at: was_due,
            answer_due,
            answered_at: None,
            closed_at: None,
            objective: None,
            measures: None,
            next_instant: Some(answer_due).filter(|_| !self.reference.trial),
            profile_version: version,
            trial: self.reference.trial,
            revision: 1,
        }
    }

    async fn issue_order(
        &self,
        connection: &mut PgConnection,
        mut order: OrderRecord,
        now: DateTime<Utc>,
        answers: &mut Answers,
    ) -> Result<(), StoreError> {
        let Some(id) = orders::insert(&mut *connection, &order).await? else {
            return Ok(());
        };
        order.id = id;
        let first = OrderLine {
            from: None,
            ..by_system("issue", order.state, &order, Some(order.due_at), None, now)
        };
        orders::append(&mut *connection, &first).await?;
        tell::of_order(connection, &self.reference, &order, "issue", now).await?;
        answers.next.extend(order.next_instant);
        answers.deltas.add(Delta::OrderIssued {
            id,
            hall: order.hall,
        });
        Ok(())
    }

    /// Nobody answered: the next rung has it.
    async fn escalate(
        &self,
        connection: &mut PgConnection,
        mut order: OrderRecord,
        now: DateTime<Utc>,
        answers: &mut Answers,
    ) -> Result<(), StoreError> {
        let (from, was_due) = (order.state, order.next_instant);
        let climbs = order::transition("escalate", order.standing(), Role::System).is_some();
        let above = order.rung.above(order.unit.is_some());
        if let Some(rung) = above.filter(|_| climbs) {
            order.climb(rung, now, &self.reference);
            let why = "逾期未反馈 / no feedback came in time";
            let step = by_system("escalate", from, &order, was_due, Some(why), now);
            orders::append(&mut *connection, &step).await?;
            tell::of_order(&mut *connection, &self.reference, &order, "escalate", now).await?;
            answers.deltas.scores_from(order.issued_at);
            answers.deltas.add(Delta::OrderChanged {
                id: order.id,
                hall: order.hall.clone(),
            });
        } else {
            order.next_instant = None;
        }
        orders::update(connection, &order).await?;
        answers.next.extend(order.next_instant);
        Ok(())
    }
}

impl OrderRecord {
    /// Puts it on a rung, with the clock of that rung.
    pub(super) fn climb(&mut self, rung: Rung, now: DateTime<Utc>, reference: &Reference) {
        self.rung = rung;
        self.state = order::State::Escalated;
        self.revision += 1;
        self.start_clock(now, reference);
    }

    /// Feedback is due anew; past the top rung there is nowhere to go.
    pub(super) fn start_clock(&mut self, now: DateTime<Utc>, reference: &Reference) {
        let rules = reference.rules_of_order(self, now);
        let days = rules.r12.supervision.get();
        self.answer_due = ladder::workdays_after(&reference.calendar, now, days);
        let above = self.rung.above(self.unit.is_some());
        // In a trial run nothing follows when nobody answers.
        let climbs = rules.r12.on && !self.trial;
        self.next_instant = above.filter(|_| climbs).and(Some(self.answer_due));
    }
}

impl Working {
    /// A new card, by a transition that begins one.
    pub(super) fn begun(
        card: CardRecord,
        (transition, state): (&'static str, State),
        now: DateTime<Utc>,
        reference: &Reference,
    ) -> Self {
        let rules = reference.rules_of_card(&card, now);
        let mut working = Self::from(card);
        working.enter(transition, state, now, None, &reference.calendar, &rules);
        if let Some(first) = working.taken.first_mut() {
            first.from = None;
        }
        working
    }

    /// Takes a transition that the table has for the system.
    fn by_time(
        &mut self,
        name: &'static str,
        now: DateTime<Utc>,
        why: &str,
        reference: &Reference,
        rules: &RuleSet,
    ) {
        if let Some(row) = transition(name, Some(self.card.state), self.card.grade, Role::System) {
            let target = row.target(None);
            self.enter(name, target, now, Some(why), &reference.calendar, rules);
        }
    }
}

fn by_system(
    transition: &'static str,
    from: order::State,
    order: &OrderRecord,
    due_at: Option<DateTime<Utc>>,
    why: Option<&str>,
    now: DateTime<Utc>,
) -> OrderLine {
    OrderLine {
        order: order.id,
        at: now,
        due_at,
        transition,
        from: Some(from),
        to: order.state,
        rung: order.rung,
        account: None,
        who: SYSTEM.to_owned(),
        role: Role::System.as_str(),
        why: why.map(Into::into),
        objective: None,
        measures: None,
    }
}

/// Why what followed an unanswered card goes: the card was taken back.
pub(super) const TAKEN_BACK: &str = "所依据的牌已撤 / the card behind it was taken back";
/// Or it was never for those to answer who did not.
pub(super) const TRANSFERRED: &str =
    "所依据的牌已转由他处承担 / the card behind it is borne elsewhere";

/// What followed because nobody answered these cards goes.
pub(super) async fn undo_what_followed(
    connection: &mut PgConnection,
    reference: &Reference,
    (gone, why): (&[i64], &str),
    now: DateTime<Utc>,
    deltas: &mut Deltas,
) -> Result<(), StoreError> {
    if gone.is_empty() {
        return Ok(());
    }
    let causes: Vec<String> = gone.iter().copied().map(ladder::cause).collect();
    let mut withdrawn = Vec::new();
    for card in cards::that_followed(&mut *connection, &causes).await? {
        let rules = reference.rules_of_card(&card, now);
        let mut working = Working::from(card);
        working.by_time("withdraw", now, why, reference, &rules);
        withdrawn.push(working);
    }
    let records: Vec<&CardRecord> = withdrawn.iter().map(|it| &it.card).collect();
    cards::update(&mut *connection, &records).await?;
    let lines: Vec<HistoryLine> = withdrawn
        .iter()
        .flat_map(|it| it.taken.iter().map(|taken| line(it, taken)))
        .collect();
    cards::append_history(&mut *connection, &lines).await?;
    tell::of_moved(&mut *connection, reference, &withdrawn, now).await?;
    let mut behind = gone.to_vec();
    behind.extend(records.iter().map(|card| card.id));
    for mut order in orders::of_cards(&mut *connection, &behind).await? {
        let from = order.state;
        order.state = order::State::Cancelled;
        order.closed_at = Some(now);
        order.next_instant = None;
        order.revision += 1;
        orders::update(&mut *connection, &order).await?;
        let step = by_system("cancel", from, &order, None, Some(why), now);
        orders::append(&mut *connection, &step).await?;
        tell::of_order(&mut *connection, reference, &order, "cancel", now).await?;
        deltas.scores_from(order.issued_at);
        deltas.add(Delta::OrderChanged {
            id: order.id,
            hall: order.hall,
        });
    }
    for working in withdrawn {
        deltas.add(Delta::CardChanged {
            id: working.card.id,
            hall: working.card.hall,
        });
    }
    Ok(())
}
