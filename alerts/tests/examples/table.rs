//! The table: for each rule one or more cases, with the instants, grades and sentences that they give rise to.
//!
//! 2018-10-15 is a Monday; there are no holidays in the weeks after it. Offices close at 17:30.

use std::fmt::Write;

use mingjing_alerts::profile::STANDARD;
use mingjing_alerts::rules::Anomaly;
use mingjing_monitor::case::CaseFold;
use mingjing_monitor::item::ItemVersion;

use crate::stage::{Judge, at, events, item, local, plain};

struct Example {
    name: &'static str,
    profile: &'static str,
    item: fn() -> ItemVersion,
    /// What happens, and until when it is looked at.
    events: &'static str,
    until: &'static str,
    /// `rule grade due`, then the sentence in Chinese and in English.
    found: &'static [[&'static str; 3]],
}

/// A whole case in order: nothing is wrong with it.
const IN_ORDER: &str = r#"
    2018-10-15 09:30 applied {"channel":"web"}
    2018-10-15 10:00 accepted
    2018-10-15 10:30 fee {"charged":20,"standard":20}
    2018-10-15 11:00 step_started {"step":"review"}
    2018-10-16 11:00 step_finished {"step":"review"}
    2018-10-16 14:00 step_started {"step":"survey","offline":true}
    2018-10-17 11:00 step_finished {"step":"survey"}
    2018-10-18 10:00 step_started {"step":"decision","role":"approver"}
    2018-10-18 15:00 step_finished {"step":"decision","role":"approver"}
    2018-10-18 16:00 completed {"result":"准予"}
    2018-10-19 10:00 delivered
    2018-10-19 11:00 rated {"grade":"very_satisfied"}
"#;

