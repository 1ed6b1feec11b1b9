//! From events to the state of a complaint.

use std::cmp::Ordering;
use std::collections::HashSet;

use super::{ComplaintFold, ComplaintStatus, Contradicted, Contradiction, Extended, Handling};
use crate::case::{Advance, Moment};
use crate::event::{CaseEvent, ComplaintAnswer, EventKind, EventRef};

impl ComplaintFold {
    /// A complaint of which nothing is known yet.
    pub fn new(no: impl Into<String>) -> Self {
        Self {
            no: no.into(),
            ..Self::default()
        }
    }

    /// Folds the events of one complaint, given in any order and with any repetition. Of an event given twice the one received
    /// first counts. Events that are not about a complaint are left out.
    pub fn fold<'a>(
        no: impl Into<String>,
        events: impl IntoIterator<Item = &'a CaseEvent>,
    ) -> Self {
        let mut events: Vec<&CaseEvent> = events
            .into_iter()
            .filter(|event| event.is_about_complaint())
            .collect();
        events.sort_by(|a, b| a.cmp_order(b).then(a.received.cmp(&b.received)));
        let mut fold = Self::new(no);
        let replaced = |event: &&CaseEvent| {
            Some(EventRef {
                source: event.source.clone(),
                id: event.replaces.clone()?,
            })
        };
        fold.replaced = events.iter().filter_map(replaced).collect();
        let mut seen = HashSet::with_capacity(events.len());
        for event in events {
            let first = seen.insert((event.source.as_str(), event.id.as_str()));
            if first && !fold.replaced.contains(&event.identity()) {
                fold.apply(event);
            }
        }
        fold
    }

    /// Takes one more event in. The result equals a fold of all events from scratch; where it says [`Advance::NeedsRefold`],
    /// nothing was changed.
    pub fn advance(&mut self, event: &CaseEvent) -> Advance {
        if !event.is_about_complaint() {
            return Advance::InOrder;
        }
        if event.replaces.is_some() {
            return Advance::NeedsRefold;
        }
        if self.replaced.contains(&event.identity()) {
            return Advance::InOrder;
        }
        match self.last.as_ref().map(|last| event.order_key().cmp(last)) {
            Some(Ordering::Less) => Advance::NeedsRefold,
            Some(Ordering::Equal) => Advance::InOrder,
            Some(Ordering::Greater) | None => {
                self.apply(event);
                Advance::InOrder
            }
        }
    }

    fn apply(&mut self, event: &CaseEvent) {
        self.place(event);
        let at = Moment::from(event);
        let kind = &event.kind;
        if self.closed.is_some() {
            self.contradicted(Contradiction::AfterClosed, event);
        }
        match kind {
            EventKind::ComplaintReceived(data) => {
                if self.received.is_some() {
                    self.contradicted(Contradiction::ReceivedTwice, event);
                } else {
                    if self.status != ComplaintStatus::Unknown && !at.date_only {
                        self.contradicted(Contradiction::BeforeReceived, event);
                    }
                    self.received = Some(at);
                    self.rise(ComplaintStatus::Received);
                }
                let kept = [
                    (&mut self.kind, &data.kind),
                    (&mut self.channel, &data.channel),
                    (&mut self.case, &data.case),
                ];
                for (kept, said) in kept {
                    if kept.is_none() {
                        kept.clone_from(said);
                    }
                }
            }
            EventKind::ComplaintAccepted => self.decide(event, at, None),
            EventKind::ComplaintRefused(data) => self.decide(event, at, Some(&data.reason)),
            EventKind::ComplaintHandling(data) => {
                self.unaccepted(event);
                self.handling.push(Handling {
                    at,
                    mode: data.mode.clone(),
                    to: data.to.clone(),
                });
                self.rise(ComplaintStatus::Handling);
            }
            EventKind::ComplaintExtended(data) => {
                if self.extension.is_some() {
                    self.contradicted(Contradiction::ExtendedTwice, event);
                } else if self.finished().is_some() {
                    self.contradicted(Contradiction::ExtendedTooLate, event);
                } else {
                    self.extension = Some(Extended {
                        at,
                        days: data.days,
                        notice: data.notice.clone(),
                    });
                }
            }
            EventKind::ComplaintReplied(data) => {
                self.unaccepted(event);
                self.replied.get_or_insert(at);
                self.answered(data, ComplaintStatus::Replied);
            }
            EventKind::ComplaintCalledBack(data) => {
                if self.replied.is_none() {
                    self.contradicted(Contradiction::CalledBackUnanswered, event);
                }
                self.called_back.get_or_insert(at);
                self.answered(data, ComplaintStatus::CalledBack);
            }
            EventKind::ComplaintClosed(data) => {
                self.closed.get_or_insert(at);
                self.answered(data, ComplaintStatus::Closed);
            }
            // Not about a complaint: `fold` and `advance` have left them out.
            _ => {}
        }
        self.events += 1;
        self.last = Some(event.order_key());
    }

    /// Where it came in, and about what: the first word, until acceptance settles where.
    fn place(&mut self, event: &CaseEvent) {
        let place = &event.place;
        if self.events == 0 {
            self.source.clone_from(&event.source);
            self.hall.clone_from(&place.hall);
        }
        let settles = matches!(event.kind, EventKind::ComplaintAccepted) && self.accepted.is_none();
        if settles {
            self.hall.clone_from(&place.hall);
        }
        for (kept, said) in [
            (&mut self.unit, &place.unit),
            (&mut self.window, &place.window),
            (&mut self.item, &place.item),
        ] {
            if said.is_some() && (kept.is_none() || settles) {
                kept.clone_from(said);
            }
        }
    }

    /// Accepted, or refused with whatever reason is given: the first word counts.
    fn decide(&mut self, event: &CaseEvent, at: Moment, refused: Option<&Option<String>>) {
        if self.accepted.is_some() || self.refused.is_some() {
            return self.contradicted(Contradiction::DecidedTwice, event);
        }
        match refused {
            None => {
                self.accepted = Some(at);
                self.rise(ComplaintStatus::Accepted);
            }
            Some(reason) => {
                self.refused = Some(at);
                self.reason.clone_from(reason);
                // Refused, nothing more is awaited, whatever was begun before.
                if !self.status.is_final() {
                    self.status = ComplaintStatus::Refused;
                }
            }
        }
    }

    fn unaccepted(&mut self, event: &CaseEvent) {
        if self.accepted.is_none() && !event.date_only {
            self.contradicted(Contradiction::NotAccepted, event);
        }
    }

    fn answered(&mut self, data: &ComplaintAnswer, status: ComplaintStatus) {
        self.upheld = data.upheld.or(self.upheld);
        self.rise(status);
    }

    /// A complaint moves on, never back; what is over stays over.
    fn rise(&mut self, status: ComplaintStatus) {
        if !self.status.is_final() || status == ComplaintStatus::Closed {
            self.status = self.status.max(status);
        }
    }

    fn contradicted(&mut self, kind: Contradiction, event: &CaseEvent) {
        self.contradictions.push(Contradicted {
            kind,
            event: event.identity(),
        });
    }
}
