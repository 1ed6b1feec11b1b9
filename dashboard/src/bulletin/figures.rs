//! The figures of a bulletin: a month of the county, or of a town with its villages, beside the month before. They are read from where
//! the pages read them: statistics, and the months as they were published.

use chrono::{DateTime, Months, NaiveDate, Utc};
use mingjing_alerts::store::closings::{self, Change, Which};
use mingjing_alerts::store::figures::{self as store, Overrun};
use mingjing_monitor::org::Level;
use mingjing_monitor::score::{self, Grade, Points};

use super::print::Format;
use crate::app::App;
use crate::performance::{self, Field, Line, Month};
use crate::problem::{Problem, Result};
use crate::statistics::{self, Asked, Table};

/// Cases over the legal limit that are named.
const NAMED: i64 = 10;

/// Whose bulletin, and of which month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Of {
    /// First day of the month.
    pub month: NaiveDate,
    /// Code of the hall at the top: the county's, or a town's.
    pub hall: String,
    /// Whether that is a town.
    pub town: bool,
}

impl Of {
    /// The county's bulletin, or that of the town with this code.
    ///
    /// # Errors
    /// `not-found` when there is no such town.
    pub fn new(app: &App, month: NaiveDate, town: Option<&str>) -> Result<Self> {
        let directory = app.directory();
        let hall = match town {
            None => directory.root(),
            Some(code) => {
                let hall = directory.hall(code);
                let town = hall.filter(|hall| hall.level == Level::Town);
                town.ok_or_else(|| Problem::not_found("town"))?.code.clone()
            }
        };
        let town = town.is_some();
        Ok(Self { month, hall, town })
    }

    /// As the audit log and notices name it: `2026-10`, `2026-10/T07`.
    pub fn name(&self) -> String {
        let month = self.month.format("%Y-%m");
        match self.town {
            true => format!("{month}/{}", self.hall),
            false => month.to_string(),
        }
    }

    /// What its file is called: `bulletin-2026-10.pdf`, `bulletin-2026-10-T07.pdf`.
    pub fn file_name(&self, format: Format) -> String {
        let month = self.month.format("%Y-%m");
        let ending = format.ending();
        if self.town {
            // A code may hold what a file's name may not.
            let plain = |letter: char| {
                if letter.is_ascii_alphanumeric() {
                    letter
                } else {
                    '-'
                }
            };
            let code: String = self.hall.chars().map(plain).collect();
            format!("bulletin-{month}-{code}.{ending}")
        } else {
            format!("bulletin-{month}.{ending}")
        }
    }

    /// What the file of an addendum is called: `addendum-1-2026-10.pdf`.
    pub fn addendum_name(&self, n: i32, format: Format) -> String {
        let name = self.file_name(format);
        name.replacen("bulletin-", &format!("addendum-{n}-"), 1)
    }
}

/// The counts of a month.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Numbers {
    /// Cases accepted.
    pub accepted: i64,
    /// Cases ended.
    pub completed: i64,
    /// Cases due and judged.
    pub due: i64,
    /// Of them, decided in time.
    pub met: i64,
    /// 提速率, a part of one.
    pub speed_up: Option<f64>,
    /// Decided past the legal limit, or past it still.
    pub over: store::Over,
    /// Yellow and red cards.
    pub cards: store::Cards,
    /// Notices and warnings.
    pub warnings: i64,
    /// Ratings.
    pub rated: i64,
    /// Of them, bad ones.
    pub bad: i64,
    /// Of a hundred.
    pub satisfaction: Option<f64>,
    /// Complaints received.
    pub complaints: i64,
    /// Of them, those that are open.
    pub complaints_open: i64,
    /// Of them, upheld.
    pub upheld: i64,
    /// Supervision orders.
    pub orders: store::Orders,
    /// Cameras that were down.
    pub cameras: Down,
    /// Sources that were silent.
    pub sources: Down,
}

/// What was down in a month.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Down {
    /// How many things.
    pub things: i64,
    /// How often.
    pub times: i64,
    /// For how many hours.
    pub hours: i64,
}

