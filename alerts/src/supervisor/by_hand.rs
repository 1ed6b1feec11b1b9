//! Orders and cards that people write by hand, and what they do to orders.

use chrono::{DateTime, Utc};
use mingjing_monitor::audit::{Action, Draft};
use mingjing_monitor::store::{StoreError, audit};
use serde_json::{Map, Value, json};
use sqlx::PgConnection;

use super::Supervisor;
use super::delta::{ActError, Actor, Delta, Deltas, NewCard, NewOrder, OrderAction};
use super::diff::Working;
use super::tell;
use super::write::line;
use crate::card::{Role, State};
use crate::order::{self, Needs, Origin, Rung, Transition};
use crate::rules::Sentence;
use crate::store::attachments::{self, With};
use crate::store::cards::{self, CardRecord, HistoryLine};
use crate::store::orders::{self, OrderLine, OrderRecord};

impl Supervisor {
    /// Does to an order what a person asks for, if the table allows it to the person's role and nobody was faster.
    pub async fn act_on_order(
        &mut self,
        action: &OrderAction,
        now: DateTime<Utc>,
    ) -> Result<Vec<Delta>, ActError> {
        let mut transaction = self.pool.begin().await.map_err(StoreError::from)?;
        let mut order = orders::find(&mut transaction, action.order)
            .await?
            .ok_or(ActError::NotFound(action.order))?;
        if order.revision != action.revision {
            return Err(ActError::Conflict {
                seen: action.revision,
                now: order.revision,
            });
        }
        let (row, role) = allowed(&order, action)?;
        let said = said(row, action)?;
        let before = facts(&order);
        let from = order.state;
        self.move_order(&mut order, row, action, now);
        orders::update(&mut transaction, &order).await?;
        let step = OrderLine {
            order: order.id,
            at: now,
            due_at: None,
            transition: row.name,
            from: Some(from),
            to: order.state,
            rung: order.rung,
            account: Some(action.actor.account),
            who: action.actor.who.clone(),
            role: role.as_str(),
            why: said.clone(),
            objective: action.objective.filter(|_| row.needs == Needs::Feedback),
            measures: order
                .measures
                .clone()
                .filter(|_| row.needs == Needs::Feedback),
        };
        let number = orders::append(&mut transaction, &step).await?;
        let with = With::Order(order.id);
        bind(
            &mut transaction,
            with,
            number,
            &action.actor,
            &action.attachments,
            now,
        )
        .await?;
        tell::of_order(&mut transaction, &self.reference, &order, row.name, now).await?;
        let mut after = facts(&order);
        after["transition"] = json!(row.name);
        let entry = Draft {
            before: Some(before),
            reason: said,
            ..entry(
                &action.actor,
                Action::OrderChanged,
                ("order", order.id),
                &order.hall,
                after,
            )
        };
        audit::append(&mut transaction, &[entry]).await?;
        transaction.commit().await.map_err(StoreError::from)?;
        self.queue.extend(order.next_instant);
        let mut deltas = Deltas::default();
        deltas.add(Delta::OrderChanged {
            id: order.id,
            hall: order.hall,
        });
        deltas.scores_from(order.issued_at);
        Ok(self.give_out_at_once(deltas, now))
    }

    fn move_order(
        &self,
        order: &mut OrderRecord,
        row: &Transition,
        action: &OrderAction,
        now: DateTime<Utc>,
    ) {
        let has_unit = order.unit.is_some();
        match row.name {
            "escalate" => {
                if let Some(rung) = order.rung.above(has_unit) {
                    order.climb(rung, now, &self.reference);
                }
                return;
            }
            "return" => {
                order.rung = order.rung.answering(has_unit);
                order.start_clock(now, &self.reference);
            }
            // Signing for it stops no clock.
            "receive" => {}
            _ => order.next_instant = None,
        }
        if row.needs == Needs::Feedback {
            order.answered_at = Some(now);
            order.objective = action.objective;
            order.measures = text(action.measures.as_deref());
        }
        order.state = row.to;
        order.closed_at = row.to.is_over().then_some(now);
        order.revision += 1;
    }

