//! What is said outside of what happened: notices into the outbox, in the transaction that makes it so.
//!
//! Provisional and unconfirmed cards are not told, nor what history that is being loaded brings. Of one card one notice a transaction: where it
//! stands at the end.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use mingjing_monitor::event::EventKind;
use mingjing_monitor::personal::mask_phone;
use mingjing_monitor::store::StoreError;
use mingjing_monitor::store::events::Hashed;
use sqlx::{PgConnection, PgPool};

use super::Reference;
use super::diff::{Taken, Working};
use super::write::Touched;
use crate::card::State;
use crate::channel::{About, Notice, What};
use crate::order::Origin;
use crate::store::cards::{self, CardRecord};
use crate::store::deliveries;
use crate::store::orders::{self, OrderRecord};

/// An event that is older than this says nothing that an applicant should read now†.
const STALE: TimeDelta = TimeDelta::hours(24);

/// Announces what became of cards.
pub(super) async fn of_moved(
    connection: &mut PgConnection,
    reference: &Reference,
    moved: impl IntoIterator<Item = &Working>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    if !reference.heard.on_duty {
        return Ok(());
    }
    let mut notices = Vec::new();
    for working in moved {
        notices.extend(left(working, now, reference.trial));
        if let Some((what, at)) = said(working) {
            notices.push(of_card(&working.card, what, at, reference.trial));
        }
    }
    deliveries::announce(connection, &notices).await
}

/// What is said to whoever was told of a card that another hall or unit bears now: nothing of what is found there.
fn left(working: &Working, now: DateTime<Utc>, trial: bool) -> Option<Notice> {
    let (former, card) = (working.former.as_ref()?, &working.card);
    Some(Notice {
        hall: former.hall.clone(),
        unit: former.unit.clone(),
        sentence_zh: former.sentence_zh.clone(),
        sentence_en: former.sentence_en.clone(),
        to_hall: Some(card.hall.clone()),
        to_unit: card.unit.clone(),
        ..of_card(card, What::Left, now, trial)
    })
}

/// What is said of a card, if anything.
fn said(working: &Working) -> Option<(What, DateTime<Utc>)> {
    // A warning that is over is over for everybody. One that should not have been is taken back, with the reason.
    let of = |taken: &Taken| match taken.transition {
        "clear" => taken.why.as_ref().map(|_| What::Withdrawn),
        other => What::of_transition(other),
    };
    let last = working
        .taken
        .iter()
        .rev()
        .find(|taken| of(taken).is_some())?;
    let what = of(last)?;
    if what.takes_back() {
        let was_told = |from: State| from.weighs() || matches!(from, State::Superseded);
        return last.from.is_some_and(was_told).then_some((what, last.at));
    }
    let again = working
        .taken
        .iter()
        .any(|taken| taken.transition == "reinstate");
    let what = if what == What::Issued && again {
        What::Reinstated
    } else {
        what
    };
    // It may have gone on: under another card, or away.
    (working.card.state == last.to).then_some((what, last.at))
}

/// What is said of a card.
fn of_card(card: &CardRecord, what: What, at: DateTime<Utc>, trial: bool) -> Notice {
    Notice {
        key: format!("card/{}/{}/{}", card.id, what.as_str(), card.revision),
        about: About::Card,
        subject: card.id.to_string(),
        what,
        at,
        hall: card.hall.clone(),
        unit: card.unit.clone(),
        grade: Some(card.grade),
        rule: Some(card.rule.clone()),
        case_no: card.case_no.clone(),
        sentence_zh: card.sentence_zh.clone(),
        sentence_en: card.sentence_en.clone(),
        due: card.answer_due,
        trial: trial || card.trial,
        applicant: None,
        to_hall: None,
        to_unit: None,
    }
}

/// Announces a step that an order took.
pub(super) async fn of_order(
    connection: &mut PgConnection,
    reference: &Reference,
    order: &OrderRecord,
    transition: &str,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    match What::of_transition(transition).filter(|_| reference.heard.on_duty) {
        Some(what) => {
            let notice = order_notice(order, what, at, reference.trial);
            deliveries::announce(connection, &[notice]).await
        }
        None => Ok(()),
    }
}

