//! Worked examples of the rules that are not about one case: R7 (silence), R8, R10, R14.

use chrono::{DateTime, NaiveDate, Utc};
use mingjing_alerts::card::Grade;
use mingjing_alerts::profile::{Profile, RuleSet, Subject};
use mingjing_alerts::rules::r8::UnitMonth;
use mingjing_alerts::rules::watched::{Episode, Hold, Setting, Thing, Trouble};
use mingjing_alerts::rules::{Evaluation, r8, r10, watched};
use mingjing_monitor::calendar::Calendar;
use mingjing_monitor::complaint::ComplaintFold;
use mingjing_monitor::event::CaseEvent;
use serde_json::{Value, json};

use crate::common::{at, local};

fn standard() -> RuleSet {
    RuleSet::default()
}

fn rules(text: &str) -> RuleSet {
    let anywhere = Subject {
        level: None,
        hall: "",
        unit: "",
        item: "",
    };
    RuleSet::clone(&Profile::parse(text, 1).unwrap().rules(&anywhere))
}

/// `grade due [cleared]` of each anomaly, then the next instant.
fn show(found: &Evaluation) -> Vec<String> {
    let line = |anomaly: &mingjing_alerts::rules::Anomaly| {
        let cleared = anomaly.cleared_at.map_or(String::new(), |cleared| {
            format!(" cleared {}", seconds(cleared))
        });
        format!(
            "{} {}{cleared}",
            anomaly.grade.as_str(),
            seconds(anomaly.due_at)
        )
    };
    let mut lines: Vec<String> = found.anomalies.iter().map(line).collect();
    lines.push(format!(
        "next {}",
        found.next_instant.map_or("-".into(), seconds)
    ));
    lines
}

fn seconds(at: DateTime<Utc>) -> String {
    at.with_timezone(&chrono_tz::Asia::Shanghai)
        .format("%m-%d %H:%M:%S")
        .to_string()
}

fn complaint(events: &[(&str, &str, Value)], now: &str) -> Evaluation {
    let event = |(kind, time, data): &(&str, &str, Value)| {
        let mut fields = json!({"hall": "C", "unit": "U1"});
        fields
            .as_object_mut()
            .unwrap()
            .extend(data.as_object().unwrap().clone());
        let event = json!({"specversion": "1.0", "id": format!("{kind} {time}"), "source": "//12345", "subject": "TS-1",
            "type": format!("complaint.{kind}"), "time": at(time), "data": fields});
        CaseEvent::from_cloudevent(&event, at(time), chrono_tz::Asia::Shanghai).unwrap()
    };
    let events: Vec<CaseEvent> = events.iter().map(event).collect();
    let fold = ComplaintFold::fold("TS-1", &events);
    r10::evaluate(&fold, &standard(), &Calendar::default(), at(now))
}

#[test]
fn r10_a_complaint_is_accepted_in_3_workdays_and_answered_in_10() {
    let received = ("received", "2018-10-15 10:00", json!({"case": "17"}));
    let accepted = ("accepted", "2018-10-19 09:00", json!({}));
    let before = complaint(std::slice::from_ref(&received), "2018-10-17 09:00");
    assert_eq!(show(&before), ["next 10-18 09:51:00"]);
    let near = complaint(std::slice::from_ref(&received), "2018-10-18 10:00");
    assert_eq!(
        show(&near),
        ["warning 10-18 09:51:00", "next 10-18 17:30:00"]
    );
    assert_eq!(
        near.anomalies[0].sentence.zh,
        "投诉受理时限 3 个工作日即将届满，剩余 0.9 个工作日，应于 2018-10-18 17:30 前受理"
    );
    let late = complaint(&[received.clone(), accepted.clone()], "2018-10-19 09:00");
    assert_eq!(
        show(&late),
        [
            "warning 10-18 09:51:00 cleared 10-18 17:30:00",
            "yellow_card 10-18 17:30:00",
            "next 10-31 17:30:00"
        ]
    );
    assert_eq!(
        late.anomalies[1].sentence.en,
        "Complaint: over the limit of 3 workdays to be accepted, due 2018-10-18 17:30, accepted 2018-10-19 09:00"
    );
    assert_eq!(late.anomalies[1].facts["case"], "17");
    let unanswered = complaint(&[received.clone(), accepted.clone()], "2018-11-02 17:31");
    assert_eq!(
        show(&unanswered)[2..],
        [
            "warning 10-31 17:30:00 cleared 11-02 17:30:00",
            "yellow_card 11-02 17:30:00",
            "next -"
        ]
    );
    let extended = ("extended", "2018-11-01 09:00", json!({"days": 30}));
    let longer = complaint(&[received, accepted, extended], "2018-11-02 17:31");
    assert_eq!(show(&longer)[2..], ["next 11-14 17:30:00"]);
}

