//! The tables of a bulletin: the month beside the one before, its rankings, the worst cases, corrected scores.

use chrono::{Datelike, Months};
use mingjing_monitor::calendar::Calendar;
use mingjing_monitor::org::Level;
use mingjing_monitor::score::Grade;

use super::Names;
use crate::bulletin::document::{Head, Table, Words};
use crate::bulletin::figures::{Figures, Numbers, Ranked, Ranking};
use crate::bulletin::findings::{self, percent, share, thousands};
use crate::statistics::named;

/// Lines of a ranking that are printed; the page has them all.
const MOST: usize = 40;

/// The month beside the one before.
pub(super) fn comparison(figures: &Figures) -> Table {
    type Count = fn(&Numbers) -> i64;
    let counts: [(&str, &str, Count); 8] = [
        ("受理（件）", "Accepted", |it| it.accepted),
        ("办结（件）", "Ended", |it| it.completed),
        ("应办结（件）", "Due", |it| it.due),
        ("按时办结（件）", "Of them in time", |it| it.met),
        (
            "办结超法定时限（件）",
            "Ended past the legal limit",
            |it| it.over.decided,
        ),
        ("黄牌（张）", "Yellow cards", |it| it.cards.yellow),
        ("红牌（张）", "Red cards", |it| it.cards.red),
        (
            "投诉和咨询（件）",
            "Complaints and consultations",
            |it| it.complaints,
        ),
    ];
    let none = || Words::same("—");
    let row = |(zh, en, of): (&str, &str, Count)| {
        let now = of(&figures.now);
        let before = figures.before.as_ref().map(of);
        let change = before.map(|before| match now - before {
            more @ 1.. => format!("+{}", thousands(more)),
            other => thousands(other),
        });
        let shown = |text: Option<String>| text.map_or_else(none, Words::same);
        vec![
            Words::new(zh, en),
            Words::same(thousands(now)),
            shown(before.map(thousands)),
            shown(change),
        ]
    };
    let mut rows: Vec<Vec<Words>> = counts.into_iter().map(row).collect();
    let rate = |numbers: &Numbers| share(numbers.met, numbers.due);
    let (now, before) = (rate(&figures.now), figures.before.as_ref().and_then(rate));
    let points = now.zip(before).map(|(now, before)| {
        let tenths = (now * 1000.0).round() - (before * 1000.0).round();
        let sign = if tenths > 0.0 { "+" } else { "" };
        let tenths = if tenths == 0.0 { 0.0 } else { tenths / 10.0 };
        let by = format!("{sign}{tenths:.1}");
        Words::new(format!("{by}个百分点"), format!("{by} points"))
    });
    let share = |share: Option<f64>| share.map_or_else(none, |share| Words::same(percent(share)));
    rows.insert(
        4,
        vec![
            Words::new("按时率", "On time"),
            share(now),
            share(before),
            points.unwrap_or_else(none),
        ],
    );
    Table {
        title: Words::new("主要指标", "Main figures"),
        columns: vec![
            Head::words("指标", "Figure", 5),
            Head::number("本月", "This month", 3),
            Head::number("上月", "Month before", 3),
            Head::number("增减", "Change", 3),
        ],
        rows,
        note: None,
    }
}

/// The cases that were over the legal limit for longest.
pub(super) fn overruns(names: &Names, figures: &Figures) -> Option<Table> {
    if figures.overruns.is_empty() {
        return None;
    }
    let directory = &names.directory;
    let shipped = Calendar::default();
    let calendar = directory.calendar().unwrap_or(&shipped);
    let row = |case: &mingjing_alerts::store::figures::Overrun| {
        let (due, end) = (
            calendar.date(case.legal_due),
            calendar.date(case.decided_at.unwrap_or(figures.ended)),
        );
        let over = calendar.workdays.between(due, end);
        let decided = case.decided_at.map(|at| calendar.date(at).to_string());
        let unit = Some(directory.unit_name(&case.unit)).filter(|name| !name.is_empty());
        let hall = names.hall(&case.hall);
        let place = |hall: &str| match &unit {
            Some(unit) => format!("{hall} · {unit}"),
            None => hall.to_owned(),
        };
        vec![
            Words::same(case.no.clone()),
            Words::same(directory.item_name(&case.item)),
            Words::new(place(&hall.zh), place(&hall.en)),
            Words::same(due.to_string()),
            decided.map_or_else(|| Words::new("未办结", "open"), Words::same),
            Words::same(thousands(over)),
        ]
    };
    Some(Table {
        title: Words::new(
            "超法定时限最久的办件",
            "Cases past the legal limit for longest",
        ),
        columns: vec![
            Head::words("办件编号", "Case", 8),
            Head::words("事项", "Item", 7),
            Head::words("承办", "Handled by", 7),
            Head::words("法定期限", "Legal limit", 5),
            Head::words("办结", "Ended", 5),
            Head::number("超出（工作日）", "Workdays over", 4),
        ],
        rows: figures.overruns.iter().map(row).collect(),
        note: None,
    })
}

