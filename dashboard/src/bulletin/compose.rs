//! From figures to a document: which sections there are, which charts and tables stand in them, and the frame of an official document.

use std::sync::Arc;

use chrono::{Datelike, Months};
use mingjing_monitor::calendar::Calendar;
use mingjing_monitor::org::Level;
use mingjing_monitor::score::Grade;

use super::document::{Chart, Document, Head, Section, Signature, Table, Words};
use super::figures::{Figures, Numbers, Ranking};
use super::findings::{self, percent, share, thousands};
use crate::app::App;
use crate::chart::{self, PaintError};
use crate::directory::Directory;
use crate::statistics::{self, Language, named};

/// Lines of a ranking that are printed; the page has them all.
const MOST: usize = 40;

/// What things are called.
pub struct Names {
    directory: Arc<Directory>,
}

impl Names {
    /// As the console knows them now.
    pub fn of(app: &App) -> Self {
        Self {
            directory: app.directory(),
        }
    }

    #[cfg(test)]
    pub fn none() -> Self {
        Self {
            directory: Arc::default(),
        }
    }

    fn county(&self) -> Words {
        let county = self.directory.county();
        county.map_or_else(
            || Words::new("本县", "The county"),
            |county| named(&county.name, &county.name_en),
        )
    }

    fn hall(&self, code: &str) -> Words {
        let hall = self.directory.hall(code);
        hall.map_or_else(
            || Words::same(code),
            |hall| named(&hall.name, &hall.name_en),
        )
    }
}

/// 一, 二, …: sections are few.
fn numeral(n: usize) -> &'static str {
    ["一", "二", "三", "四", "五", "六", "七", "八", "九", "十"]
        .get(n)
        .copied()
        .unwrap_or("十")
}

/// The document of these figures, not signed and not published.
///
/// # Errors
/// When a chart cannot be drawn.
pub fn document(names: &Names, figures: &Figures) -> Result<Document, PaintError> {
    let month = figures.of.month;
    let (year, number) = (month.year(), month.month());
    let (county, hall) = (names.county(), names.hall(&figures.of.hall));
    let of = if figures.of.town { &hall } else { &county };
    let english = month.format("%B %Y");
    let issue = if figures.of.town {
        Words::new(
            format!("{}第{number}期", hall.zh),
            format!("{} No. {number}", hall.en),
        )
    } else {
        Words::new(format!("第{number}期"), format!("No. {number}"))
    };
    let mut sections = vec![
        Section {
            charts: vec![chart(&figures.volumes)?],
            tables: vec![comparison(figures)],
            ..section(
                "cases",
                "办件与时限",
                "Cases and limits",
                findings::cases(figures),
            )
        },
        Section {
            charts: vec![chart(&figures.anomalies)?],
            tables: overruns(names, figures).into_iter().collect(),
            ..section(
                "cards",
                "红黄牌与责任追究",
                "Cards and accountability",
                findings::cards(figures),
            )
        },
        Section {
            tables: figures
                .rankings
                .iter()
                .filter(|ranking| !ranking.lines.is_empty())
                .map(|ranking| ranked(ranking, figures))
                .collect(),
            ..section(
                "rankings",
                "绩效排名",
                "Rankings",
                findings::rankings(figures),
            )
        },
        section(
            "satisfaction",
            "投诉与评价",
            "Complaints and ratings",
            findings::satisfaction(figures),
        ),
        section(
            "health",
            "摄像机与数据来源",
            "Cameras and sources",
            findings::health(figures),
        ),
        section(
            "orders",
            "督查督办",
            "Supervision orders",
            findings::orders(figures),
        ),
    ];
    if !figures.changes.is_empty() {
        sections.push(Section {
            tables: vec![corrections(figures)],
            ..section(
                "corrections",
                "以前月份成绩更正",
                "Corrections of earlier months",
                findings::corrections(figures),
            )
        });
    }
    // A chart of nothing shows nothing.
    for section in &mut sections {
        section.charts.retain(|chart| !chart.svg.zh.is_empty());
    }
    for (i, section) in sections.iter_mut().enumerate() {
        let Words { zh, en } = std::mem::take(&mut section.title);
        section.title = Words::new(format!("{}、{zh}", numeral(i)), format!("{}. {en}", i + 1));
    }
    let addressee = if figures.of.town {
        Words::new(
            format!("{}及各村级服务点：", hall.zh),
            format!("To {} and its village points:", hall.en),
        )
    } else {
        Words::new(
            "各乡镇中心、各进驻单位：",
            "To the town centres and the units of the county hall:",
        )
    };
    Ok(Document {
        head: Words::new(
            format!("{}政务服务电子监察通报", county.zh),
            format!("{}: Supervision Bulletin", county.en),
        ),
        number: Words::new(
            format!("〔{year}〕{}", issue.zh),
            format!("[{year}] {}", issue.en),
        ),
        title: Words::new(
            format!("关于{}{year}年{number}月政务服务监察情况的通报", of.zh),
            format!("Supervision of services in {}, {english}", of.en),
        ),
        addressee,
        sections,
        signature: Signature {
            issuer: Words::new(
                format!("{}电子监察中心", county.zh),
                format!("Electronic Supervision Centre, {}", county.en),
            ),
            ..Signature::default()
        },
        standing: None,
    })
}

fn section(key: &str, zh: &str, en: &str, findings: Vec<Words>) -> Section {
    Section {
        key: key.to_owned(),
        title: Words::new(zh, en),
        findings,
        ..Section::default()
    }
}

/// A statistic drawn, in both languages; without rows, nothing.
fn chart(table: &statistics::Table) -> Result<Chart, PaintError> {
    if table.rows.is_empty() {
        return Ok(Chart::default());
    }
    Ok(Chart {
        title: Words::new(
            format!("{}（{}）", table.title.zh, table.about.zh),
            format!("{} ({})", table.title.en, table.about.en),
        ),
        svg: Words::new(
            chart::svg(table, Language::Zh)?,
            chart::svg(table, Language::En)?,
        ),
    })
}

/// The month beside the one before.
fn comparison(figures: &Figures) -> Table {
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
fn overruns(names: &Names, figures: &Figures) -> Option<Table> {
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

fn ranked(ranking: &Ranking, figures: &Figures) -> Table {
    let row = |line: &super::figures::Ranked| {
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
        notes.push(Words::new(
            format!("应办结不足{from}件的只列成绩，不排名次。"),
            format!("With fewer than {from} cases due: listed, not ranked."),
        ));
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

fn corrections(figures: &Figures) -> Table {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bulletin::testing;

    #[test]
    fn the_document_carries_the_figures_in_both_languages() {
        let document = document(&Names::none(), &testing::figures()).unwrap();
        assert_eq!(
            document.number,
            Words::new("〔2026〕第10期", "[2026] No. 10")
        );
        assert_eq!(document.sections[0].title.zh, "一、办件与时限");
        let main = &document.sections[0].tables[0];
        assert_eq!(main.rows[4][1].zh, "99.2%");
        assert_eq!(
            main.rows[0][2].zh, "—",
            "nothing is known of the month before"
        );
        assert_eq!(document.sections[0].charts.len(), 1);
        // Nobody who reads one language misses what stands in the other.
        let said = document
            .sections
            .iter()
            .flat_map(|section| &section.findings);
        for words in said {
            assert!(!words.zh.is_empty() && !words.en.is_empty(), "{words:?}");
        }
    }
}
