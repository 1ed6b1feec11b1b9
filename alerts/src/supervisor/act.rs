//! What people do to cards.

use chrono::{DateTime, Utc};
use mingjing_monitor::audit::{Action, Draft};
use mingjing_monitor::store::{StoreError, audit, complaints, states};
use serde_json::{Value, json};
use sqlx::PgConnection;

use super::Supervisor;
use super::answers::{TAKEN_BACK, undo_what_followed};
use super::assess::facts_hash;
use super::by_hand::bind;
use super::delta::{ActError, CardAction, Delta, Deltas};
use super::diff::Working;
use super::tell;
use super::watch::Looked;
use super::write::{Rows, Touched, goes_out};
use crate::card::{Role, State, Transition, transition};
use crate::ladder::appeal_until;
use crate::rules::local;
use crate::store::attachments::With;
use crate::store::cards::{self, CardRecord, HistoryLine};

impl Supervisor {
    /// Does to a card what a person asks for, if the table allows it to the person's role and nobody was faster. Of two
    /// people who act on the same revision one succeeds, the other gets [`ActError::Conflict`].
    pub async fn act(
        &mut self,
        action: &CardAction,
        now: DateTime<Utc>,
    ) -> Result<Vec<Delta>, ActError> {
        let mut transaction = self.pool.begin().await.map_err(StoreError::from)?;
        let card = cards::find(&mut transaction, action.card)
            .await?
            .ok_or(ActError::NotFound(action.card))?;
        if card.revision != action.revision {
            return Err(ActError::Conflict {
                seen: action.revision,
                now: card.revision,
            });
        }
        let (row, role) = allowed(&card, action)?;
        let why = action
            .why
            .as_deref()
            .map(str::trim)
            .filter(|why| !why.is_empty());
        if row.needs_why && why.is_none() {
            return Err(ActError::NeedsWhy(row.name));
        }
        self.check_in_time(&card, row, now)?;
        let mut deltas = Deltas::default();
        let judged = self.facts_of(&mut transaction, &card).await?;
        let before = facts(&card);
        let moved = self.move_card(card, row, why, judged, now);
        write_action(&mut transaction, &moved, action, role, now).await?;
        if !action.attachments.is_empty() {
            let line = cards::newest_line(&mut transaction, moved.card.id).await?;
            let (with, files) = (With::Card(moved.card.id), &action.attachments);
            bind(&mut transaction, with, line, &action.actor, files, now).await?;
        }
        tell::of_moved(&mut transaction, &self.reference, [&moved], now).await?;
        let (id, hall) = (moved.card.id, moved.card.hall.clone());
        deltas.add(match row.name {
            "issue" | "confirm" => Delta::CardIssued { id, hall },
            _ => Delta::CardChanged { id, hall },
        });
        deltas.add(Delta::OverviewChanged);
        deltas.scores_from(moved.card.due_at);
        let mut next: Vec<DateTime<Utc>> = moved.card.next_instant.into_iter().collect();
        if matches!(moved.card.state, State::Revoked | State::Cancelled) {
            let gone = [moved.card.id];
            let gone = (&gone[..], TAKEN_BACK);
            undo_what_followed(&mut transaction, &self.reference, gone, now, &mut deltas).await?;
        }
        // How many of a month were confirmed makes others of the window red, or yellow again.
        let mut looked = Looked::default();
        if let ("window", Some(window)) = (moved.card.about.as_str(), &moved.card.subject) {
            let (month, _) = self.reference.calendar.month_of(moved.card.due_at);
            let windows = [window.clone()];
            looked = self
                .look_at_windows(&mut transaction, &windows, month, now, &mut deltas)
                .await?;
        }
        // What was under a card that is taken back comes up again.
        if let Some(case) = &moved.card.case_no {
            let instants = self
                .look_again(&mut transaction, case, now, &mut deltas)
                .await?;
            next.extend(instants);
        }
        audit::append(&mut transaction, &[entry(&moved, action, before)]).await?;
        transaction.commit().await.map_err(StoreError::from)?;
        self.queue.extend(next);
        self.remember(looked);
        Ok(self.give_out_at_once(deltas, now))
    }

    /// An appeal is made within the workdays that the profile gives, from when the card went out.
    fn check_in_time(
        &self,
        card: &CardRecord,
        row: &Transition,
        now: DateTime<Utc>,
    ) -> Result<(), ActError> {
        if row.name != "appeal" {
            return Ok(());
        }
        let calendar = &self.reference.calendar;
        let rules = self.reference.rules_of_card(card, now);
        match appeal_until(calendar, &rules, card.issued_at) {
            Some(until) if until < now => Err(ActError::TooLate(local(calendar, until))),
            _ => Ok(()),
        }
    }