    /// Issues a supervision order that a person wrote; its number. Whether it lies in their halls is for the caller to have
    /// asked.
    pub async fn issue_by_hand(
        &mut self,
        new: &NewOrder,
        now: DateTime<Utc>,
    ) -> Result<(i64, Vec<Delta>), ActError> {
        let role = Role::of_account(&new.actor.role);
        let (role, origin) = role
            .and_then(|role| Some((role, Origin::of(role)?)))
            .ok_or_else(|| not_allowed("issue", &new.actor, "supervision order", "new"))?;
        let asked = text(Some(&new.text)).ok_or(ActError::NeedsWhy("issue"))?;
        let addressee = match new.to {
            Rung::UnitHead if new.unit.is_some() => Rung::UnitHead,
            Rung::HallManager => Rung::HallManager,
            _ => return Err(ActError::Addressee),
        };
        let mut order = OrderRecord {
            id: 0,
            cause_key: None,
            origin,
            state: order::State::Issued,
            rung: addressee,
            addressee,
            hall: new.hall.clone(),
            unit: new.unit.clone(),
            window: new.window.clone(),
            about: new.about.clone(),
            text_zh: asked.clone(),
            text_en: asked,
            issued_at: now,
            issued_by: new.actor.who.clone(),
            issued_role: role.as_str().to_owned(),
            due_at: now,
            answer_due: now,
            answered_at: None,
            closed_at: None,
            objective: None,
            measures: None,
            next_instant: None,
            profile_version: self.reference.profiles.at(now).version,
            trial: self.reference.trial,
            revision: 1,
        };
        order.start_clock(now, &self.reference);
        let mut transaction = self.pool.begin().await.map_err(StoreError::from)?;
        order.id = orders::insert(&mut transaction, &order)
            .await?
            .ok_or_else(|| StoreError::Stored("an order without a cause was there".to_owned()))?;
        let first = OrderLine {
            order: order.id,
            at: now,
            due_at: None,
            transition: "issue",
            from: None,
            to: order.state,
            rung: order.rung,
            account: Some(new.actor.account),
            who: new.actor.who.clone(),
            role: role.as_str(),
            why: None,
            objective: None,
            measures: None,
        };
        let number = orders::append(&mut transaction, &first).await?;
        let with = With::Order(order.id);
        bind(
            &mut transaction,
            with,
            number,
            &new.actor,
            &new.attachments,
            now,
        )
        .await?;
        tell::of_order(&mut transaction, &self.reference, &order, "issue", now).await?;
        let entry = Draft {
            reason: Some(order.text_zh.clone()),
            ..entry(
                &new.actor,
                Action::OrderIssued,
                ("order", order.id),
                &order.hall,
                facts(&order),
            )
        };
        audit::append(&mut transaction, &[entry]).await?;
        transaction.commit().await.map_err(StoreError::from)?;
        self.queue.extend(order.next_instant);
        let issued = Delta::OrderIssued {
            id: order.id,
            hall: order.hall,
        };
        Ok((order.id, vec![issued]))
    }

    /// Issues a card that an inspector wrote (`manual_card`); its number.
    pub async fn issue_card(
        &mut self,
        new: &NewCard,
        now: DateTime<Utc>,
    ) -> Result<(i64, Vec<Delta>), ActError> {
        let role = Role::of_account(&new.actor.role)
            .filter(|role| *role == Role::Inspector)
            .ok_or_else(|| not_allowed("issue", &new.actor, new.grade.as_str(), "new"))?;
        let what = text(Some(&new.sentence)).ok_or(ActError::NeedsWhy("issue"))?;
        let why = text(Some(&new.why)).ok_or(ActError::NeedsWhy("issue"))?;
        let version = self.reference.profiles.at(now).version;
        let sentence = Sentence {
            zh: format!("{what} · 人工发牌 · v{version}"),
            en: format!("{what} · by hand · v{version}"),
        };
        let mut transaction = self.pool.begin().await.map_err(StoreError::from)?;
        let nth = cards::next_by_hand(&mut transaction).await?;
        let (about, subject) = thing(new);
        let card = CardRecord {
            id: 0,
            cause_key: format!("manual:{nth}"),
            cause: format!("manual:{nth}"),
            rule: "manual".to_owned(),
            kind: new.kind.as_str().to_owned(),
            grade: new.grade,
            state: State::Pending,
            about: about.to_owned(),
            case_no: new.about.case_no.clone(),
            subject,
            source: None,
            hall: new.hall.clone(),
            unit: new.unit.clone(),
            window: new.window.clone(),
            item: new.item.clone(),
            due_at: now,
            created_at: now,
            issued_at: None,
            answer_due: None,
            closed_at: None,
            profile_version: version,
            trial: self.reference.trial,
            facts: written_from(new),
            sentence_zh: sentence.zh,
            sentence_en: sentence.en,
            contested_from: None,
            superseded_from: None,
            judged: None,
            next_instant: None,
            decide_due: None,
            revision: 0,
        };
        let mut working = Working::begun(card, ("issue", State::Issued), now, &self.reference);
        let id = cards::insert(&mut transaction, &[&working.card]).await?[0];
        working.card.id = id;
        let first = HistoryLine {
            account: Some(new.actor.account),
            who: new.actor.who.clone(),
            role: role.as_str(),
            why: Some(why.clone()),
            ..line(&working, &working.taken[0])
        };
        cards::append_history(&mut transaction, &[first]).await?;
        if working.card.grade.is_card() {
            cards::write_orders(&mut transaction, &[(&working.card, None)]).await?;
        }
        if !new.attachments.is_empty() {
            let number = cards::newest_line(&mut transaction, id).await?;
            let with = With::Card(id);
            bind(
                &mut transaction,
                with,
                number,
                &new.actor,
                &new.attachments,
                now,
            )
            .await?;
        }
        tell::of_moved(&mut transaction, &self.reference, [&working], now).await?;
        let hall = working.card.hall.clone();
        let after = json!({"state": "issued", "grade": new.grade.as_str(), "rule": "manual"});
        let entry = Draft {
            reason: Some(why),
            ..entry(&new.actor, Action::CardIssued, ("card", id), &hall, after)
        };
        audit::append(&mut transaction, &[entry]).await?;
        transaction.commit().await.map_err(StoreError::from)?;
        self.queue.extend(working.card.next_instant);
        let mut deltas = Deltas::default();
        deltas.add(Delta::CardIssued { id, hall });
        deltas.add(Delta::OverviewChanged);
        deltas.scores_from(working.card.due_at);
        Ok((id, self.give_out_at_once(deltas, now)))
    }
}

