//! What is told late is not backdated where the source needs that long anyway, or we could not hear it (R7).

use chrono::TimeDelta;
use mingjing_alerts::profile::STANDARD;
use mingjing_alerts::rules::Hearing;
use mingjing_alerts::supervisor::Hearings;
use mingjing_monitor::case::CaseFold;
use mingjing_monitor::store::sources::{Outage, Source};

use crate::stage::{Judge, at, events, local, plain};

/// Monday's acceptance was told at once; what happened on Thursday 10:00 only on the Monday after, two workdays later.
const TWO_DAYS_LATE: &str = "
    2018-10-15 10:00 accepted
    2018-10-18 10:00 completed (received 2018-10-22 10:00)
";

/// The R7 cards of a case told by a source that is heard like this, with their sentences.
fn backdated(hearing: Hearing, lines: &str) -> Vec<String> {
    let judge = Judge {
        hearing,
        ..Judge::new(STANDARD, plain())
    };
    let fold = CaseFold::fold("1", &events(lines));
    let found = judge.look(&fold, at("2018-11-30 00:00")).anomalies;
    let r7 = found.into_iter().filter(|it| it.rule.as_str() == "R7");
    r7.map(|it| format!("{} {}", local(it.due_at), it.sentence.en))
        .collect()
}

fn lag(hours: i64) -> Hearing {
    Hearing {
        lag: TimeDelta::hours(hours),
        ..Hearing::default()
    }
}

fn away(spans: &[(&str, &str)]) -> Hearing {
    Hearing {
        away: spans.iter().map(|(from, to)| (at(from), at(to))).collect(),
        ..Hearing::default()
    }
}

#[test]
fn what_a_source_needs_anyway_is_not_backdated() {
    assert_eq!(backdated(lag(0), TWO_DAYS_LATE).len(), 1);
    // A source that delivers by the night delivers after at most three days and a weekend.
    assert_eq!(backdated(lag(72), TWO_DAYS_LATE), [""; 0]);
    assert_eq!(
        backdated(lag(1), TWO_DAYS_LATE),
        [
            "2018-10-22 10:00 The decision is dated 2018-10-18 10:00 and was received 2018-10-22 10:00: up to 2 workdays late \
          beyond the source's declared lag of 1 h, 1 allowed"
        ],
        "an hour is no excuse for two days"
    );
    let hourly = "
        2018-10-15 10:00 accepted (received 2018-10-15 11:00)
        2018-10-18 17:20 completed (received 2018-10-19 18:15)
    ";
    assert_eq!(backdated(lag(1), hourly), [""; 0], "a workday and its lag");
    assert_eq!(backdated(lag(0), hourly).len(), 1);
}

#[test]
fn what_we_could_not_hear_is_not_backdated() {
    let there = |spans| backdated(away(spans), TWO_DAYS_LATE);
    assert_eq!(there(&[("2018-10-18 00:00", "2018-10-20 00:00")]), [""; 0]);
    assert_eq!(
        there(&[("2018-10-20 00:00", "2018-10-22 00:00")]).len(),
        1,
        "away over the weekend delayed nothing"
    );
    assert_eq!(
        there(&[("2018-10-10 00:00", "2018-10-18 09:00")]).len(),
        1,
        "nor did what was over before it happened"
    );
}

#[test]
fn outages_are_those_of_the_source_or_of_everybody() {
    let outage = |what: &str, subject: &str, since: &str, until: Option<&str>| Outage {
        what: what.into(),
        subject: subject.into(),
        since: at(since),
        until: until.map(at),
    };
    let sources = [Source::new("//a"), Source::new("//b")];
    let now = at("2018-10-25 10:00");
    let all = Hearings::new(
        &sources,
        &[
            outage("console", "", "2018-10-15 00:00", Some("2018-10-16 00:00")),
            outage(
                "source",
                "//a",
                "2018-10-15 12:00",
                Some("2018-10-17 00:00"),
            ),
            outage("edge", "town", "2018-10-18 00:00", Some("2018-10-19 00:00")),
            outage("edge", "local", "2018-10-24 10:00", None),
        ],
        now,
    );
    let spans = |source: &str| -> Vec<String> {
        let away = &all.of(source).away;
        let text = away
            .iter()
            .map(|(from, to)| format!("{} to {}", local(*from), local(*to)));
        text.collect()
    };
    let open = "2018-10-24 10:00 to 2018-10-25 10:00";
    assert_eq!(spans("//a"), ["2018-10-15 00:00 to 2018-10-17 00:00", open]);
    for other in ["//b", "//not declared"] {
        assert_eq!(spans(other), ["2018-10-15 00:00 to 2018-10-16 00:00", open]);
    }
}