    /// The facts of the card's case, which whoever decides about late evidence has judged.
    async fn facts_of(
        &self,
        connection: &mut PgConnection,
        card: &CardRecord,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        if let ("complaint", Some(no)) = (card.about.as_str(), &card.subject) {
            let records = complaints::load(connection, &[no.as_str()]).await?;
            return Ok(records
                .first()
                .map(|record| super::complaints::facts(&record.fold)));
        }
        let Some(case) = &card.case_no else {
            return Ok(None);
        };
        let records = states::load(connection, &[case.as_str()]).await?;
        Ok(records.first().map(|record| facts_hash(&record.fold)))
    }

    fn move_card(
        &self,
        card: CardRecord,
        row: &'static Transition,
        why: Option<&str>,
        judged: Option<Vec<u8>>,
        now: DateTime<Utc>,
    ) -> Working {
        let rules = self.reference.rules_of_card(&card, now);
        let target = row.target(
            card.contested_from
                .filter(|_| card.state == State::Contested),
        );
        let mut working = Working::from(card);
        if row.name == "uphold" {
            working.card.judged = judged;
        }
        working.enter(row.name, target, now, why, &self.reference.calendar, &rules);
        working
    }

    async fn look_again(
        &self,
        connection: &mut PgConnection,
        case: &str,
        now: DateTime<Utc>,
        deltas: &mut Deltas,
    ) -> Result<Vec<DateTime<Utc>>, StoreError> {
        let Some(before) = states::load(&mut *connection, &[case]).await?.pop() else {
            return Ok(Vec::new());
        };
        let loading = self
            .sources
            .get(&before.fold.source)
            .and_then(|source| source.loading_until);
        let at = loading.unwrap_or(now);
        let assessment = self.reference.assess(before.fold.clone(), at);
        let mut touched = [Touched::new(
            Some(before),
            assessment,
            at,
            loading.is_some(),
        )];
        let writer = self.writer(now);
        writer
            .write(connection, &mut touched, Rows::Advance, deltas)
            .await?;
        Ok(touched.iter().flat_map(Touched::instants).collect())
    }
}

fn allowed(
    card: &CardRecord,
    action: &CardAction,
) -> Result<(&'static Transition, Role), ActError> {
    let row = Role::of_account(&action.actor.role).and_then(|role| {
        let row = transition(&action.action, Some(card.state), card.grade, role)?;
        Some((row, role))
    });
    row.ok_or_else(|| ActError::NotAllowed {
        action: action.action.chars().take(40).collect(),
        role: action.actor.role.clone(),
        grade: card.grade.as_str(),
        state: card.state.as_str(),
    })
}

/// What the audit log keeps of a card.
fn facts(card: &CardRecord) -> Value {
    json!({"state": card.state.as_str(), "grade": card.grade.as_str()})
}

fn entry(moved: &Working, action: &CardAction, before: Value) -> Draft {
    let mut after = facts(&moved.card);
    after["transition"] = json!(action.action);
    Draft {
        at: action.actor.at,
        actor: action.actor.trail.clone(),
        action: Action::CardChanged,
        subject: Some(("card", moved.card.id.to_string())),
        hall: Some(moved.card.hall.clone()),
        before: Some(before),
        after: Some(after),
        reason: action.why.clone(),
    }
}

async fn write_action(
    connection: &mut PgConnection,
    moved: &Working,
    action: &CardAction,
    role: Role,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    cards::update(&mut *connection, &[&moved.card]).await?;
    let line = |taken: &super::diff::Taken| HistoryLine {
        card: moved.card.id,
        at: now,
        transition: taken.transition,
        from: taken.from,
        to: taken.to,
        account: Some(action.actor.account),
        who: action.actor.who.clone(),
        role: role.as_str(),
        why: taken.why.clone(),
        ground: action
            .ground
            .filter(|_| matches!(taken.transition, "appeal" | "revoke")),
    };
    cards::append_history(
        &mut *connection,
        &moved.taken.iter().map(line).collect::<Vec<_>>(),
    )
    .await?;
    let answered = matches!(moved.card.state, State::Answered | State::Appealed);
    if moved.card.grade.is_card() && (answered || goes_out(moved)) {
        cards::write_orders(connection, &[(&moved.card, answered.then_some(now))]).await?;
    }
    Ok(())
}
