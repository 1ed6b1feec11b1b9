//! R9, in a table: what cameras see of a window and what was entered about it, and what the rule finds.
//!
//! The hall of the table opens on workdays from 9:00 to 17:30 and on Saturdays from 9:30 to 12:00. 2018-10-15 is a Monday.

use std::fmt::Write;

use chrono::{DateTime, TimeDelta, Utc};
use mingjing_alerts::profile::{Profile, STANDARD, Subject};
use mingjing_alerts::rules::watched::{Episode, Hold, Setting, Thing, Trouble, evaluate};
use mingjing_alerts::rules::{Anomaly, Evaluation};
use mingjing_monitor::calendar::{Calendar, OpeningHours};
use mingjing_monitor::presence::{Entry, Kind};
use proptest::prelude::*;

use crate::stage::{at, local};

struct Example {
    name: &'static str,
    profile: &'static str,
    /// From when nobody sits there, until when if that is over; in between, when no camera could say.
    empty: &'static str,
    /// What was entered, a line each: `paused 2018-10-15 10:00 10:20`, with `(entered 10:10)` where that was later; `leave` or
    /// `leave approved`.
    entered: &'static str,
    /// Yellow cards that were confirmed in the month; `own` for the one of this very absence.
    confirmed: &'static [&'static str],
    now: &'static str,
    /// `grade due`, then the sentence in Chinese and in English.
    found: &'static [[&'static str; 3]],
}