/// A line of a ranking.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranked {
    /// Code of hall or unit.
    pub code: String,
    /// Its rank; `None`: too few cases.
    pub rank: Option<u32>,
    /// The rank of the month before.
    pub previous: Option<u32>,
    /// Name.
    pub name: statistics::Words,
    /// Score, as published.
    pub score: Option<Points>,
    /// Grade, as published.
    pub grade: Option<Grade>,
    /// What came out since it was published.
    pub corrected: Option<Points>,
    /// Cases due.
    pub due: u64,
    /// Of them, in time.
    pub met: u64,
    /// Yellow cards.
    pub yellow: u64,
    /// Red cards.
    pub red: u64,
}

/// A ranking.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranking {
    /// Which.
    pub level: Level,
    /// With fewer cases due nobody is ranked.
    pub ranked_from: u64,
    /// In the order of their ranks; of the county as a whole.
    pub lines: Vec<Ranked>,
}

/// Everything that a bulletin is made of.
#[derive(Debug, Clone)]
pub struct Figures {
    /// Whose.
    pub of: Of,
    /// Whether the month is closed: its scores are published.
    pub closed: bool,
    /// The month.
    pub now: Numbers,
    /// The month before; `None`: nothing was recorded in it.
    pub before: Option<Numbers>,
    /// Cases by day: a chart.
    pub volumes: Table,
    /// Cards by rule: a chart.
    pub anomalies: Table,
    /// The rankings.
    pub rankings: Vec<Ranking>,
    /// The cases that were over the legal limit for longest.
    pub overruns: Vec<Overrun>,
    /// Scores of earlier months that came out otherwise in this one.
    pub changes: Vec<Change>,
    /// When the month ended.
    pub ended: DateTime<Utc>,
}

impl Figures {
    /// Reads them.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn read(app: &App, of: &Of) -> Result<Self> {
        let before = of.month - Months::new(1);
        let reference = performance::reference(app).await?;
        let span = reference.grounds(app.now()).span(of.month);
        let noticed = Which {
            noticed: Some(span),
            ..Which::default()
        };
        let beside = async {
            let changes = closings::changes(app.db(), noticed);
            let overruns = store::overruns(app.db(), &of.hall, span, NAMED);
            Ok(tokio::try_join!(changes, overruns)?)
        };
        let levels = |level| Box::pin(months(app, level, of.month));
        // Side by side: none waits for another. Each in a place of its own: all of them together are more than a thread's stack holds.
        let ((now, tables), (earlier, _), county, town, village, (mut changes, overruns)) = tokio::try_join!(
            Box::pin(numbers(app, &of.hall, of.month)),
            Box::pin(numbers(app, &of.hall, before)),
            levels(Level::County),
            levels(Level::Town),
            levels(Level::Village),
            Box::pin(beside),
        )?;
        let closed = village.0.published().is_some();
        let mut rankings = [
            (Level::County, county),
            (Level::Town, town),
            (Level::Village, village),
        ]
        .map(|(level, (month, before))| ranking(level, &month, &before))
        .to_vec();
        let directory = app.directory();
        let within = |code: &str| directory.tree().contains(&of.hall, code);
        if of.town {
            rankings.retain(|ranking| ranking.level != Level::County);
            for ranking in &mut rankings {
                // Its villages among themselves; the town keeps its place among all towns.
                if ranking.level == Level::Village {
                    ranking.lines.retain(|line| within(&line.code));
                }
            }
        }
        changes.retain(|change| !of.town || (change.level != "county" && within(&change.subject)));
        changes.reverse();
        let [volumes, anomalies] = tables;
        Ok(Self {
            closed,
            now,
            before: (earlier != Numbers::default()).then_some(earlier),
            volumes,
            anomalies,
            rankings,
            overruns,
            changes,
            ended: span.1,
            of: of.clone(),
        })
    }
}

/// A month of a level, and the one before.
async fn months(app: &App, level: Level, first: NaiveDate) -> Result<(Month, Month)> {
    let field = Field::new(app, level).await?;
    let month = |first| Box::pin(field.month(first));
    Ok(tokio::try_join!(
        month(first),
        month(first - Months::new(1))
    )?)
}