#[test]
fn r10_consultations_have_the_same_clocks_and_are_called_so() {
    let asked = (
        "received",
        "2018-10-15 10:00",
        json!({"kind": "consultation"}),
    );
    let found = complaint(&[asked], "2018-10-19 09:00");
    assert!(
        found.anomalies[1]
            .sentence
            .zh
            .starts_with("咨询超过受理时限 3 个工作日")
    );
}

fn camera(since: &str, until: Option<&str>) -> Episode {
    Episode {
        thing: Thing::Camera,
        subject: "C-3".into(),
        name: "三号窗口".into(),
        hall: "C".into(),
        unit: None,
        trouble: Trouble::Offline,
        since: at(since),
        until: until.map(at),
        cameras: 0,
        unseen: Vec::new(),
    }
}

fn watch(episode: &Episode, holds: &[(&str, Option<&str>)], now: &str) -> Evaluation {
    let hold = |(from, until): &(&str, Option<&str>)| Hold {
        from: at(from),
        until: until.map(at),
    };
    let setting = Setting {
        holds: holds.iter().map(hold).collect(),
        ..Setting::default()
    };
    watched::evaluate(
        episode,
        &setting,
        &standard(),
        &Calendar::default(),
        at(now),
    )
}

#[test]
fn r14_a_camera_is_noticed_after_60_seconds_and_yellow_after_30_minutes() {
    // A Thursday, 10:00.
    let away = camera("2026-11-12 10:00", None);
    assert_eq!(
        show(&watch(&away, &[], "2026-11-12 10:00:30")),
        ["next 11-12 10:01:00"]
    );
    let noticed = watch(&away, &[], "2026-11-12 10:02");
    assert_eq!(
        show(&noticed),
        ["notice 11-12 10:01:00", "next 11-12 10:30:00"]
    );
    let yellow = watch(&away, &[], "2026-11-12 10:30");
    assert_eq!(
        show(&yellow),
        [
            "notice 11-12 10:01:00 cleared 11-12 10:30:00",
            "yellow_card 11-12 10:30:00",
            "next -"
        ]
    );
    assert_eq!(
        yellow.anomalies[1].sentence.zh,
        "摄像机「三号窗口」离线，自 2026-11-12 10:00 起，开放时间内已超过 30 分钟"
    );
    assert_eq!(yellow.anomalies[1].facts["answers"], "operator");
    // Back after ten minutes: the notice clears by itself.
    let back = camera("2026-11-12 10:00", Some("2026-11-12 10:10"));
    assert_eq!(
        show(&watch(&back, &[], "2026-11-12 11:00")),
        ["notice 11-12 10:01:00 cleared 11-12 10:10:00", "next -"]
    );
    // Back in time: nothing.
    let blink = camera("2026-11-12 10:00", Some("2026-11-12 10:00:59"));
    assert_eq!(show(&watch(&blink, &[], "2026-11-12 11:00")), ["next -"]);
}

#[test]
fn r14_counts_opening_hours_alone() {
    // Ten minutes before closing on Friday: the rest counts on Monday from nine.
    let friday = camera("2026-11-13 17:20", None);
    let found = watch(&friday, &[], "2026-11-16 09:25");
    assert_eq!(
        show(&found),
        [
            "notice 11-13 17:21:00 cleared 11-16 09:20:00",
            "yellow_card 11-16 09:20:00",
            "next -"
        ]
    );
    // The national holiday is no opening day, the Saturday worked for it is one (2026-10-10).
    let holiday = camera("2026-09-30 18:00", None);
    assert_eq!(
        show(&watch(&holiday, &[], "2026-10-05 12:00")),
        ["next 10-08 09:01:00"]
    );
    let worked = camera("2026-10-09 18:00", None);
    assert_eq!(
        show(&watch(&worked, &[], "2026-10-09 19:00")),
        ["next 10-10 09:01:00"]
    );
}

