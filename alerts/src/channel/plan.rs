//! What of a channel's queue goes out now: quiet hours, the rate that the service bears, and digests of what is too much.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveTime, TimeDelta, Utc};
use chrono_tz::Tz;
use mingjing_monitor::calendar::local_to_utc;

use crate::card::Grade;

/// The hours in which somebody is left in peace, by the county's clock. They may pass midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quiet {
    /// From.
    pub from: NaiveTime,
    /// Until.
    pub until: NaiveTime,
    /// Red cards come through.
    pub red_breaks: bool,
}

impl Quiet {
    /// When a message of this grade may go out: `None`: now.
    pub fn held_until(
        &self,
        grade: Option<Grade>,
        zone: Tz,
        now: DateTime<Utc>,
    ) -> Option<DateTime<Utc>> {
        if self.red_breaks && grade == Some(Grade::RedCard) {
            return None;
        }
        let local = now.with_timezone(&zone).naive_local();
        let (date, time) = (local.date(), local.time());
        let over_midnight = self.from > self.until;
        let inside = match over_midnight {
            false => self.from <= time && time < self.until,
            true => self.from <= time || time < self.until,
        };
        let tomorrow = over_midnight && time >= self.from;
        let day = if tomorrow { date.succ_opt()? } else { date };
        inside.then(|| local_to_utc(day.and_time(self.until), zone))
    }
}

/// A delivery that may go out.
#[derive(Debug, Clone, PartialEq)]
pub struct Ready {
    /// Its number.
    pub id: i64,
    /// What may share a digest.
    pub target: String,
    /// How grave.
    pub grade: Option<Grade>,
    /// Its receiver's quiet hours.
    pub quiet: Option<Quiet>,
    /// Quiet hours have held it.
    pub was_held: bool,
    /// It goes alone: a digest itself, a test, a text to an applicant.
    pub alone: bool,
}

/// What is to be done now.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    /// To be held, until when.
    pub hold: Vec<(i64, DateTime<Utc>)>,
    /// To go out as they are, in this order.
    pub single: Vec<i64>,
    /// To go out as one message each, the gravest first in each.
    pub digests: Vec<Vec<i64>>,
}

/// The rate of a channel is kept over so long: a little more than a minute, for our clock and the service's.
pub fn window() -> TimeDelta {
    TimeDelta::seconds(61)
}

/// Plans what goes out of `ready` (in the order in which it was queued) when `allowance` messages may go. More than that
/// become one digest a receiver; of red cards the first still go out by themselves, for half of what may go. What is not
/// planned waits for its turn.
pub fn plan(ready: Vec<Ready>, allowance: usize, zone: Tz, now: DateTime<Utc>) -> Plan {
    let mut plan = Plan::default();
    let mut open: Vec<Ready> = Vec::with_capacity(ready.len());
    for it in ready {
        match it
            .quiet
            .and_then(|quiet| quiet.held_until(it.grade, zone, now))
        {
            Some(until) => plan.hold.push((it.id, until)),
            None => open.push(it),
        }
    }
    // The gravest first; of equal ones the earliest.
    open.sort_by_key(|it| std::cmp::Reverse(it.grade));
    let mut left = allowance;
    let (alone, rest): (Vec<Ready>, Vec<Ready>) = open.into_iter().partition(|it| it.alone);
    for it in alone.into_iter().take(left) {
        plan.single.push(it.id);
        left -= 1;
    }
    let (held, rest): (Vec<Ready>, Vec<Ready>) = rest.into_iter().partition(|it| it.was_held);
    let crowded = held.len() + rest.len() > left;
    let mut singles: Vec<Ready> = Vec::new();
    let mut together: BTreeMap<String, Vec<Ready>> = BTreeMap::new();
    for it in held {
        together.entry(it.target.clone()).or_default().push(it);
    }
    for it in rest {
        let red = it.grade == Some(Grade::RedCard) && singles.len() < left / 2;
        if !crowded || red {
            singles.push(it);
        } else {
            together.entry(it.target.clone()).or_default().push(it);
        }
    }
    for it in singles.into_iter().take(left) {
        plan.single.push(it.id);
        left -= 1;
    }
    let mut together: Vec<Vec<Ready>> = together.into_values().collect();
    for group in &mut together {
        group.sort_by_key(|it| std::cmp::Reverse(it.grade));
    }
    together.sort_by_key(|group| std::cmp::Reverse(group.first().and_then(|it| it.grade)));
    for group in together.into_iter().take(left) {
        match group.as_slice() {
            [only] => plan.single.push(only.id),
            several => plan.digests.push(several.iter().map(|it| it.id).collect()),
        }
    }
    plan
}

#[cfg(test)]
mod tests {
    use super::*;

    const ZONE: Tz = chrono_tz::Asia::Shanghai;