const TABLE: &[Example] = &[
    Example {
        name: "somebody is back within ten minutes",
        profile: STANDARD,
        empty: "2018-10-15 10:00 - 2018-10-15 10:09",
        entered: "",
        confirmed: &[],
        now: "2018-10-16 09:00",
        found: &[],
    },
    Example {
        name: "ten minutes: a notice, which is over when somebody is back",
        profile: STANDARD,
        empty: "2018-10-15 10:00 - 2018-10-15 10:25",
        entered: "",
        confirmed: &[],
        now: "2018-10-16 09:00",
        found: &[[
            "notice cleared 2018-10-15 10:10",
            "三号窗口自 2018-10-15 10:00 起空岗，未挂暂停牌、无批准的请假，开放时间内已超过 10 分钟",
            "三号窗口 has been empty since 2018-10-15 10:00 without a paused sign or approved leave, for over 10 minutes of opening hours",
        ]],
    },
    Example {
        name: "thirty minutes: yellow",
        profile: STANDARD,
        empty: "2018-10-15 10:00",
        entered: "",
        confirmed: &[],
        now: "2018-10-15 11:00",
        found: &[
            [
                "notice cleared 2018-10-15 10:10",
                "三号窗口自 2018-10-15 10:00 起空岗，未挂暂停牌、无批准的请假，开放时间内已超过 10 分钟",
                "三号窗口 has been empty since 2018-10-15 10:00 without a paused sign or approved leave, for over 10 minutes of opening hours",
            ],
            [
                "yellow_card 2018-10-15 10:30",
                "三号窗口自 2018-10-15 10:00 起空岗，未挂暂停牌、无批准的请假，开放时间内已超过 30 分钟",
                "三号窗口 has been empty since 2018-10-15 10:00 without a paused sign or approved leave, for over 30 minutes of opening hours",
            ],
        ],
    },
    Example {
        name: "the sign is out for as long as it may be: half an hour of the day does not count",
        profile: STANDARD,
        empty: "2018-10-15 10:00 - 2018-10-15 11:30",
        entered: "paused 2018-10-15 10:00 11:30",
        confirmed: &[],
        now: "2018-10-16 09:00",
        found: &[
            [
                "notice cleared 2018-10-15 10:40",
                "三号窗口自 2018-10-15 10:00 起空岗，未挂暂停牌、无批准的请假，开放时间内已超过 10 分钟，已扣除暂停、请假 30 分钟",
                "三号窗口 has been empty since 2018-10-15 10:00 without a paused sign or approved leave, for over 10 minutes of opening hours, 30 minutes of pauses and leave not counted",
            ],
            [
                "yellow_card 2018-10-15 11:00",
                "三号窗口自 2018-10-15 10:00 起空岗，未挂暂停牌、无批准的请假，开放时间内已超过 30 分钟，已扣除暂停、请假 30 分钟",
                "三号窗口 has been empty since 2018-10-15 10:00 without a paused sign or approved leave, for over 30 minutes of opening hours, 30 minutes of pauses and leave not counted",
            ],
        ],
    },
    Example {
        name: "a pause of the morning leaves less for the afternoon",
        profile: STANDARD,
        empty: "2018-10-15 14:00 - 2018-10-15 14:25",
        entered: "paused 2018-10-15 09:30 09:50\npaused 2018-10-15 14:00 14:30",
        confirmed: &[],
        now: "2018-10-16 09:00",
        found: &[[
            "notice cleared 2018-10-15 14:20",
            "三号窗口自 2018-10-15 14:00 起空岗，未挂暂停牌、无批准的请假，开放时间内已超过 10 分钟，已扣除暂停、请假 10 分钟",
            "三号窗口 has been empty since 2018-10-15 14:00 without a paused sign or approved leave, for over 10 minutes of opening hours, 10 minutes of pauses and leave not counted",
        ]],
    },
    Example {
        name: "a pause entered after it began excuses from its entry",
        profile: STANDARD,
        empty: "2018-10-15 10:00 - 2018-10-15 10:30",
        entered: "paused 2018-10-15 10:00 10:30 (entered 10:12)",
        confirmed: &[],
        now: "2018-10-16 09:00",
        found: &[[
            "notice cleared 2018-10-15 10:10",
            "三号窗口自 2018-10-15 10:00 起空岗，未挂暂停牌、无批准的请假，开放时间内已超过 10 分钟",
            "三号窗口 has been empty since 2018-10-15 10:00 without a paused sign or approved leave, for over 10 minutes of opening hours",
        ]],
    },
    Example {
        name: "approved leave excuses whole",
        profile: STANDARD,
        empty: "2018-10-15 10:00 - 2018-10-15 16:00",
        entered: "leave approved 2018-10-15 10:00 16:00",
        confirmed: &[],
        now: "2018-10-16 09:00",
        found: &[],
    },
    Example {
        name: "leave that nobody approved excuses nothing",
        profile: "[R9]\nnotice_minutes = 600",
        empty: "2018-10-15 10:00 - 2018-10-15 12:00",
        entered: "leave 2018-10-15 10:00 16:00",
        confirmed: &[],
        now: "2018-10-16 09:00",
        found: &[[
            "yellow_card 2018-10-15 10:30",
            "三号窗口自 2018-10-15 10:00 起空岗，未挂暂停牌、无批准的请假，开放时间内已超过 30 分钟",
            "三号窗口 has been empty since 2018-10-15 10:00 without a paused sign or approved leave, for over 30 minutes of opening hours",
        ]],
    },
    Example {
        name: "what no camera could see does not count",
        profile: STANDARD,
        empty: "2018-10-15 10:00 - 2018-10-15 10:50 unseen 10:05 10:44",
        entered: "",
        confirmed: &[],
        now: "2018-10-16 09:00",
        found: &[[
            "notice cleared 2018-10-15 10:49",
            "三号窗口自 2018-10-15 10:00 起空岗，未挂暂停牌、无批准的请假，开放时间内已超过 10 分钟",
            "三号窗口 has been empty since 2018-10-15 10:00 without a paused sign or approved leave, for over 10 minutes of opening hours",
        ]],
    },
    Example {
        name: "a Saturday that the hall is open counts; the lunch after it does not",
        profile: "[R9]\nnotice_minutes = 600",
        empty: "2018-10-20 11:40 - 2018-10-22 09:05",
        entered: "",
        confirmed: &[],
        now: "2018-10-22 10:00",
        found: &[],
    },
    Example {
        name: "Saturday's twenty minutes and Monday's ten",
        profile: "[R9]\nnotice_minutes = 600",
        empty: "2018-10-20 11:40 - 2018-10-22 09:30",
        entered: "",
        confirmed: &[],
        now: "2018-10-22 10:00",
        found: &[[
            "yellow_card 2018-10-22 09:10",
            "三号窗口自 2018-10-20 11:40 起空岗，未挂暂停牌、无批准的请假，开放时间内已超过 30 分钟",
            "三号窗口 has been empty since 2018-10-20 11:40 without a paused sign or approved leave, for over 30 minutes of opening hours",
        ]],
    },
    Example {
        name: "the third that was confirmed in the month is red; the one of September is another month's",
        profile: "[R9]\nnotice_minutes = 600",
        empty: "2018-10-15 10:00 - 2018-10-15 10:40",
        entered: "",
        confirmed: &[
            "2018-09-28 10:30",
            "2018-10-08 10:30",
            "2018-10-09 10:30",
            "own",
        ],
        now: "2018-10-16 09:00",
        found: &[
            [
                "yellow_card 2018-10-15 10:30",
                "三号窗口自 2018-10-15 10:00 起空岗，未挂暂停牌、无批准的请假，开放时间内已超过 30 分钟",
                "三号窗口 has been empty since 2018-10-15 10:00 without a paused sign or approved leave, for over 30 minutes of opening hours",
            ],
            [
                "red_card 2018-10-15 10:30",
                "三号窗口自 2018-10-15 10:00 起空岗，未挂暂停牌、无批准的请假，开放时间内已超过 30 分钟；2018 年 10 月第 3 次经核实的空岗黄牌，自第 3 次起为红牌",
                "三号窗口 has been empty since 2018-10-15 10:00 without a paused sign or approved leave, for over 30 minutes of opening hours; confirmed yellow card 3 of 2018-10, red from number 3 on",
            ],
        ],
    },
    Example {
        name: "while its own card waits for a person, nothing is red",
        profile: "[R9]\nnotice_minutes = 600",
        empty: "2018-10-15 10:00 - 2018-10-15 10:40",
        entered: "",
        confirmed: &["2018-10-08 10:30", "2018-10-09 10:30"],
        now: "2018-10-16 09:00",
        found: &[[
            "yellow_card 2018-10-15 10:30",
            "三号窗口自 2018-10-15 10:00 起空岗，未挂暂停牌、无批准的请假，开放时间内已超过 30 分钟",
            "三号窗口 has been empty since 2018-10-15 10:00 without a paused sign or approved leave, for over 30 minutes of opening hours",
        ]],
    },
    Example {
        name: "a village has its own minutes, and the rule can be off",
        profile: "[[scope]]\nhall = 'C'\nR9 = { on = false }",
        empty: "2018-10-15 10:00",
        entered: "",
        confirmed: &[],
        now: "2018-10-15 17:00",
        found: &[],
    },
];

