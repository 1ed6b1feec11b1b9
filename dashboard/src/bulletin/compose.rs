//! From figures to a document: which sections there are, which charts and tables stand in them, and the frame of an official document.

mod tables;

use std::sync::Arc;

use chrono::Datelike;

use super::document::{Chart, Document, Section, Signature, Words};
use super::figures::Figures;
use super::findings;
use crate::app::App;
use crate::chart::{self, PaintError};
use crate::directory::Directory;
use crate::statistics::{self, Language, named};
use tables::{comparison, corrections, overruns, ranked};

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
