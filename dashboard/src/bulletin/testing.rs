//! Figures for tests.

use chrono::{DateTime, NaiveDate};
use mingjing_alerts::store::figures::{Cards, Over, Overrun};
use mingjing_monitor::org::Level;
use mingjing_monitor::score::{Grade, Points};

use super::figures::{Figures, Numbers, Of, Ranked, Ranking};
use crate::statistics::table::{Cell, Column, Drawn, Form};
use crate::statistics::{Table, Unit, Words};

fn table(name: &'static str, zh: &str, rows: &[(&str, f64)]) -> Table {
    Table {
        name,
        title: Words::new(zh, name),
        about: Words::same("2026-10-01 – 2026-10-31"),
        columns: vec![
            Column::new("day", "日期", "Day", Unit::Label),
            Column::new("n", "件数", "Cases", Unit::Count),
        ],
        rows: rows
            .iter()
            .map(|(name, n)| vec![Cell::label(*name, Words::same(*name)), Cell::Number(*n)])
            .collect(),
        drawn: Some(Drawn {
            form: Form::Lines,
            series: vec!["n"],
        }),
        flow: None,
        notes: Vec::new(),
    }
}

fn ranked(code: &str, name: &str, rank: u32, score: i64) -> Ranked {
    Ranked {
        code: code.into(),
        rank: Some(rank),
        previous: Some(4 - rank),
        name: Words::new(name, code),
        score: Some(Points::hundredths(score)),
        grade: Some(Grade::Good),
        corrected: None,
        due: 400,
        met: 397,
        yellow: 2,
        red: 1,
    }
}

/// A month of a county with three towns; nothing is known of the month before.
pub fn figures() -> Figures {
    let mut towns = vec![
        ranked("T01", "东河镇", 1, 9_850),
        ranked("T02", "南山镇", 2, 9_000),
        ranked("T03", "西岭乡", 3, 7_100),
    ];
    towns[1].previous = Some(3);
    let now = Numbers {
        accepted: 1_234,
        completed: 1_198,
        due: 1_190,
        met: 1_180,
        over: Over {
            decided: 3,
            open: 1,
        },
        cards: Cards {
            yellow: 7,
            red: 3,
            answered: 9,
            ..Cards::default()
        },
        warnings: 40,
        rated: 100,
        bad: 2,
        satisfaction: Some(94.5),
        complaints: 6,
        ..Numbers::default()
    };
    let at =
        |seconds: i64| DateTime::from_timestamp(1_792_000_000 + seconds, 0).expect("an instant");
    Figures {
        of: Of {
            month: NaiveDate::from_ymd_opt(2026, 10, 1).expect("a day"),
            hall: "C".into(),
            town: false,
        },
        closed: true,
        now,
        before: None,
        volumes: table(
            "volumes",
            "业务量",
            &[("2026-10-09", 40.0), ("2026-10-10", 52.0)],
        ),
        anomalies: table(
            "anomalies",
            "异常",
            &[("R2 超过时限", 7.0), ("R4 程序", 3.0)],
        ),
        rankings: vec![Ranking {
            level: Level::Town,
            ranked_from: 10,
            lines: towns,
        }],
        overruns: vec![Overrun {
            no: "2026-000017".into(),
            item: "A".into(),
            hall: "T03".into(),
            unit: String::new(),
            legal_due: at(0),
            decided_at: None,
        }],
        changes: Vec::new(),
        ended: at(864_000),
    }
}
