//! A bulletin as data: everything that stands on its pages, in both languages. All printers take this and nothing else, so that what
//! was kept of one prints the same pages for ever.

use std::collections::BTreeMap;

use chrono::{Datelike, NaiveDate};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use crate::statistics::{Language, Words};

/// A bulletin, or an addendum to one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Document {
    /// The red head (发文机关标志): whose bulletin it is.
    pub head: Words,
    /// Its number (发文字号).
    pub number: Words,
    /// Its title.
    pub title: Words,
    /// To whom it goes (主送机关).
    pub addressee: Words,
    /// What it says.
    pub sections: Vec<Section>,
    /// Who signs it.
    pub signature: Signature,
    /// What stands under the title while it is not published, so that no print of a draft passes for the bulletin.
    pub standing: Option<Words>,
}

/// A section.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Section {
    /// Stable name: what is edited by it.
    pub key: String,
    /// Its heading.
    pub title: Words,
    /// Its paragraphs.
    pub findings: Vec<Words>,
    /// Its charts.
    pub charts: Vec<Chart>,
    /// Its tables.
    pub tables: Vec<Table>,
}

/// A chart, drawn.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Chart {
    /// What it shows.
    pub title: Words,
    /// SVG, in each language.
    pub svg: Words,
}

/// A table with its cells as they are shown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Table {
    /// What it shows.
    pub title: Words,
    /// Headings.
    pub columns: Vec<Head>,
    /// Rows.
    pub rows: Vec<Vec<Words>>,
    /// What one has to know to read it.
    pub note: Option<Words>,
}

/// A heading of a table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Head {
    /// The heading.
    pub name: Words,
    /// Whether numbers stand below it.
    pub number: bool,
    /// How wide it is, as a part of the sum of all.
    pub width: u32,
}

impl Head {
    /// Words stand below it.
    pub fn words(zh: &str, en: &str, width: u32) -> Self {
        Self {
            name: Words::new(zh, en),
            number: false,
            width,
        }
    }

    /// Numbers stand below it.
    pub fn number(zh: &str, en: &str, width: u32) -> Self {
        Self {
            number: true,
            ..Self::words(zh, en, width)
        }
    }
}

/// Who signs, and when.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Signature {
    /// Who issues it (发文机关署名).
    pub issuer: Words,
    /// Name of the leader who signed it; `None`: nobody did yet.
    pub leader: Option<String>,
    /// The day on which they did (成文日期).
    #[schema(value_type = Option<String>, format = Date)]
    pub date: Option<NaiveDate>,
    /// The day on which it was published (印发日期).
    #[schema(value_type = Option<String>, format = Date)]
    pub published: Option<NaiveDate>,
}

/// What people wrote in place of the drafted paragraphs of sections, by the sections' keys; a paragraph a line.
pub type Edits = BTreeMap<String, Words>;

impl Document {
    /// With what people wrote in place of what was drafted.
    #[must_use]
    pub fn edited(mut self, edits: &Edits) -> Self {
        for section in &mut self.sections {
            if let Some(text) = edits.get(&section.key) {
                section.findings = paragraphs(text);
            }
        }
        self
    }
}

/// The paragraphs of a text. Where one language has fewer, the rest is empty there and is not printed.
pub fn paragraphs(text: &Words) -> Vec<Words> {
    let lines = |text: &str| -> Vec<String> {
        let lines = text.lines().map(str::trim);
        lines
            .filter(|line| !line.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let (zh, en) = (lines(&text.zh), lines(&text.en));
    let line = |lines: &[String], i: usize| lines.get(i).cloned().unwrap_or_default();
    let most = zh.len().max(en.len());
    (0..most)
        .map(|i| Words::new(line(&zh, i), line(&en, i)))
        .collect()
}

/// A day as official documents write it: without zeros in front.
pub fn day(date: NaiveDate, language: Language) -> String {
    match language {
        Language::Zh => format!("{}年{}月{}日", date.year(), date.month(), date.day()),
        Language::En => date.format("%-d %B %Y").to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_wrote_stands_in_place_of_what_was_drafted() {
        let section = |key: &str| Section {
            key: key.into(),
            findings: vec![Words::same("drafted")],
            ..Section::default()
        };
        let document = Document {
            sections: vec![section("cases"), section("cards")],
            ..Document::default()
        };
        let edits = Edits::from([("cards".into(), Words::new("一。\n\n 二。 ", "One."))]);
        let document = document.edited(&edits);
        assert_eq!(document.sections[0].findings, [Words::same("drafted")]);
        assert_eq!(
            document.sections[1].findings,
            [Words::new("一。", "One."), Words::new("二。", "")]
        );
    }

    #[test]
    fn days_have_no_zeros_in_front() {
        let date = NaiveDate::from_ymd_opt(2026, 11, 5).unwrap();
        assert_eq!(day(date, Language::Zh), "2026年11月5日");
        assert_eq!(day(date, Language::En), "5 November 2026");
    }
}