pub(super) fn ranked(ranking: &Ranking, figures: &Figures) -> Table {
    let row = |line: &Ranked| {
        let rank = |rank: Option<u32>| rank.map_or_else(|| "—".to_owned(), |rank| rank.to_string());
        let score = line
            .score
            .map_or_else(|| "—".to_owned(), |score| score.to_string());
        let score = match line.corrected {
            Some(corrected) => Words::new(
                format!("{score}（更正{corrected}）"),
                format!("{score} (corrected {corrected})"),
            ),
            None => Words::same(score),
        };
        let count = |n: u64| Words::same(thousands(i64::try_from(n).unwrap_or(i64::MAX)));
        let rate = share(
            i64::try_from(line.met).unwrap_or(i64::MAX),
            i64::try_from(line.due).unwrap_or(i64::MAX),
        );
        vec![
            Words::same(rank(line.rank)),
            line.name.clone(),
            score,
            line.grade.map_or_else(|| Words::same("—"), grade),
            count(line.due),
            Words::same(rate.map_or_else(|| "—".to_owned(), percent)),
            count(line.yellow),
            count(line.red),
            Words::same(rank(line.previous)),
        ]
    };
    let more = ranking.lines.len().saturating_sub(MOST);
    let from = ranking.ranked_from;
    let unranked = ranking
        .lines
        .iter()
        .take(MOST)
        .any(|line| line.rank.is_none());
    let mut notes = Vec::new();
    if unranked {
        notes.push(match ranking.level {
            Level::Village => Words::new(
                format!("服务（帮办和应办）不足{from}次的只列成绩，不排名次。"),
                format!(
                    "With fewer than {from} services (queries assisted, cases due): listed, not ranked."
                ),
            ),
            Level::County | Level::Town => Words::new(
                format!("应办结不足{from}件的只列成绩，不排名次。"),
                format!("With fewer than {from} cases due: listed, not ranked."),
            ),
        });
    }
    if more > 0 {
        notes.push(Words::new(
            format!("另有{more}个见绩效评估页。"),
            format!("{more} more on the performance page."),
        ));
    }
    let note = (!notes.is_empty()).then(|| {
        let (zh, en): (Vec<String>, Vec<String>) =
            notes.into_iter().map(|it| (it.zh, it.en)).unzip();
        Words::new(zh.concat(), en.join(" "))
    });
    let Words { zh, en } = findings::level(ranking.level);
    let before = figures.of.month - Months::new(1);
    let who = match ranking.level {
        Level::County => Head::words("单位", "Unit", 6),
        Level::Town | Level::Village => Head::words("大厅", "Hall", 6),
    };
    Table {
        title: Words::new(format!("{zh}排名"), en),
        columns: vec![
            Head::number("名次", "Rank", 2),
            who,
            Head::number("得分", "Score", 3),
            Head::words("等次", "Grade", 3),
            Head::number("应办结", "Due", 3),
            Head::number("按时率", "On time", 3),
            Head::number("黄牌", "Yellow", 2),
            Head::number("红牌", "Red", 2),
            Head {
                name: Words::new(
                    format!("{}月名次", before.month()),
                    before.format("%b rank").to_string(),
                ),
                number: true,
                width: 3,
            },
        ],
        rows: ranking.lines.iter().take(MOST).map(row).collect(),
        note,
    }
}

fn grade(grade: Grade) -> Words {
    match grade {
        Grade::Excellent => Words::new("优秀", "excellent"),
        Grade::Good => Words::new("良好", "good"),
        Grade::Pass => Words::new("合格", "pass"),
        Grade::Fail => Words::new("不合格", "fail"),
    }
}

pub(super) fn corrections(figures: &Figures) -> Table {
    let score = |figures: Option<&mingjing_monitor::score::Figures>| {
        let score = figures.and_then(|figures| figures.score);
        Words::same(score.map_or_else(|| "—".to_owned(), |score| score.to_string()))
    };
    let row = |change: &mingjing_alerts::store::closings::Change| {
        // The last thing that people said about it; what time brought about has no words of theirs.
        let causes = change
            .differences
            .0
            .iter()
            .filter_map(|it| it.cause.as_ref());
        let why: Vec<&str> = causes.filter_map(|cause| cause.why.as_deref()).collect();
        let why = why.last().copied().unwrap_or("—");
        vec![
            Words::same(change.month.format("%Y-%m").to_string()),
            named(&change.name, &change.name_en),
            score(change.before.as_ref().map(|it| &it.0)),
            score(Some(&change.figures.0)),
            Words::same(mingjing_monitor::personal::mask_text(why)),
        ]
    };
    Table {
        title: Words::new("成绩更正", "Scores corrected"),
        columns: vec![
            Head::words("月份", "Month", 3),
            Head::words("对象", "Whose", 5),
            Head::number("原得分", "Before", 2),
            Head::number("更正为", "After", 2),
            Head::words("原因", "Why", 8),
        ],
        rows: figures.changes.iter().map(row).collect(),
        note: None,
    }
}