/// An order has no grade: what asks for an answer by name is told whatever grades somebody chose to hear of.
fn order_notice(order: &OrderRecord, what: What, at: DateTime<Utc>, trial: bool) -> Notice {
    let follows = order.origin == Origin::Unanswered;
    Notice {
        key: format!("order/{}/{}/{}", order.id, what.as_str(), order.revision),
        about: About::Order,
        subject: order.id.to_string(),
        what,
        at,
        hall: order.hall.clone(),
        unit: order.unit.clone(),
        grade: None,
        rule: follows.then(|| "R12".to_owned()),
        case_no: order.about.case_no.clone(),
        sentence_zh: order.text_zh.clone(),
        sentence_en: order.text_en.clone(),
        due: Some(order.answer_due),
        trial: trial || order.trial,
        applicant: None,
        to_hall: None,
        to_unit: None,
    }
}

/// Announces to applicants what became of their cases, where the county has switched that on.
pub(super) async fn applicants(
    connection: &mut PgConnection,
    reference: &Reference,
    new: &[Hashed],
    touched: &[Touched],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    if reference.heard.applicants.is_empty() {
        return Ok(());
    }
    let cases: HashMap<&str, &Touched> = touched
        .iter()
        .filter(|case| !case.lived)
        .map(|case| (case.after.fold.case_no.as_str(), case))
        .collect();
    let notices: Vec<Notice> = new
        .iter()
        .filter_map(|hashed| {
            let event = &hashed.event;
            let (what, step) = match &event.kind {
                EventKind::Accepted(_) => (What::Accepted, None),
                EventKind::StepFinished(step) => (What::Step, Some(step.step.as_str())),
                EventKind::Completed(_) => (What::Completed, None),
                _ => return None,
            };
            let wanted = reference.heard.applicants.contains(&what);
            if !wanted || event.initial_load || event.time < now - STALE {
                return None;
            }
            let case = cases.get(event.case_no.as_deref()?)?;
            let phone = case.after.fold.applicant.as_ref()?.phone.as_deref()?;
            let name = step.map(|code| step_name(reference, case, code));
            Some(Notice {
                key: format!("case/{}/{}", event.source, event.id),
                about: About::Case,
                subject: case.after.fold.case_no.clone(),
                what,
                at: event.time,
                hall: case.after.hall.clone(),
                unit: Some(case.after.unit.clone()).filter(|unit| !unit.is_empty()),
                grade: None,
                rule: None,
                case_no: Some(case.after.fold.case_no.clone()),
                sentence_zh: name.unwrap_or_default(),
                // The code: by it the county chooses which steps are told.
                sentence_en: step.unwrap_or_default().to_owned(),
                due: None,
                trial: reference.trial,
                applicant: Some(mask_phone(phone)),
                to_hall: None,
                to_unit: None,
            })
        })
        .collect();
    deliveries::announce(connection, &notices).await
}

/// Announces that the answer to cards and orders falls due by the next workday: once for each and instant, in office hours only.
/// How many.
pub async fn remind(
    pool: &PgPool,
    reference: &Reference,
    now: DateTime<Utc>,
) -> Result<usize, StoreError> {
    let calendar = &reference.calendar;
    let local = calendar.local(now);
    let at_work =
        calendar.workdays.counts(local.date()) && calendar.office.0.contains(local.time());
    if !reference.heard.on_duty || !at_work {
        return Ok(0);
    }
    let horizon = calendar.closing(calendar.workdays.after(local.date(), 1));
    let mut transaction = pool.begin().await?;
    let mut notices = Vec::new();
    for id in deliveries::cards_to_remind(&mut transaction, now, horizon).await? {
        if let Some(card) = cards::find(&mut transaction, id).await? {
            notices.push(of_card(&card, What::AnswerDue, now, reference.trial));
        }
    }
    for id in deliveries::orders_to_remind(&mut transaction, now, horizon).await? {
        if let Some(order) = orders::find(&mut transaction, id).await? {
            notices.push(order_notice(&order, What::AnswerDue, now, reference.trial));
        }
    }
    deliveries::announce(&mut transaction, &notices).await?;
    transaction.commit().await?;
    Ok(notices.len())
}

fn step_name(reference: &Reference, case: &Touched, code: &str) -> String {
    let item = reference.item_of(&case.after.fold, case.after.opened_at);
    let step = item.and_then(|item| item.steps.iter().find(|step| step.code == code));
    step.map_or(code, |step| step.name.as_str()).to_owned()
}
