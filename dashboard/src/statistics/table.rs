//! The one form that every statistic has: a table with named columns, and how it is drawn. Page, spreadsheet, CSV and the drawn charts all
//! are made of it, so their numbers cannot differ.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A text in both languages.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Words {
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

impl Words {
    /// Both.
    pub fn new(zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self {
            zh: zh.into(),
            en: en.into(),
        }
    }

    /// The same in both languages: a date, a code, a name that has no translation.
    pub fn same(text: impl Into<String>) -> Self {
        let text = text.into();
        Self::new(text.clone(), text)
    }

    /// In one language.
    pub fn of(&self, language: Language) -> &str {
        match language {
            Language::Zh => &self.zh,
            Language::En => &self.en,
        }
    }
}

/// In which language a file is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub enum Language {
    /// Chinese.
    #[default]
    #[serde(rename = "zh", alias = "zh-CN")]
    Zh,
    /// English.
    #[serde(rename = "en")]
    En,
}

/// What the numbers of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Words.
    Label,
    /// How many.
    Count,
    /// A part of a whole, 0 to 1; negative where more was used than allowed.
    Share,
    /// Workdays.
    Workdays,
    /// Points of a hundred.
    Points,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Column {
    /// Stable name.
    #[schema(value_type = String)]
    pub key: &'static str,
    /// Its heading.
    pub name: Words,
    /// What its numbers are.
    pub unit: Unit,
}

impl Column {
    /// A column.
    pub fn new(key: &'static str, zh: &str, en: &str, unit: Unit) -> Self {
        Self {
            key,
            name: Words::new(zh, en),
            unit,
        }
    }
}

/// A cell: what the row is about, a number, or nothing where there was nothing to count.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Cell {
    /// What the row is about: its code or date, and its name.
    Label {
        /// Code, date or month; empty where there is none.
        code: String,
        /// Its name.
        name: Words,
    },
    /// A number in the column's unit.
    Number(f64),
    /// Nothing.
    Missing,
}

impl Cell {
    /// A name with a code.
    pub fn label(code: impl Into<String>, name: Words) -> Self {
        Self::Label {
            code: code.into(),
            name,
        }
    }

    /// The number, where there is one.
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }
}

impl From<i64> for Cell {
    fn from(n: i64) -> Self {
        Self::Number(n as f64)
    }
}

impl From<Option<f64>> for Cell {
    fn from(number: Option<f64>) -> Self {
        number.map_or(Self::Missing, Self::Number)
    }
}

/// How a table is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// A line for each series, over time.
    Lines,
    /// Upright bars, series beside each other.
    Bars,
    /// Lying bars, series after each other, the first row on top.
    Rows,
    /// Boxes and arrows: `flow` of the table.
    Flow,
}

/// What is drawn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Drawn {
    /// How.
    pub form: Form,
    /// Keys of the columns that are drawn; they share a unit. What the rows are about is the first column.
    #[schema(value_type = Vec<String>)]
    pub series: Vec<&'static str>,
}

/// A step in a process map, with its place: columns from left to right, lanes from top to bottom.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Node {
    /// Code of the step; `^` the beginning, `$` the end.
    pub code: String,
    /// Its name.
    pub name: Words,
    /// How often it was done.
    pub n: i64,
    /// Column.
    pub x: f64,
    /// Lane; 0 is that of the steps which the item foresees.
    pub y: f64,
    /// Whether the item foresees it.
    pub foreseen: bool,
}

/// One step after another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Edge {
    /// Index of the step before, in `nodes`.
    pub from: usize,
    /// Index of the step after.
    pub to: usize,
    /// How often.
    pub n: i64,
    /// Whether the item foresees it.
    pub foreseen: bool,
}

/// A process map.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub struct Flow {
    /// Steps.
    pub nodes: Vec<Node>,
    /// What followed what, the most frequent first.
    pub edges: Vec<Edge>,
}

/// A statistic.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Table {
    /// Stable name, as in the path.
    #[schema(value_type = String)]
    pub name: &'static str,
    /// Heading.
    pub title: Words,
    /// What is counted: the span, the halls, unit and item.
    pub about: Words,
    /// Columns; the first one says what the row is about.
    pub columns: Vec<Column>,
    /// Rows.
    pub rows: Vec<Vec<Cell>>,
    /// How it is drawn; null: it is not.
    pub drawn: Option<Drawn>,
    /// The process map.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flow: Option<Flow>,
    /// What one has to know to read it.
    pub notes: Vec<Words>,
}

impl Table {
    /// The place of a column.
    pub fn column(&self, key: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.key == key)
    }
}
