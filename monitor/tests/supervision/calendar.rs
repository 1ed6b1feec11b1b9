//! Every statutory workday that we ship, against tables made by others.

use std::path::{Path, PathBuf};
use std::process::Command;

use chrono::NaiveDate;
use mingjing_monitor::calendar::Workdays;

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Runs a program to its end and returns what it printed.
fn output(command: &mut Command) -> String {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {errors}");
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn every_day_of_2004_to_2026_is_what_chinesecalendar_says() {
    let oracles = project().join("tests/oracles");
    let packages = output(&mut Command::new(oracles.join("setup")));
    let script = oracles.join("workdays.py");
    let days = output(
        Command::new("python3")
            .arg(script)
            .args(["2004", "2026"])
            .env("PYTHONPATH", packages.trim()),
    );
    let workdays = Workdays::shipped();
    let mut checked = 0;
    for line in days.lines() {
        let (date, workday) = line.split_once(' ').expect("a date and a flag");
        let date: NaiveDate = date.parse().expect("a date");
        assert_eq!(workdays.is_workday(date), Some(workday == "1"), "{date}");
        checked += 1;
    }
    assert_eq!(checked, 8401, "23 years with 6 leap days");
    assert_eq!(
        workdays.years().map(|year| year.year).collect::<Vec<_>>(),
        (2004..=2026).collect::<Vec<_>>()
    );
}

#[test]
fn every_day_that_the_state_council_set_in_2019_to_2024_is_so() {
    let shared = project().join("../shared");
    if !shared.is_dir() {
        println!("skipped: there is no ../shared with the State Council's days");
        return;
    }
    let workdays = Workdays::shipped();
    for year in 2019..=2024 {
        let path = shared.join(format!("data/china/holiday-cn_{year}.json"));
        let text = std::fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let table: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        let days = table["days"].as_array().expect("days");
        assert!(days.len() > 25, "{year} has {} days", days.len());
        for day in days {
            let date: NaiveDate = day["date"]
                .as_str()
                .expect("a date")
                .parse()
                .expect("a date");
            let off = day["isOffDay"].as_bool().expect("a flag");
            assert_eq!(workdays.is_workday(date), Some(!off), "{date}");
        }
    }
}

#[test]
fn every_year_names_the_notice_that_set_it() {
    for year in Workdays::shipped().years() {
        let title = format!("国务院办公厅关于{}年部分节假日安排的通知", year.year);
        assert!(
            year.notice.contains(&title),
            "{}: {}",
            year.year,
            year.notice
        );
        assert!(year.holidays.len() >= 10, "{}", year.year);
    }
}