/// `10:20` of the day of `day`, or a whole instant.
fn on(day: &str, text: &str) -> DateTime<Utc> {
    match text.len() {
        5 => at(&format!("{} {text}", &day[..10])),
        _ => at(text),
    }
}

fn episode(text: &str) -> Episode {
    let (span, unseen) = text.split_once(" unseen ").unwrap_or((text, ""));
    let (since, until) = match span.split_once(" - ") {
        Some((since, until)) => (since, Some(at(until))),
        None => (span, None),
    };
    let unseen = unseen.split_once(' ').map(|(from, until)| Hold {
        from: on(since, from),
        until: Some(on(since, until)),
    });
    Episode {
        thing: Thing::Window,
        subject: "C/3".into(),
        name: "三号窗口".into(),
        hall: "C".into(),
        unit: Some("U1".into()),
        trouble: Trouble::Empty,
        since: at(since),
        until,
        cameras: 0,
        unseen: unseen.into_iter().collect(),
    }
}

fn entries(text: &str) -> Vec<Entry> {
    text.lines().map(entry).collect()
}

fn entry(line: &str) -> Entry {
    let (line, entered) = match line.split_once(" (entered ") {
        Some((line, entered)) => (line, Some(entered.trim_end_matches(')'))),
        None => (line, None),
    };
    let (kind, rest) = line.split_once(' ').expect(line);
    let (approved, rest) = match rest.strip_prefix("approved ") {
        Some(rest) => (true, rest),
        None => (false, rest),
    };
    let (starts, ends) = rest.split_at(16);
    Entry {
        kind: Kind::parse(kind).expect(line),
        starts: at(starts),
        ends: Some(on(starts, ends.trim())),
        entered: entered.map_or(at(starts), |entered| on(starts, entered)),
        approved,
    }
}

fn hours() -> OpeningHours {
    serde_json::from_str(
        r#"{"1":["09:00","17:30"],"2":["09:00","17:30"],"3":["09:00","17:30"],"4":["09:00","17:30"],"5":["09:00","17:30"],
            "6":["09:30","12:00"]}"#,
    )
    .unwrap()
}

