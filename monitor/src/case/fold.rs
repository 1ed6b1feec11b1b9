//! The fold: events of one case, in order, into its state.
//!
//! Events arrive late, twice and out of order; the state must not depend on that. [`CaseFold::fold`] sorts first, and
//! [`CaseFold::advance`] takes an event only when it stands after everything already folded.

use std::collections::{BTreeSet, HashSet};

use chrono::{DateTime, Utc};

use super::{
    AnomalyKind, CaseFold, CaseStatus, DataAnomaly, Extension, FeeCharged, Moment, Rating, StepRun,
    Supplement, Suspension,
};
use crate::event::{CaseEvent, EventKind, EventRef, StepEvent};

/// What [`CaseFold::advance`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Advance {
    /// The state now holds the event (or the event is a duplicate of the last, replaced, or not about a case).
    InOrder,
    /// The event belongs further back, or corrects one: load every event of the case and fold afresh. The state is
    /// unchanged.
    NeedsRefold,
}

impl From<&CaseEvent> for Moment {
    fn from(event: &CaseEvent) -> Self {
        let received = if event.initial_load {
            event.time
        } else {
            event.received
        };
        Self {
            at: event.time,
            date_only: event.date_only,
            received,
        }
    }
}

impl CaseFold {
    /// A case of which nothing is known yet.
    pub fn new(case_no: impl Into<String>) -> Self {
        Self {
            case_no: case_no.into(),
            ..Self::default()
        }
    }