/// The counts of a month, and the tables of which charts are drawn.
async fn numbers(app: &App, hall: &str, month: NaiveDate) -> Result<(Numbers, [Table; 2])> {
    let asked = Asked::of_month(hall, month, app.now());
    let table = |name| Box::pin(statistics::table(app, name, &asked));
    let reference = performance::reference(app).await?;
    let span = reference.grounds(app.now()).span(month);
    let beside = async {
        Ok(tokio::try_join!(
            store::down(app.db(), hall, span),
            store::over(app.db(), hall, span),
            store::cards(app.db(), hall, span),
            store::orders(app.db(), hall, span),
        )?)
    };
    let (volumes, timeliness, ratings, anomalies, complaints, (down, over, cards, orders)) = tokio::try_join!(
        table("volumes"),
        table("timeliness"),
        table("ratings"),
        table("anomalies"),
        table("complaints"),
        beside,
    )?;
    let of = |thing: &str| {
        let found = down.iter().find(|down| down.thing == thing);
        found.map_or_else(Down::default, |down| Down {
            things: down.things,
            times: down.times,
            hours: (down.seconds + 1_800) / 3_600,
        })
    };
    let numbers = Numbers {
        accepted: whole(&volumes, "accepted"),
        completed: whole(&volumes, "completed"),
        due: whole(&timeliness, "due"),
        met: whole(&timeliness, "met"),
        speed_up: last(&timeliness, "speed_up"),
        over,
        cards,
        warnings: sum(&anomalies, "warnings"),
        rated: whole(&ratings, "rated"),
        bad: whole(&ratings, "rated_4") + whole(&ratings, "rated_5"),
        satisfaction: last(&ratings, "mean"),
        complaints: sum(&complaints, "received"),
        complaints_open: sum(&complaints, "open"),
        upheld: sum(&complaints, "upheld"),
        orders,
        cameras: of("camera"),
        sources: of("source"),
    };
    Ok((numbers, [volumes, anomalies]))
}

/// What stands in the last row, which sums the others up; nothing where there is no row.
fn last(table: &Table, column: &str) -> Option<f64> {
    let column = table.column(column)?;
    table.rows.last()?.get(column)?.number()
}

fn whole(table: &Table, column: &str) -> i64 {
    last(table, column).unwrap_or_default() as i64
}

/// The sum of a column of a table that sums nothing up itself.
fn sum(table: &Table, column: &str) -> i64 {
    let Some(column) = table.column(column) else {
        return 0;
    };
    let numbers = table.rows.iter().filter_map(|row| row[column].number());
    numbers.sum::<f64>() as i64
}

/// The lines of a ranking as its page shows them.
fn ranking(level: Level, month: &Month, before: &Month) -> Ranking {
    let closed = month.published().is_some();
    let standings = score::rank(&month.entries(), &before.entries(), month.ranked_from);
    let mut lines: Vec<Ranked> = standings
        .into_iter()
        .filter_map(|standing| {
            let line = month.lines.get(&standing.subject)?;
            let rank = match closed {
                true => line.published_rank,
                false => standing.rank,
            };
            ranked(line, standing.subject, (rank, standing.previous))
        })
        .collect();
    lines.sort_by_key(|line| {
        (
            line.rank.unwrap_or(u32::MAX),
            std::cmp::Reverse(line.score),
            line.code.clone(),
        )
    });
    Ranking {
        level,
        ranked_from: month.ranked_from,
        lines,
    }
}

fn ranked(
    line: &Line,
    code: String,
    (rank, previous): (Option<u32>, Option<u32>),
) -> Option<Ranked> {
    let figures = line.figures.as_ref()?;
    Some(Ranked {
        code,
        rank,
        previous,
        name: statistics::named(&line.name, &line.name_en),
        score: figures.score,
        grade: figures.grade,
        corrected: line.corrected.as_ref().and_then(|figures| figures.score),
        due: figures.due,
        met: figures.met,
        yellow: figures.yellow_cards,
        red: figures.red_cards,
    })
}