fn look(
    profile: &str,
    episode: &Episode,
    absences: &[Entry],
    confirmed: &[&str],
    now: DateTime<Utc>,
) -> Evaluation {
    let calendar = Calendar::default();
    let profile = Profile::parse(profile, 1).unwrap();
    let rules = profile.rules(&Subject {
        level: None,
        hall: "C",
        unit: "U1",
        item: "",
    });
    let confirmed: Vec<(String, DateTime<Utc>)> = confirmed
        .iter()
        .map(|one| match *one {
            "own" => (episode.cause(), episode.since + TimeDelta::minutes(30)),
            other => (format!("R9:window:C/3:{other}"), at(other)),
        })
        .collect();
    let setting = Setting {
        holds: Vec::new(),
        opening: hours(),
        absences,
        confirmed: &confirmed,
    };
    evaluate(episode, &setting, &rules, &calendar, now)
}

#[test]
fn the_examples_of_presence_come_out_as_they_are_written() {
    let mut wrong = String::new();
    for example in TABLE {
        let (episode, absences) = (episode(example.empty), entries(example.entered));
        let seen = |now| look(example.profile, &episode, &absences, example.confirmed, now);
        let found = seen(at(example.now)).anomalies;
        for anomaly in &found {
            assert_eq!(anomaly.bearer.window.as_deref(), Some("3"));
            assert_eq!(anomaly.bearer.unit.as_deref(), Some("U1"));
            let yellow = anomaly.grade.as_str() == "yellow_card";
            assert_eq!(anomaly.awaits_person(), yellow, "{}", example.name);
        }
        let lines: Vec<[String; 3]> = found.into_iter().map(line).collect();
        if lines != example.found {
            writeln!(wrong, "{}: {lines:#?}", example.name).unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

fn line(anomaly: Anomaly) -> [String; 3] {
    let cleared = anomaly.cleared_at.map_or("", |_| " cleared");
    let head = format!(
        "{}{cleared} {}",
        anomaly.grade.as_str(),
        local(anomaly.due_at)
    );
    [head, anomaly.sentence.zh, anomaly.sentence.en]
}

fn any_entries() -> impl Strategy<Value = Vec<Entry>> {
    let one = (0i64..600, 1i64..120, 0i64..60, any::<bool>(), any::<bool>());
    prop::collection::vec(one, 0..6).prop_map(|all| {
        let morning = at("2018-10-15 08:30");
        all.into_iter()
            .map(|(starts, lasts, late, leave, approved)| {
                let starts = morning + TimeDelta::minutes(starts);
                Entry {
                    kind: if leave { Kind::Leave } else { Kind::Paused },
                    starts,
                    ends: Some(starts + TimeDelta::minutes(lasts)),
                    entered: starts + TimeDelta::minutes(late),
                    approved: leave && approved,
                }
            })
            .collect()
    })
}

proptest! {
    /// Between two instants at which there is something to look at, nothing changes; an absence never makes a card earlier.
    #[test]
    fn nothing_is_found_but_when_it_was_to_be_looked_for(entries in any_entries(), begins in 0i64..500, lasts in 1i64..300) {
        let since = at("2018-10-15 08:30") + TimeDelta::minutes(begins);
        let mut episode = episode("2018-10-15 08:30");
        episode.since = since;
        episode.until = Some(since + TimeDelta::minutes(lasts));
        let grades = |absences: &[Entry], now| -> Vec<(String, DateTime<Utc>)> {
            let found = look(STANDARD, &episode, absences, &[], now).anomalies;
            found.into_iter().map(|one| (one.grade.as_str().to_owned(), one.due_at)).collect()
        };
        let end = since + TimeDelta::minutes(lasts + 10);
        let mut now = since;
        while now < end {
            let next = look(STANDARD, &episode, &entries, &[], now).next_instant.unwrap_or(end).min(end);
            prop_assert!(next > now);
            let before = next - TimeDelta::microseconds(1);
            prop_assert_eq!(grades(&entries, now), grades(&entries, before));
            now = next;
        }
        let (with, without) = (grades(&entries, end), grades(&[], end));
        for (grade, due) in &with {
            let plain = without.iter().find(|(other, _)| other == grade);
            prop_assert!(plain.is_some_and(|(_, plain)| plain <= due), "{grade}");
        }
    }
}