    fn at(local: &str) -> DateTime<Utc> {
        local_to_utc(local.parse().unwrap(), ZONE)
    }

    fn ready(id: i64, grade: Grade, target: &str) -> Ready {
        Ready {
            id,
            target: target.into(),
            grade: Some(grade),
            quiet: None,
            was_held: false,
            alone: false,
        }
    }

    fn night(red_breaks: bool) -> Quiet {
        Quiet {
            from: "22:00:00".parse().unwrap(),
            until: "07:30:00".parse().unwrap(),
            red_breaks,
        }
    }

    #[test]
    fn quiet_hours_pass_midnight_and_red_cards_may_break_them() {
        let until = |now: &str, grade| night(true).held_until(Some(grade), ZONE, at(now));
        assert_eq!(until("2026-11-22T21:59:59", Grade::YellowCard), None);
        assert_eq!(
            until("2026-11-22T22:00:00", Grade::YellowCard),
            Some(at("2026-11-23T07:30:00"))
        );
        assert_eq!(
            until("2026-11-23T07:29:59", Grade::YellowCard),
            Some(at("2026-11-23T07:30:00"))
        );
        assert_eq!(until("2026-11-23T07:30:00", Grade::YellowCard), None);
        assert_eq!(until("2026-11-23T01:00:00", Grade::RedCard), None);
        assert!(
            night(false)
                .held_until(Some(Grade::RedCard), ZONE, at("2026-11-23T01:00:00"))
                .is_some()
        );
        let noon = Quiet {
            from: "12:00:00".parse().unwrap(),
            until: "14:00:00".parse().unwrap(),
            red_breaks: true,
        };
        assert_eq!(
            noon.held_until(None, ZONE, at("2026-11-23T13:00:00")),
            Some(at("2026-11-23T14:00:00"))
        );
        assert_eq!(noon.held_until(None, ZONE, at("2026-11-23T14:00:00")), None);
    }

    #[test]
    fn what_the_service_bears_goes_out_one_by_one() {
        let few = (0..20)
            .map(|id| ready(id, Grade::YellowCard, "g"))
            .collect();
        let plan = plan(few, 20, ZONE, at("2026-11-22T10:00:00"));
        assert_eq!(plan.single, (0..20).collect::<Vec<_>>());
        assert!(plan.digests.is_empty());
    }

    #[test]
    fn more_than_that_become_one_digest_and_none_is_lost() {
        let mut many: Vec<Ready> = (0..100).map(|id| ready(id, Grade::Warning, "g")).collect();
        many.extend((100..130).map(|id| ready(id, Grade::RedCard, "g")));
        let plan = plan(many, 20, ZONE, at("2026-11-22T10:00:00"));
        assert_eq!(
            plan.single,
            (100..110).collect::<Vec<_>>(),
            "red cards, for half of what may go"
        );
        assert_eq!(plan.digests.len(), 1);
        assert_eq!(plan.digests[0].len(), 120);
        assert_eq!(plan.digests[0][..3], [110, 111, 112], "the gravest first");
    }

    #[test]
    fn receivers_do_not_share_a_digest_and_wait_when_nothing_may_go() {
        let many = || {
            (0..40)
                .map(|id| ready(id, Grade::YellowCard, if id % 2 == 0 { "a" } else { "b" }))
                .collect::<Vec<_>>()
        };
        let two = plan(many(), 5, ZONE, at("2026-11-22T10:00:00"));
        assert_eq!(
            two.digests.iter().map(Vec::len).collect::<Vec<_>>(),
            [20, 20]
        );
        assert_eq!(
            plan(many(), 1, ZONE, at("2026-11-22T10:00:00"))
                .digests
                .len(),
            1
        );
        assert_eq!(
            plan(many(), 0, ZONE, at("2026-11-22T10:00:00")),
            Plan::default()
        );
    }

    #[test]
    fn what_the_night_held_comes_as_one_in_the_morning() {
        let held = |id| Ready {
            was_held: true,
            quiet: Some(night(true)),
            ..ready(id, Grade::YellowCard, "p")
        };
        let at_night = plan(vec![held(1), held(2)], 20, ZONE, at("2026-11-22T23:00:00"));
        assert_eq!(
            at_night.hold,
            [
                (1, at("2026-11-23T07:30:00")),
                (2, at("2026-11-23T07:30:00"))
            ]
        );
        let morning = plan(
            vec![held(1), held(2), ready(3, Grade::Warning, "q")],
            20,
            ZONE,
            at("2026-11-23T07:30:00"),
        );
        assert_eq!(
            (morning.single, morning.digests),
            (vec![3], vec![vec![1, 2]])
        );
        let one = plan(vec![held(1)], 20, ZONE, at("2026-11-23T07:30:00"));
        assert_eq!(one.single, [1]);
    }
}