const TABLE: &[Example] = &[
    Example {
        name: "a case in order",
        profile: STANDARD,
        item,
        events: IN_ORDER,
        until: "2018-12-31 00:00",
        found: &[],
    },
    // R1, R2: the clock of domain.md section 3, and the variants of other counties.
    Example {
        name: "R1, R2: near, over the promise, over the law",
        profile: STANDARD,
        item: plain,
        events: "2018-10-15 10:00 accepted",
        until: "2018-11-30 00:00",
        found: &[
            [
                "R1 warning cleared 2018-10-22 17:30",
                "承诺时限 7 个工作日即将届满，剩余 2 个工作日，应于 2018-10-24 17:30 前办结",
                "The promised limit of 7 workdays runs out soon: 2 workdays left, due 2018-10-24 17:30",
            ],
            [
                "R2 yellow_card 2018-10-24 17:30",
                "办件超过承诺时限 7 个工作日，应于 2018-10-24 17:30 前办结",
                "Over the promised limit of 7 workdays, due 2018-10-24 17:30",
            ],
            [
                "R2 red_card 2018-10-29 17:30",
                "办件超过法定时限 10 个工作日，应于 2018-10-29 17:30 前办结",
                "Over the legal limit of 10 workdays, due 2018-10-29 17:30",
            ],
        ],
    },
    Example {
        name: "R1, R2: by the second",
        profile: "[clock]\nmode = 'second'",
        item: plain,
        events: "2018-10-15 10:00 accepted",
        until: "2018-11-30 00:00",
        found: &[
            [
                "R1 warning cleared 2018-10-22 10:00",
                "承诺时限 7 个工作日即将届满，剩余 2 个工作日，应于 2018-10-24 10:00 前办结",
                "The promised limit of 7 workdays runs out soon: 2 workdays left, due 2018-10-24 10:00",
            ],
            [
                "R2 yellow_card 2018-10-24 10:00",
                "办件超过承诺时限 7 个工作日，应于 2018-10-24 10:00 前办结",
                "Over the promised limit of 7 workdays, due 2018-10-24 10:00",
            ],
            [
                "R2 red_card 2018-10-29 10:00",
                "办件超过法定时限 10 个工作日，应于 2018-10-29 10:00 前办结",
                "Over the legal limit of 10 workdays, due 2018-10-29 10:00",
            ],
        ],
    },
    Example {
        name: "R1: one workday before",
        profile: include_str!("../../../deploy/profiles/warning-1wd.toml"),
        item: plain,
        events: "2018-10-15 10:00 accepted",
        until: "2018-10-24 12:00",
        found: &[[
            "R1 warning 2018-10-23 17:30",
            "承诺时限 7 个工作日即将届满，剩余 1 个工作日，应于 2018-10-24 17:30 前办结",
            "The promised limit of 7 workdays runs out soon: 1 workday left, due 2018-10-24 17:30",
        ]],
    },
    Example {
        name: "R2: yellow at 90 % of the promise, red past it",
        profile: include_str!("../../../deploy/profiles/promise-90-percent.toml"),
        item: plain,
        events: "2018-10-15 10:00 accepted\n2018-10-25 09:00 completed",
        until: "2018-10-31 00:00",
        found: &[
            [
                "R1 warning cleared 2018-10-22 17:30",
                "承诺时限 7 个工作日即将届满，剩余 2 个工作日，应于 2018-10-24 17:30 前办结",
                "The promised limit of 7 workdays runs out soon: 2 workdays left, due 2018-10-24 17:30",
            ],
            [
                "R2 yellow_card 2018-10-24 11:33",
                "办件已用去承诺时限 7 个工作日的 90%，应于 2018-10-24 17:30 前办结，实际 2018-10-25 09:00 办结",
                "90% of the promised limit of 7 workdays is used, due 2018-10-24 17:30, decided 2018-10-25 09:00",
            ],
            [
                "R2 red_card 2018-10-24 17:30",
                "办件超过承诺时限 7 个工作日，应于 2018-10-24 17:30 前办结，实际 2018-10-25 09:00 办结",
                "Over the promised limit of 7 workdays, due 2018-10-24 17:30, decided 2018-10-25 09:00",
            ],
        ],
    },
    Example {
        name: "R2: calendar days",
        profile: include_str!("../../../deploy/profiles/calendar-days.toml"),
        item: plain,
        events: "2018-10-15 10:00 accepted",
        until: "2018-10-23 00:00",
        found: &[
            [
                "R1 warning cleared 2018-10-19 13:15",
                "承诺时限 7 天即将届满，剩余 1.5 个工作日，应于 2018-10-22 17:30 前办结",
                "The promised limit of 7 days runs out soon: 1.5 workdays left, due 2018-10-22 17:30",
            ],
            [
                "R2 yellow_card 2018-10-22 17:30",
                "办件超过承诺时限 7 天，应于 2018-10-22 17:30 前办结",
                "Over the promised limit of 7 days, due 2018-10-22 17:30",
            ],
        ],
    },
    Example {
        name: "R2: 4 service hours, over night",
        profile: STANDARD,
        item: plain,
        events: r#"2018-10-15 16:00 accepted {"promise_limit":{"n":4,"unit":"hour"},"legal_limit":{"n":20,"unit":"workday"}}"#,
        until: "2018-10-16 18:00",
        found: &[
            [
                "R1 warning cleared 2018-10-16 10:18",
                "承诺时限 4 个服务小时即将届满，剩余 0.1 个工作日，应于 2018-10-16 11:30 前办结",
                "The promised limit of 4 service hours runs out soon: 0.1 workdays left, due 2018-10-16 11:30",
            ],
            [
                "R2 yellow_card 2018-10-16 11:30",
                "办件超过承诺时限 4 个服务小时，应于 2018-10-16 11:30 前办结",
                "Over the promised limit of 4 service hours, due 2018-10-16 11:30",
            ],
        ],
    },
    Example {
        name: "R2: an extension moves the legal limit alone, by 10 workdays at most",
        profile: STANDARD,
        item: plain,
        events: r#"
            2018-10-15 10:00 accepted
            2018-10-16 10:00 extended {"days":15}
            2018-11-20 10:00 completed
        "#,
        until: "2018-11-30 00:00",
        found: &[
            [
                "R1 warning cleared 2018-10-22 17:30",
                "承诺时限 7 个工作日即将届满，剩余 2 个工作日，应于 2018-10-24 17:30 前办结",
                "The promised limit of 7 workdays runs out soon: 2 workdays left, due 2018-10-24 17:30",
            ],
            [
                "R2 yellow_card 2018-10-24 17:30",
                "办件超过承诺时限 7 个工作日，应于 2018-10-24 17:30 前办结，实际 2018-11-20 10:00 办结",
                "Over the promised limit of 7 workdays, due 2018-10-24 17:30, decided 2018-11-20 10:00",
            ],
            [
                "R2 red_card 2018-11-12 17:30",
                "办件超过法定时限 20 个工作日，应于 2018-11-12 17:30 前办结，实际 2018-11-20 10:00 办结",
                "Over the legal limit of 20 workdays, due 2018-11-12 17:30, decided 2018-11-20 10:00",
            ],
        ],
    },
    Example {
        name: "R2: a joint item without a limit of its own has 45 workdays",
        profile: STANDARD,
        item: || ItemVersion {
            promise: None,
            legal: None,
            ..plain()
        },
        events: r#"
            2018-10-15 10:00 accepted {"kind":"joint"}
            2018-12-20 10:00 completed
        "#,
        until: "2018-12-31 00:00",
        found: &[
            [
                "R1 warning cleared 2018-12-13 17:30",
                "法定时限 45 个工作日即将届满，剩余 2 个工作日，应于 2018-12-17 17:30 前办结",
                "The legal limit of 45 workdays runs out soon: 2 workdays left, due 2018-12-17 17:30",
            ],
            [
                "R2 red_card 2018-12-17 17:30",
                "办件超过法定时限 45 个工作日，应于 2018-12-17 17:30 前办结，实际 2018-12-20 10:00 办结",
                "Over the legal limit of 45 workdays, due 2018-12-17 17:30, decided 2018-12-20 10:00",
            ],
        ],
    },
    Example {
        name: "R2: a limit that reaches into a year not loaded is expected and never over by itself",
        profile: STANDARD,
        item: plain,
        events: "2026-12-28 10:00 accepted",
        until: "2027-03-01 00:00",
        found: &[],
    },
    Example {
        name: "R2: what an upper level holds when time runs out is the upper level's",
        profile: STANDARD,
        item: plain,
        events: r#"
            2018-10-15 10:00 accepted {"hall":"T1","kind":"forwarded"}
            2018-10-22 10:00 step_started {"step":"county_review","hall":"C","unit":"U2"}
            2018-10-25 10:00 completed {"hall":"C"}
        "#,
        until: "2018-10-31 00:00",
        found: &[
            [
                "R1 warning cleared 2018-10-22 17:30",
                "承诺时限 7 个工作日即将届满，剩余 2 个工作日，应于 2018-10-24 17:30 前办结",
                "The promised limit of 7 workdays runs out soon: 2 workdays left, due 2018-10-24 17:30",
            ],
            [
                "R2 yellow_card 2018-10-24 17:30",
                "办件超过承诺时限 7 个工作日，应于 2018-10-24 17:30 前办结，实际 2018-10-25 10:00 办结",
                "Over the promised limit of 7 workdays, due 2018-10-24 17:30, decided 2018-10-25 10:00",
            ],
        ],
    },
    Example {
        name: "R3: a step over its limit in a case in time",
        profile: "[R4]\non = false",
        item,
        events: r#"
            2018-10-15 10:00 accepted
            2018-10-15 11:00 step_started {"step":"review"}
            2018-10-19 17:30 step_finished {"step":"review"}
            2018-10-22 10:00 completed
            2018-10-23 10:00 delivered
        "#,
        until: "2018-11-30 00:00",
        found: &[[
            "R3 yellow_card 2018-10-18 17:30",
            "环节「审查」用时 4 个工作日，时限 3 个工作日",
            "Step \"审查\" took 4 workdays, its limit is 3 workdays",
        ]],
    },
    Example {
        name: "R4: the survey is left out",
        profile: STANDARD,
        item,
        events: r#"
            2018-10-15 10:00 accepted
            2018-10-15 11:00 step_finished {"step":"review"}
            2018-10-16 11:00 step_finished {"step":"decision","role":"approver"}
            2018-10-16 12:00 completed
            2018-10-16 13:00 delivered
        "#,
        until: "2018-11-30 00:00",
        found: &[[
            "R4 yellow_card 2018-10-16 11:00",
            "跳过环节「现场踏勘」，2018-10-16 11:00 即办理环节「决定」",
            "Step \"现场踏勘\" was skipped: step \"决定\" was begun 2018-10-16 11:00",
        ]],
    },
    Example {
        name: "R4: the last step is left out",
        profile: STANDARD,
        item,
        events: r#"
            2018-10-15 10:00 accepted
            2018-10-15 11:00 step_finished {"step":"review"}
            2018-10-15 12:00 step_finished {"step":"survey","unit":"U2"}
            2018-10-16 12:00 completed
            2018-10-16 13:00 delivered
        "#,
        until: "2018-11-30 00:00",
        found: &[[
            "R4 yellow_card 2018-10-16 12:00",
            "跳过环节「决定」，2018-10-16 12:00 即办结",
            "Step \"决定\" was skipped: the case was decided 2018-10-16 12:00",
        ]],
    },
    Example {
        name: "R4: surveyed first, reviewed afterwards",
        profile: STANDARD,
        item,
        events: r#"
            2018-10-15 10:00 accepted
            2018-10-15 11:00 step_finished {"step":"survey"}
            2018-10-15 12:00 step_finished {"step":"review"}
            2018-10-15 13:00 step_finished {"step":"decision","role":"approver"}
            2018-10-16 12:00 completed
            2018-10-16 13:00 delivered
        "#,
        until: "2018-11-30 00:00",
        found: &[[
            "R4 yellow_card 2018-10-15 11:00",
            "环节「审查」未完成，2018-10-15 11:00 即办理环节「现场踏勘」，顺序颠倒",
            "Out of order: step \"审查\" was not done when step \"现场踏勘\" was begun 2018-10-15 11:00",
        ]],
    },
    Example {
        name: "R4: by dates alone nobody can say what came first",
        profile: STANDARD,
        item,
        events: r#"
            2018-10-15 10:00 accepted
            2018-10-16 step_finished {"step":"survey"}
            2018-10-17 step_finished {"step":"review"}
            2018-10-17 step_finished {"step":"decision","role":"approver"}
            2018-10-17 12:00 completed
            2018-10-18 13:00 delivered
        "#,
        until: "2018-11-30 00:00",
        found: &[],
    },
    Example {
        name: "R4: a step done twice, and one that may be",
        profile: STANDARD,
        item,
        events: r#"
            2018-10-15 10:00 accepted
            2018-10-15 10:30 step_finished {"step":"consult"}
            2018-10-15 11:00 step_finished {"step":"review"}
            2018-10-15 14:00 step_finished {"step":"consult"}
            2018-10-15 15:00 step_finished {"step":"review"}
        "#,
        until: "2018-10-15 18:00",
        found: &[[
            "R4 yellow_card 2018-10-15 15:00",
            "环节「审查」只应办理一次，2018-10-15 15:00 重复办理",
            "Step \"审查\" is to be done once and was done again 2018-10-15 15:00",
        ]],
    },
    Example {
        name: "R4: decided before the survey came back",
        profile: STANDARD,
        item,
        events: r#"
            2018-10-15 10:00 accepted
            2018-10-15 11:00 step_finished {"step":"review"}
            2018-10-15 14:00 step_started {"step":"survey","offline":true}
            2018-10-16 11:00 step_finished {"step":"decision","role":"approver"}
            2018-10-16 12:00 completed
            2018-10-16 13:00 delivered
        "#,
        until: "2018-11-30 00:00",
        found: &[[
            "R4 yellow_card 2018-10-16 11:00",
            "线下环节「现场踏勘」未返回，2018-10-16 11:00 即办理环节「决定」",
            "Offline step \"现场踏勘\" had not returned when step \"决定\" was begun 2018-10-16 11:00",
        ]],
    },
    Example {
        name: "R4: nobody describes the process, but an event says that a step is done outside",
        profile: STANDARD,
        item: plain,
        events: r#"
            2018-10-15 10:00 accepted
            2018-10-15 14:00 step_started {"step":"踏勘","offline":true}
            2018-10-16 12:00 refused {"reason":"不符合条件"}
        "#,
        until: "2018-11-30 00:00",
        found: &[[
            "R4 yellow_card 2018-10-16 12:00",
            "线下环节「踏勘」未返回，2018-10-16 12:00 即办结",
            "Offline step \"踏勘\" had not returned when the case was decided 2018-10-16 12:00",
        ]],
    },
    Example {
        name: "R4: overreach",
        profile: STANDARD,
        item,
        events: r#"
            2018-10-15 10:00 accepted
            2018-10-15 11:00 step_finished {"step":"review"}
            2018-10-15 12:00 step_finished {"step":"survey"}
            2018-10-16 10:00 step_started {"step":"decision","role":"clerk","handler":"0731"}
        "#,
        until: "2018-10-16 12:00",
        found: &[[
            "R4 red_card 2018-10-16 10:00",
            "越权办理：环节「决定」应由「approver」办理，2018-10-16 10:00 由 0731 以「clerk」身份办理",
            "Overreach: step \"决定\" is for role \"approver\", and was done 2018-10-16 10:00 by 0731 in role \"clerk\"",
        ]],
    },
    Example {
        name: "R4: never accepted",
        profile: STANDARD,
        item: plain,
        events: r#"
            2018-10-15 10:00 applied {"channel":"window"}
            2018-10-16 12:00 completed
        "#,
        until: "2018-11-30 00:00",
        found: &[[
            "R4 red_card 2018-10-16 12:00",
            "未经受理即于 2018-10-16 12:00 办结",
            "Decided 2018-10-16 12:00 without ever having been accepted",
        ]],
    },
    Example {
        name: "R4: a suspension on no lawful ground, without notice, does not stop the clock",
        profile: STANDARD,
        item: plain,
        events: r#"
            2018-10-15 10:00 accepted
            2018-10-16 10:00 suspended {"kind":"site_survey","declared_days":5,"approver":"王"}
            2018-10-17 10:00 resumed
            2018-10-24 17:31 completed
        "#,
        until: "2018-11-30 00:00",
        found: &[
            [
                "R4 yellow_card 2018-10-16 10:00",
                "2018-10-16 10:00 起的特别程序「现场踏勘」不属于法定事由、无书面告知，不停止计时",
                "Special procedure \"site survey\" from 2018-10-16 10:00 does not stop the clock: its ground is not a lawful one, no written notice",
            ],
            [
                "R1 warning cleared 2018-10-22 17:30",
                "承诺时限 7 个工作日即将届满，剩余 2 个工作日，应于 2018-10-24 17:30 前办结",
                "The promised limit of 7 workdays runs out soon: 2 workdays left, due 2018-10-24 17:30",
            ],
            [
                "R2 yellow_card 2018-10-24 17:30",
                "办件超过承诺时限 7 个工作日，应于 2018-10-24 17:30 前办结，实际 2018-10-24 17:31 办结",
                "Over the promised limit of 7 workdays, due 2018-10-24 17:30, decided 2018-10-24 17:31",
            ],
        ],
    },
    Example {
        name: "R5: refused, and nobody says why",
        profile: STANDARD,
        item: plain,
        events: r#"
            2018-10-15 10:00 accepted
            2018-10-16 12:00 refused {"reason":" "}
        "#,
        until: "2018-11-30 00:00",
        found: &[[
            "R5 yellow_card 2018-10-16 12:00",
            "2018-10-16 12:00 不予许可，未说明理由",
            "Refused 2018-10-16 12:00 without a reason",
        ]],
    },
    Example {
        name: "R5: not taken on, and nobody says why",
        profile: STANDARD,
        item: plain,
        events: r#"
            2018-10-15 10:00 applied
            2018-10-16 12:00 refused
        "#,
        until: "2018-11-30 00:00",
        found: &[[
            "R5 yellow_card 2018-10-16 12:00",
            "2018-10-16 12:00 不予受理，未说明理由",
            "Acceptance refused 2018-10-16 12:00 without a reason",
        ]],
    },
    Example {
        name: "R6: too much, too little without a reason, and with one",
        profile: "[R4]\non = false",
        item,
        events: r#"
            2018-10-15 10:00 accepted
            2018-10-15 10:10 fee {"charged":25.5,"standard":25.5}
            2018-10-15 10:20 fee {"charged":10}
            2018-10-15 10:30 fee {"charged":0,"relief_reason":"低保"}
        "#,
        until: "2018-10-15 18:00",
        found: &[
            [
                "R6 red_card 2018-10-15 10:10",
                "2018-10-15 10:10 收费 25.5 元，标准为 20 元，超标准收费",
                "Charged 25.5 yuan 2018-10-15 10:10; the standard is 20 yuan",
            ],
            [
                "R6 red_card 2018-10-15 10:20",
                "2018-10-15 10:20 收费 10 元，标准为 20 元，减免未说明理由",
                "Charged 10 yuan 2018-10-15 10:20 against a standard of 20 yuan: relief without a reason",
            ],
        ],
    },
    Example {
        name: "R6: paid before acceptance; where no standard is published the source's own holds",
        profile: STANDARD,
        item: plain,
        events: r#"
            2018-10-15 09:00 applied
            2018-10-15 09:10 fee {"charged":40,"standard":40}
            2018-10-15 10:00 accepted
        "#,
        until: "2018-10-15 18:00",
        found: &[[
            "R6 yellow_card 2018-10-15 09:10",
            "2018-10-15 09:10 收费 40 元，早于 2018-10-15 10:00 的受理",
            "Charged 40 yuan 2018-10-15 09:10, before acceptance 2018-10-15 10:00",
        ]],
    },
    Example {
        name: "R7: told two workdays later",
        profile: STANDARD,
        item: plain,
        events: r#"
            2018-10-15 10:00 accepted
            2018-10-18 10:00 step_finished {"step":"review"} (received 2018-10-22 10:00)
            2018-10-19 10:00 completed (received 2018-10-22 10:00)
        "#,
        until: "2018-11-30 00:00",
        found: &[[
            "R7 yellow_card 2018-10-22 10:00",
            "环节「review」完成时间 2018-10-18 10:00，2018-10-22 10:00 才收到，最多迟报 2 个工作日，限 1 个工作日",
            "The end of step \"review\" is dated 2018-10-18 10:00 and was received 2018-10-22 10:00: up to 2 workdays late, 1 allowed",
        ]],
    },
    Example {
        name: "R7: a weekend is no workday, and a date is no time",
        profile: STANDARD,
        item: plain,
        events: r#"
            2018-10-15 10:00 accepted
            2018-10-16 step_finished {"step":"review"} (received 2018-10-22 10:00)
            2018-10-19 17:00 completed (received 2018-10-22 16:00)
        "#,
        until: "2018-11-30 00:00",
        found: &[],
    },
    Example {
        name: "R7: from the future",
        profile: STANDARD,
        item: plain,
        events: r#"
            2018-10-15 10:00 accepted
            2018-10-16 10:10 step_finished {"step":"review"} (received 2018-10-16 10:00)
            2018-10-16 12:00 completed (received 2018-10-16 11:00)
        "#,
        until: "2018-11-30 00:00",
        found: &[[
            "R7 yellow_card 2018-10-16 11:00",
            "办结时间 2018-10-16 12:00 晚于收到时间 2018-10-16 11:00，超出允许的 10 分钟",
            "The decision is dated 2018-10-16 12:00 and was received 2018-10-16 11:00, more than 10 minutes before it",
        ]],
    },
    Example {
        name: "R11: called back late, and never put right",
        profile: STANDARD,
        item: plain,
        events: r#"
            2018-10-15 10:00 accepted
            2018-10-15 11:00 completed
            2018-10-15 12:00 delivered
            2018-10-15 14:00 rated {"grade":"very_dissatisfied"}
            2018-10-17 09:00 called_back {"text":"已致歉"}
        "#,
        until: "2018-11-30 00:00",
        found: &[
            [
                "R11 yellow_card 2018-10-16 17:30",
                "2018-10-15 14:00 评价「非常不满意」，应于 1 个工作日内（2018-10-16 17:30 前）回访",
                "Rated \"very dissatisfied\" 2018-10-15 14:00: to be called back within 1 workday, by 2018-10-16 17:30",
            ],
            [
                "R11 yellow_card 2018-11-05 17:30",
                "2018-10-15 14:00 评价「非常不满意」，应于 15 个工作日内（2018-11-05 17:30 前）整改",
                "Rated \"very dissatisfied\" 2018-10-15 14:00: to be put right within 15 workdays, by 2018-11-05 17:30",
            ],
        ],
    },
    Example {
        name: "R11: in time, and a rating that is not bad",
        profile: STANDARD,
        item: plain,
        events: r#"
            2018-10-15 10:00 accepted
            2018-10-15 11:00 completed
            2018-10-15 14:00 rated {"grade":"dissatisfied"}
            2018-10-16 17:30 called_back
            2018-11-05 17:30 put_right
        "#,
        until: "2018-11-30 00:00",
        found: &[],
    },
    Example {
        name: "R13: a hearing that is not over when it was to be; from its end on the clock runs again",
        profile: STANDARD,
        item: plain,
        events: r#"
            2018-10-15 10:00 accepted
            2018-10-16 10:00 suspended {"kind":"hearing","declared_days":5,"approver":"王","notice":"听字1号"}
            2018-10-25 10:00 resumed
            2018-10-26 10:00 completed
        "#,
        until: "2018-11-30 00:00",
        found: &[
            [
                "R13 warning cleared 2018-10-19 10:00",
                "特别程序「听证」申报 5 个工作日，应于 2018-10-23 10:00 结束，即将到期",
                "Special procedure \"hearing\" of 5 declared workdays, to end 2018-10-23 10:00, ends soon",
            ],
            [
                "R13 yellow_card 2018-10-23 10:00",
                "特别程序「听证」申报 5 个工作日，应于 2018-10-23 10:00 结束，已过期限仍未恢复办理",
                "Special procedure \"hearing\" of 5 declared workdays, to end 2018-10-23 10:00, is past its declared end",
            ],
            [
                "R13 red_card 2018-10-24 10:00",
                "特别程序「听证」申报 5 个工作日，应于 2018-10-23 10:00 结束，严重超期仍未恢复办理",
                "Special procedure \"hearing\" of 5 declared workdays, to end 2018-10-23 10:00, is far past its declared end",
            ],
        ],
    },
    Example {
        name: "R15: an application by web that nobody takes on",
        profile: "[R1]\non = false\n[R2]\non = false",
        item: plain,
        events: r#"2018-10-15 10:00 applied {"channel":"web"}"#,
        until: "2018-11-30 00:00",
        found: &[
            [
                "R15 warning cleared 2018-10-17 17:30",
                "2018-10-15 10:00 申请，应于 2 个工作日内（2018-10-17 17:30 前）受理",
                "Applied for 2018-10-15 10:00: acceptance is due within 2 workdays, by 2018-10-17 17:30",
            ],
            [
                "R15 yellow_card 2018-10-22 17:30",
                "2018-10-15 10:00 申请，应于 2 个工作日内（2018-10-17 17:30 前）受理，逾期已超过 3 个工作日",
                "Applied for 2018-10-15 10:00: acceptance is due within 2 workdays, by 2018-10-17 17:30, over by more than 3 workdays",
            ],
            [
                "R15 red_card 2018-10-24 17:30",
                "2018-10-15 10:00 申请，应于 2 个工作日内（2018-10-17 17:30 前）受理，逾期已超过 5 个工作日",
                "Applied for 2018-10-15 10:00: acceptance is due within 2 workdays, by 2018-10-17 17:30, over by more than 5 workdays",
            ],
        ],
    },
    Example {
        name: "R15: taken on a day late",
        profile: STANDARD,
        item: plain,
        events: r#"
            2018-10-15 10:00 applied {"channel":"web"}
            2018-10-18 10:00 accepted
            2018-10-18 11:00 completed
        "#,
        until: "2018-11-30 00:00",
        found: &[[
            "R15 warning cleared 2018-10-17 17:30",
            "2018-10-15 10:00 申请，应于 2 个工作日内（2018-10-17 17:30 前）受理",
            "Applied for 2018-10-15 10:00: acceptance is due within 2 workdays, by 2018-10-17 17:30",
        ]],
    },
    Example {
        name: "R15: asked for more on the fourth day; the clock begins anew with what comes",
        profile: STANDARD,
        item: plain,
        events: r#"
            2018-10-15 10:00 applied {"channel":"web"}
            2018-10-19 10:00 supplement_requested
            2018-10-29 10:00 supplement_received
            2018-10-31 17:30 accepted
            2018-10-31 17:31 completed
        "#,
        until: "2018-11-30 00:00",
        found: &[],
    },
    Example {
        name: "R15: nobody answers for 5 workdays: it counts as accepted on the day it came",
        profile: "[R1]\non = false",
        item: plain,
        events: r#"
            2018-10-15 10:00 applied {"channel":"window"}
            2018-10-24 10:00 accepted
            2018-10-25 10:00 completed
        "#,
        until: "2018-11-30 00:00",
        found: &[
            [
                "R15 warning cleared 2018-10-22 17:30",
                "2018-10-15 10:00 申请，应于 5 个工作日内（2018-10-22 17:30 前）受理",
                "Applied for 2018-10-15 10:00: acceptance is due within 5 workdays, by 2018-10-22 17:30",
            ],
            [
                "R2 yellow_card 2018-10-24 17:30",
                "办件超过承诺时限 7 个工作日，应于 2018-10-24 17:30 前办结，实际 2018-10-25 10:00 办结",
                "Over the promised limit of 7 workdays, due 2018-10-24 17:30, decided 2018-10-25 10:00",
            ],
        ],
    },
    Example {
        name: "R15: an immediate item left over night",
        profile: "[R1]\non = false",
        item: plain,
        events: r#"
            2018-10-15 10:00 accepted {"kind":"immediate"}
            2018-10-16 09:10 completed
        "#,
        until: "2018-11-30 00:00",
        found: &[[
            "R15 yellow_card 2018-10-15 17:30",
            "即办件 2018-10-15 10:00 受理，至 2018-10-15 17:30 下班时未办结",
            "Immediate item accepted 2018-10-15 10:00 was unfinished at closing time 2018-10-15 17:30",
        ]],
    },
    Example {
        name: "R15: on a Saturday that the hall is open it has until Monday",
        profile: STANDARD,
        item: plain,
        events: r#"
            2018-10-20 10:00 accepted {"kind":"immediate"}
            2018-10-22 17:30 completed
        "#,
        until: "2018-11-30 00:00",
        found: &[],
    },
    Example {
        name: "R15: delivered late; undelivered, where deliveries are told of",
        profile: "[R4]\non = false",
        item,
        events: r#"
            2018-10-15 10:00 accepted
            2018-10-16 10:00 completed
            2018-10-31 10:00 delivered
        "#,
        until: "2018-11-30 00:00",
        found: &[[
            "R15 yellow_card 2018-10-30 17:30",
            "2018-10-16 10:00 办结，应于 10 个工作日内（2018-10-30 17:30 前）送达，实际 2018-10-31 10:00 送达",
            "Decided 2018-10-16 10:00: the result is to be delivered within 10 workdays, by 2018-10-30 17:30, delivered 2018-10-31 10:00",
        ]],
    },
    Example {
        name: "R15: nobody tells of deliveries",
        profile: STANDARD,
        item: plain,
        events: r#"
            2018-10-15 10:00 accepted
            2018-10-16 10:00 completed
        "#,
        until: "2018-11-30 00:00",
        found: &[],
    },
    Example {
        name: "every rule off",
        profile: "R1 = { on = false }\nR2 = { on = false }\nR4 = { on = false }\nR6 = { on = false }\nR15 = { on = false }",
        item,
        events: r#"
            2018-10-15 09:00 applied {"channel":"web"}
            2018-10-15 09:10 fee {"charged":40}
            2018-10-22 10:00 accepted
            2018-10-22 11:00 step_finished {"step":"decision","role":"clerk"}
            2018-12-20 10:00 completed
        "#,
        until: "2019-01-31 00:00",
        found: &[],
    },
];

#[test]
fn the_examples_come_out_as_they_are_written() {
    let mut wrong = String::new();
    for example in TABLE {
        let judge = Judge::new(example.profile, (example.item)());
        let events = events(example.events);
        let fold = CaseFold::fold("1", &events);
        let mut found = judge.look(&fold, at(example.until)).anomalies;
        found.sort_by_key(|anomaly| (anomaly.due_at, anomaly.rule));
        let lines: Vec<[String; 3]> = found.into_iter().map(line).collect();
        if lines != example.found {
            writeln!(wrong, "{}: {lines:#?}", example.name).unwrap();
        }
        if let Err(error) = judge.live_through(&events, at(example.until)) {
            writeln!(wrong, "{}: {error}", example.name).unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

fn line(anomaly: Anomaly) -> [String; 3] {
    let cleared = anomaly.cleared_at.map_or("", |_| " cleared");
    let (rule, grade) = (anomaly.rule.as_str(), anomaly.grade.as_str());
    let head = format!("{rule} {grade}{cleared} {}", local(anomaly.due_at));
    [head, anomaly.sentence.zh, anomaly.sentence.en]
}