#[test]
fn r14_what_is_held_back_counts_on_when_it_is_released() {
    let away = camera("2026-11-12 10:00", None);
    // Held back by a parent of which nobody knows when it ends: nothing, and nothing to wait for.
    let held = watch(&away, &[("2026-11-12 10:00", None)], "2026-11-12 12:00");
    assert_eq!(show(&held), ["next -"]);
    // Released at noon, it counts from then.
    let released = [("2026-11-12 10:00", Some("2026-11-12 12:00"))];
    assert_eq!(
        show(&watch(&away, &released, "2026-11-12 12:00")),
        ["next 11-12 12:01:00"]
    );
    // A hold in the middle stops the count: 20 minutes before it and ten after.
    let middle = [("2026-11-12 10:20", Some("2026-11-12 11:00"))];
    assert_eq!(
        show(&watch(&away, &middle, "2026-11-12 12:00")),
        [
            "notice 11-12 10:01:00 cleared 11-12 11:10:00",
            "yellow_card 11-12 11:10:00",
            "next -"
        ]
    );
    // It came back while it was held back: dropped.
    let dropped = camera("2026-11-12 10:00", Some("2026-11-12 11:30"));
    assert_eq!(
        show(&watch(&dropped, &released, "2026-11-12 12:30")),
        ["next -"]
    );
}

#[test]
fn r14_a_hall_whose_network_is_down_gives_one_sentence_for_all_its_cameras() {
    let hall = Episode {
        thing: Thing::Hall,
        subject: "T1".into(),
        name: "城关镇政务服务中心".into(),
        cameras: 9,
        ..camera("2026-11-12 10:00", None)
    };
    let found = watch(&hall, &[], "2026-11-12 10:30");
    assert_eq!(
        found.anomalies[1].sentence.zh,
        "城关镇政务服务中心网络中断，9 路摄像机全部离线，自 2026-11-12 10:00 起，开放时间内已超过 30 分钟"
    );
    assert_eq!(found.anomalies[1].facts["cameras"], 9);
}

#[test]
fn r7_a_silent_source_is_a_data_anomaly_until_it_is_heard_again() {
    let silent = |until: Option<&str>| Episode {
        thing: Thing::Source,
        subject: "//approval.county".into(),
        name: "审批系统".into(),
        trouble: Trouble::Silent,
        ..camera("2026-11-14 22:00", until)
    };
    // No opening hours for a source: a Saturday night counts.
    let found = watch(&silent(None), &[], "2026-11-15 09:00");
    assert_eq!(show(&found), ["notice 11-14 22:00:00", "next -"]);
    assert_eq!(
        found.anomalies[0].sentence.zh,
        "数据源「审批系统」自 2026-11-14 22:00 起失联：超过平常延迟 24 小时无心跳、无数据，相关大厅状态未知"
    );
    let heard = watch(&silent(Some("2026-11-15 08:00")), &[], "2026-11-15 09:00");
    assert_eq!(
        show(&heard),
        ["notice 11-14 22:00:00 cleared 11-15 08:00:00", "next -"]
    );
    // Under maintenance until eight: it is told then, if it is silent still.
    let planned = [("2026-11-14 20:00", Some("2026-11-15 08:00"))];
    assert_eq!(
        show(&watch(&silent(None), &planned, "2026-11-15 07:00")),
        ["next 11-15 08:00:00"]
    );
    assert_eq!(
        show(&watch(&silent(None), &planned, "2026-11-15 08:00")),
        ["notice 11-15 08:00:00", "next -"]
    );
}

#[test]
fn r8_over_a_tenth_of_a_units_cases_of_a_month_is_a_notice() {
    let month = NaiveDate::from_ymd_opt(2026, 10, 1).unwrap();
    let unit = |accepted, touched| UnitMonth {
        hall: "C".into(),
        unit: "U1".into(),
        accepted,
        voided: touched,
        returned: 0,
        withdrawn: 0,
        suspended: 0,
        touched,
    };
    let ended = at("2026-11-01 00:00");
    let find = |of: &UnitMonth, rules: &RuleSet| r8::evaluate(of, month, ended, rules);
    assert_eq!(
        find(&unit(20, 2), &standard()),
        None,
        "ten per cent is not over it"
    );
    assert_eq!(find(&unit(9, 9), &standard()), None, "too few to say");
    let found = find(&unit(20, 3), &standard()).unwrap();
    assert_eq!(
        (found.grade, local(found.due_at).as_str()),
        (Grade::Notice, "2026-11-01 00:00")
    );
    assert_eq!(
        found.sentence.zh,
        "2026 年 10 月受理 20 件，其中 3 件作废、退件、撤件或中止（15%），超过 10%：作废 3、退件 0、撤件 0、中止 0"
    );
    assert_eq!(find(&unit(20, 3), &rules("[R8]\nshare = 0.2")), None);
    assert_eq!(find(&unit(20, 20), &rules("[R8]\non = false")), None);
}