    /// Folds the events of one case, given in any order and with any repetition. Of an event given twice the one received
    /// first counts. Events that are not about a case are left out.
    pub fn fold<'a>(
        case_no: impl Into<String>,
        events: impl IntoIterator<Item = &'a CaseEvent>,
    ) -> Self {
        let mut events: Vec<&CaseEvent> = events
            .into_iter()
            .filter(|event| event.is_about_case())
            .collect();
        events.sort_by(|a, b| a.cmp_order(b).then(a.received.cmp(&b.received)));
        let mut fold = Self::new(case_no);
        let replaced = |event: &&CaseEvent| {
            let id = event.replaces.clone()?;
            Some(EventRef {
                source: event.source.clone(),
                id,
            })
        };
        fold.replaced = events.iter().filter_map(replaced).collect::<BTreeSet<_>>();
        let mut seen = HashSet::with_capacity(events.len());
        for event in events {
            let first = seen.insert((event.source.as_str(), event.id.as_str()));
            if first && !fold.is_replaced(event) {
                fold.apply(event);
            }
        }
        fold
    }

    /// Takes one more event into the state. The result equals a fold of all events from scratch.
    pub fn advance(&mut self, event: &CaseEvent) -> Advance {
        if !event.is_about_case() {
            return Advance::InOrder;
        }
        // Even one that is itself corrected takes out what it corrected.
        if event.replaces.is_some() {
            return Advance::NeedsRefold;
        }
        if self.is_replaced(event) {
            return Advance::InOrder;
        }
        let key = event.order_key();
        match self.last.as_ref().map(|last| key.cmp(last)) {
            Some(std::cmp::Ordering::Less) => Advance::NeedsRefold,
            Some(std::cmp::Ordering::Equal) => Advance::InOrder,
            Some(std::cmp::Ordering::Greater) | None => {
                self.apply(event);
                Advance::InOrder
            }
        }
    }

    /// What the events put after `now`. `now` is the present instant plus whatever difference of clocks is allowed.
    pub fn in_future(&self, now: DateTime<Utc>) -> Vec<DataAnomaly> {
        let milestones = [
            &self.applied,
            &self.accepted,
            &self.decided,
            &self.delivered,
        ];
        let suspensions = self
            .suspensions
            .iter()
            .flat_map(|suspension| [Some(&suspension.start), suspension.resumed.as_ref()]);
        let of_case = milestones
            .into_iter()
            .map(Option::as_ref)
            .chain(suspensions)
            .flatten()
            .map(|moment| (moment, None));
        let of_steps = self.steps.iter().flat_map(|run| {
            let ends = [run.started.as_ref(), run.finished.as_ref()];
            ends.into_iter()
                .flatten()
                .map(|moment| (moment, Some(run.step.clone())))
        });
        let late = |(moment, step): (&Moment, Option<String>)| {
            (moment.at > now).then_some(DataAnomaly {
                kind: AnomalyKind::InFuture,
                at: moment.at,
                event: None,
                step,
            })
        };
        of_case.chain(of_steps).filter_map(late).collect()
    }

    fn is_replaced(&self, event: &CaseEvent) -> bool {
        !self.replaced.is_empty() && self.replaced.contains(&event.identity())
    }

    fn apply(&mut self, event: &CaseEvent) {
        self.place(event);
        let at = Moment::from(event);
        match &event.kind {
            EventKind::Applied(data) => {
                if precedes(self.accepted.as_ref(), &at) && self.applied.is_none() {
                    self.contradiction(AnomalyKind::AcceptedBeforeApplied, event, None);
                }
                self.applied.get_or_insert(at);
                self.channel = self.channel.take().or_else(|| data.channel.clone());
                self.applicant = self.applicant.take().or_else(|| data.applicant.clone());
                if self.status == CaseStatus::Unknown {
                    self.status = CaseStatus::Applied;
                }
            }
            EventKind::SupplementRequested(_) => {
                self.supplements.push(Supplement {
                    requested: at,
                    received: None,
                });
                if matches!(self.status, CaseStatus::Unknown | CaseStatus::Applied) {
                    self.status = CaseStatus::Supplement;
                }
            }
            EventKind::SupplementReceived => {
                if let Some(open) = self
                    .supplements
                    .iter_mut()
                    .rev()
                    .find(|open| open.received.is_none())
                {
                    open.received = Some(at);
                }
                if self.status == CaseStatus::Supplement {
                    self.status = CaseStatus::Applied;
                }
            }
            EventKind::Accepted(data) => self.accept(event, at, data.kind),
            EventKind::StepStarted(step) => self.start_step(event, at, step),
            EventKind::StepFinished(step) => self.finish_step(event, at, step),
            EventKind::Suspended(data) => {
                self.suspensions.push(Suspension {
                    kind: data.kind.clone(),
                    start: at,
                    declared_days: data.declared_days,
                    approver: data.approver.clone(),
                    notice: data.notice.clone(),
                    resumed: None,
                });
                if self.status == CaseStatus::Accepted {
                    self.status = CaseStatus::Suspended;
                }
            }
            EventKind::Resumed => self.resume(event, at),
            EventKind::Extended(data) => {
                if self.extension.is_some() {
                    self.contradiction(AnomalyKind::ExtendedTwice, event, None);
                } else {
                    let notice = data.notice.clone();
                    self.extension = Some(Extension {
                        at,
                        limit: data.limit,
                        days: data.days,
                        notice,
                    });
                }
            }
            EventKind::Fee(data) => self.fees.push(FeeCharged {
                at,
                charged: data.charged,
                standard: data.standard,
                relief_reason: data.relief_reason.clone(),
            }),
            EventKind::Completed(data) => self.end(event, at, CaseStatus::Completed, &data.result),
            EventKind::Refused(data) => self.end(event, at, CaseStatus::Refused, &data.reason),
            EventKind::Withdrawn(data) => self.end(event, at, CaseStatus::Withdrawn, &data.reason),
            EventKind::Voided(data) => self.end(event, at, CaseStatus::Voided, &data.reason),
            EventKind::Delivered => {
                self.delivered.get_or_insert(at);
            }
            EventKind::Rated(data) => {
                if self.rating.is_some() {
                    self.contradiction(AnomalyKind::RatedTwice, event, None);
                } else {
                    self.rating = Some(Rating {
                        at,
                        grade: data.grade,
                        comment: data.comment.clone(),
                    });
                }
            }
            EventKind::CalledBack(_) => {
                self.called_back.get_or_insert(at);
            }
            EventKind::PutRight(_) => {
                self.put_right.get_or_insert(at);
            }
            // Not about a case: `fold` and `advance` have left them out.
            EventKind::ComplaintReceived(_)
            | EventKind::ComplaintAccepted
            | EventKind::ComplaintRefused(_)
            | EventKind::ComplaintHandling(_)
            | EventKind::ComplaintExtended(_)
            | EventKind::ComplaintReplied(_)
            | EventKind::ComplaintCalledBack(_)
            | EventKind::ComplaintClosed(_)
            | EventKind::WindowPaused(_)
            | EventKind::WindowLeave(_)
            | EventKind::WindowResumed
            | EventKind::HallOpened
            | EventKind::HallClosed
            | EventKind::TerminalUp(_)
            | EventKind::Assisted(_)
            | EventKind::Heartbeat(_) => {}
        }
        self.events += 1;
        self.last = Some(event.order_key());
    }

    /// What every event may say. Where it is handled: the first word, until acceptance settles it. Limits, due instants
    /// and the handler: the last word.
    fn place(&mut self, event: &CaseEvent) {
        let place = &event.place;
        if self.events == 0 {
            self.source.clone_from(&event.source);
            self.hall.clone_from(&place.hall);
        }
        let first = |kept: &mut Option<String>, said: &Option<String>| {
            if kept.is_none() {
                kept.clone_from(said);
            }
        };
        first(&mut self.window, &place.window);
        first(&mut self.unit, &place.unit);
        first(&mut self.item, &place.item);
        self.promise_limit = place.promise_limit.or(self.promise_limit);
        self.legal_limit = place.legal_limit.or(self.legal_limit);
        self.promise_due = place.promise_due.or(self.promise_due);
        self.legal_due = place.legal_due.or(self.legal_due);
        if place.handler.is_some() {
            self.handler.clone_from(&place.handler);
        }
    }

    fn accept(&mut self, event: &CaseEvent, at: Moment, kind: Option<crate::item::HandlingKind>) {
        if self.accepted.is_some() {
            return self.contradiction(AnomalyKind::AcceptedTwice, event, None);
        }
        if precedes(self.decided.as_ref(), &at) {
            self.contradiction(AnomalyKind::EndsBeforeStart, event, None);
        }
        self.accepted = Some(at);
        self.kind = kind.or(self.kind);
        let place = &event.place;
        self.hall.clone_from(&place.hall);
        for (kept, said) in [
            (&mut self.window, &place.window),
            (&mut self.unit, &place.unit),
            (&mut self.item, &place.item),
        ] {
            if said.is_some() {
                kept.clone_from(said);
            }
        }
        if !self.status.is_final() {
            self.status = CaseStatus::Accepted;
        }
    }

    fn resume(&mut self, event: &CaseEvent, at: Moment) {
        let mut resumed = false;
        for open in self
            .suspensions
            .iter_mut()
            .filter(|suspension| suspension.resumed.is_none())
        {
            open.resumed = Some(at.clone());
            resumed = true;
        }
        if !resumed && !event.date_only {
            self.contradiction(AnomalyKind::ResumedWithoutSuspension, event, None);
        }
        if self.status == CaseStatus::Suspended {
            self.status = CaseStatus::Accepted;
        }
    }

    /// The first end stops the clock, whatever comes later.
    fn end(&mut self, event: &CaseEvent, at: Moment, status: CaseStatus, outcome: &Option<String>) {
        if self.decided.is_some() {
            return self.contradiction(AnomalyKind::EndedTwice, event, None);
        }
        self.decided = Some(at);
        self.status = status;
        self.outcome.clone_from(outcome);
    }

    fn start_step(&mut self, event: &CaseEvent, at: Moment, step: &StepEvent) {
        // An end that came before any beginning belongs to this beginning: the source's clock or typing is wrong.
        let unopened = self
            .steps
            .iter()
            .rposition(|run| run.step == step.step && run.started.is_none());
        if let Some(i) = unopened {
            if precedes(self.steps[i].finished.as_ref(), &at) {
                self.contradiction(
                    AnomalyKind::StepFinishedBeforeStarted,
                    event,
                    Some(&step.step),
                );
            }
            self.steps[i].started = Some(at);
            return;
        }
        self.steps.push(StepRun {
            started: Some(at),
            ..step_run(event, step)
        });
    }

    fn finish_step(&mut self, event: &CaseEvent, at: Moment, step: &StepEvent) {
        let open = self
            .steps
            .iter_mut()
            .rfind(|run| run.step == step.step && run.finished.is_none());
        let Some(run) = open else {
            return self.steps.push(StepRun {
                finished: Some(at),
                ..step_run(event, step)
            });
        };
        run.finished = Some(at);
        run.result.clone_from(&step.result);
        run.offline |= step.offline;
        if event.place.handler.is_some() {
            run.handler.clone_from(&event.place.handler);
        }
        if step.role.is_some() {
            run.role.clone_from(&step.role);
        }
    }

    fn contradiction(&mut self, kind: AnomalyKind, event: &CaseEvent, step: Option<&str>) {
        let (at, event) = (event.time, Some(event.identity()));
        self.data_anomalies.push(DataAnomaly {
            kind,
            at,
            event,
            step: step.map(Into::into),
        });
    }
}

/// Whether `earlier` is known to lie before `at`; a time that is only a date proves no order.
fn precedes(earlier: Option<&Moment>, at: &Moment) -> bool {
    earlier.is_some_and(|earlier| earlier.at < at.at && !earlier.date_only && !at.date_only)
}

fn step_run(event: &CaseEvent, step: &StepEvent) -> StepRun {
    StepRun {
        step: step.step.clone(),
        hall: event.place.hall.clone(),
        unit: event.place.unit.clone(),
        window: event.place.window.clone(),
        handler: event.place.handler.clone(),
        role: step.role.clone(),
        offline: step.offline,
        started: None,
        finished: None,
        result: step.result.clone(),
    }
}