/// What a card written by hand is about, and of what else than a case its name: what it was written from, or the hall.
fn thing(new: &NewCard) -> (&'static str, Option<String>) {
    let about = &new.about;
    match (&about.case_no, &about.complaint, &about.camera) {
        (Some(_), _, _) => ("case", None),
        (_, Some(complaint), _) => ("complaint", Some(complaint.clone())),
        (_, _, Some(camera)) => ("camera", Some(camera.clone())),
        _ => ("hall", Some(new.hall.clone())),
    }
}

/// What a card written by hand points to.
fn written_from(new: &NewCard) -> Map<String, Value> {
    let mut facts = Map::new();
    let mut put = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            facts.insert(key.to_owned(), value);
        }
    };
    put("camera", new.about.camera.clone().map(Value::from));
    put("picture_at", new.about.picture_at.map(|at| json!(at)));
    put("complaint", new.about.complaint.clone().map(Value::from));
    facts
}

fn text(said: Option<&str>) -> Option<String> {
    said.map(str::trim)
        .filter(|said| !said.is_empty())
        .map(Into::into)
}

fn not_allowed(action: &str, actor: &Actor, grade: &'static str, state: &'static str) -> ActError {
    ActError::NotAllowed {
        action: action.chars().take(40).collect(),
        role: actor.role.clone(),
        grade,
        state,
    }
}

fn allowed(
    order: &OrderRecord,
    action: &OrderAction,
) -> Result<(&'static Transition, Role), ActError> {
    let row = Role::of_account(&action.actor.role).and_then(|role| {
        let row = order::transition(&action.action, order.standing(), role)?;
        Some((row, role))
    });
    let state = order.state.as_str();
    row.ok_or_else(|| not_allowed(&action.action, &action.actor, "supervision order", state))
}

/// What was said with a step, when it is all that the row needs.
fn said(row: &Transition, action: &OrderAction) -> Result<Option<String>, ActError> {
    let why = text(action.why.as_deref());
    match row.needs {
        Needs::Nothing => Ok(why),
        Needs::Why => why.map(Some).ok_or(ActError::NeedsWhy(row.name)),
        Needs::Feedback => {
            if why.is_none()
                || action.objective.is_none()
                || text(action.measures.as_deref()).is_none()
            {
                return Err(ActError::NeedsFeedback);
            }
            Ok(why)
        }
    }
}

/// What the audit log keeps of an order.
fn facts(order: &OrderRecord) -> Value {
    json!({"state": order.state.as_str(), "rung": order.rung.as_str()})
}

fn entry(
    actor: &Actor,
    action: Action,
    (kind, id): (&'static str, i64),
    hall: &str,
    after: Value,
) -> Draft {
    Draft {
        at: actor.at,
        actor: actor.trail.clone(),
        action,
        subject: Some((kind, id.to_string())),
        hall: Some(hall.to_owned()),
        before: None,
        after: Some(after),
        reason: None,
    }
}

/// Binds what a person attached to a line of a history.
pub(super) async fn bind(
    connection: &mut PgConnection,
    with: With,
    number: i64,
    actor: &Actor,
    files: &[i64],
    now: DateTime<Utc>,
) -> Result<(), ActError> {
    let bound = attachments::attach(connection, with, number, actor.account, files, now).await?;
    if bound == files.len() as u64 {
        Ok(())
    } else {
        Err(ActError::Attachments)
    }
}
