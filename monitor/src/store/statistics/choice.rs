//! Which rows hold what is asked for: those of months and of days that make up its span, of single items or of a sum over them.

use chrono::{Datelike, Days, Months, NaiveDate};
use sqlx::PgPool;

use crate::store::StoreError;

/// What is counted: a subtree of halls, perhaps of one unit and one item, on the local days `from` to `to`, both included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// The hall at the top.
    pub hall: String,
    /// Only this unit.
    pub unit: Option<String>,
    /// Only this item.
    pub item: Option<String>,
    /// First day.
    pub from: NaiveDate,
    /// Last day.
    pub to: NaiveDate,
}

/// What a row of an answer stands for; its key is a date, a month like `2026-10`, a code, or empty for the whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// Everything together.
    Whole,
    /// A day.
    Day,
    /// A month, as far as it lies in the span.
    Month,
    /// A hall.
    Hall,
    /// A unit.
    Unit,
    /// An item.
    Item,
}

impl By {
    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Day => "day",
            Self::Month => "month",
            Self::Hall => "hall",
            Self::Unit => "unit",
            Self::Item => "item",
        }
    }
}

/// A span as rows hold it: months from first to last, then days before and after them. What there is none of ends before it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Covered {
    pub(super) months: (NaiveDate, NaiveDate),
    pub(super) before: (NaiveDate, NaiveDate),
    pub(super) after: (NaiveDate, NaiveDate),
}

/// No days.
const NONE: (NaiveDate, NaiveDate) = (NaiveDate::MAX, NaiveDate::MIN);

impl Covered {
    /// By days alone where each day is asked for.
    pub(super) fn of(filter: &Filter, by: By) -> Self {
        let (from, to) = (filter.from, filter.to);
        let days = Self {
            months: NONE,
            before: (from, to),
            after: NONE,
        };
        let first_of = |day: NaiveDate| day.with_day(1).unwrap_or(day);
        let next = |first: NaiveDate| first + Months::new(1);
        let first = if from.day() == 1 {
            from
        } else {
            next(first_of(from))
        };
        // The month that begins after the last whole one.
        let end = first_of(to + Days::new(1));
        if by == By::Day || first >= end {
            return days;
        }
        let last = end - Months::new(1);
        let part = |from: NaiveDate, to: NaiveDate| if from <= to { (from, to) } else { NONE };
        Self {
            months: (first, last),
            before: part(from, first - Days::new(1)),
            after: part(end, to),
        }
    }
}

/// Binds what every query here begins with: $1 to $3 what is seen, $4 to $9 the span, $10 what a row stands for; of sums $11, their cut, and no hall as $1
/// where they are of all.
macro_rules! ask {
    ($filter:expr, $by:expr, $sums:expr, $sql:expr) => {
        ask!(@ $filter, (!$sums.of_all).then_some($filter.hall.as_str()), $by, $sql).bind($sums.cut)
    };
    ($filter:expr, $by:expr, $sql:expr) => {
        ask!(@ $filter, &$filter.hall, $by, $sql)
    };
    (@ $filter:expr, $hall:expr, $by:expr, $sql:expr) => {{
        let covered = Covered::of($filter, $by);
        // PostgreSQL has no date as late as chrono's last.
        let shown = |day: NaiveDate| day.clamp(FIRST, LAST);
        sqlx::query_as($sql)
            .bind($hall)
            .bind($filter.unit.as_deref())
            .bind($filter.item.as_deref())
            .bind(shown(covered.months.0))
            .bind(shown(covered.months.1))
            .bind(shown(covered.before.0))
            .bind(shown(covered.before.1))
            .bind(shown(covered.after.0))
            .bind(shown(covered.after.1))
            .bind($by.as_str())
            // Planned for what is asked: a plan for any hall and item would read all of them.
            .persistent(false)
    }};
}

/// No year before it is supervised, and none after [`LAST`].
pub const FIRST: NaiveDate = NaiveDate::from_ymd_opt(1900, 1, 1).expect("a date");
/// See [`FIRST`].
pub const LAST: NaiveDate = NaiveDate::from_ymd_opt(2999, 12, 31).expect("a date");

/// In what is seen.
macro_rules! seen {
    () => {
        "hall IN (SELECT code FROM hall WHERE path @> ARRAY[$1]) AND ($2::text IS NULL OR unit = $2)
           AND ($3::text IS NULL OR item = $3)"
    };
}
/// The rows of `$table` that the span holds and that are seen. `start` is their day, or the first day of their month. Three ranges of an index: joined to a
/// list of spans, all rows would be read.
macro_rules! rows {
    ($table:literal) => {
        rows!($table, "hall = ANY(ARRAY(SELECT code FROM hall WHERE path @> ARRAY[$1]))")
    };
    ($table:literal, $seen:literal) => {
        concat!(
            "(", rows!(@ $table, $seen, "grain = 'm' AND start BETWEEN $4 AND $5"),
            " UNION ALL ", rows!(@ $table, $seen, "grain = 'd' AND start BETWEEN $6 AND $7"),
            " UNION ALL ", rows!(@ $table, $seen, "grain = 'd' AND start BETWEEN $8 AND $9"), ") AS r"
        )
    };
    (@ $table:literal, $seen:literal, $span:literal) => {
        concat!(
            "SELECT * FROM ", $table, " WHERE ", $span, " AND ", $seen,
            " AND ($2::text IS NULL OR unit = $2) AND ($3::text IS NULL OR item = $3)"
        )
    };
}
/// The same of sums of the cut $11. Those of all halls are found by their days: looked up hall by hall, each would be in a page of its own.
macro_rules! sum_rows {
    ($table:literal) => {
        rows!(
            $table,
            "cut = $11 AND CASE WHEN $11::\"char\" NOT IN ('h', 'p') THEN hall = '' WHEN $1::text IS NULL THEN true
                                ELSE hall = ANY(ARRAY(SELECT code FROM hall WHERE path @> ARRAY[$1])) END"
        )
    };
}
macro_rules! key {
    () => {
        "CASE $10 WHEN 'day' THEN start::text WHEN 'month' THEN to_char(start, 'YYYY-MM') WHEN 'hall' THEN hall
              WHEN 'unit' THEN unit WHEN 'item' THEN item ELSE '' END"
    };
}

/// The word of a sum in `rollup_cut`.
pub(super) type Cut = i8;
/// Of the items of a unit in all halls.
pub(super) const ITEMS: Cut = b'i'.cast_signed();

/// Whether no hall lies outside of what is below `hall`.
async fn is_county(pool: &PgPool, hall: &str) -> Result<bool, StoreError> {
    let row =
        sqlx::query_scalar("SELECT NOT EXISTS (SELECT FROM hall WHERE NOT path @> ARRAY[$1])");
    Ok(row.bind(hall).fetch_one(pool).await?)
}

/// Of halls, with all their units and items.
const HALLS: Cut = b'h'.cast_signed();

/// Sums that hold what is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sums {
    /// Their word in `rollup_cut`.
    pub cut: Cut,
    /// Whether they are of halls, and all of those are meant.
    pub of_all: bool,
}

/// The sums that hold what is asked for; `None`: only the rows of single items do.
pub async fn sums(
    pool: &PgPool,
    hall: &str,
    unit: bool,
    item: bool,
    by: By,
) -> Result<Option<Sums>, StoreError> {
    let county = is_county(pool, hall).await?;
    let hall = by == By::Hall || !county;
    let cut = match (hall, unit || by == By::Unit, item || by == By::Item) {
        (false, false, false) => b'w',
        (true, false, false) => b'h',
        (false, true, false) => b'u',
        (true, true, false) => b'p',
        (false, _, true) => b'i',
        (true, _, true) => return Ok(None),
    };
    let cut = cut.cast_signed();
    let of_all = county && cut == HALLS;
    Ok(Some(Sums { cut, of_all }))
}

impl Filter {
    pub(super) async fn sums(&self, pool: &PgPool, by: By) -> Result<Option<Sums>, StoreError> {
        sums(
            pool,
            &self.hall,
            self.unit.is_some(),
            self.item.is_some(),
            by,
        )
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covered(from: &str, to: &str) -> Covered {
        let filter = Filter {
            hall: "C".into(),
            unit: None,
            item: None,
            from: from.parse().unwrap(),
            to: to.parse().unwrap(),
        };
        Covered::of(&filter, By::Whole)
    }

    #[test]
    fn a_span_is_whole_months_and_the_days_at_its_ends() {
        let span = |from: &str, to: &str| (from.parse().unwrap(), to.parse().unwrap());
        for (from, to, months, before, after) in [
            (
                "2026-10-01",
                "2026-10-31",
                span("2026-10-01", "2026-10-01"),
                NONE,
                NONE,
            ),
            (
                "2025-12-15",
                "2026-03-02",
                span("2026-01-01", "2026-02-01"),
                span("2025-12-15", "2025-12-31"),
                span("2026-03-01", "2026-03-02"),
            ),
            (
                "2026-10-02",
                "2026-10-31",
                NONE,
                span("2026-10-02", "2026-10-31"),
                NONE,
            ),
            (
                "2026-10-20",
                "2026-11-10",
                NONE,
                span("2026-10-20", "2026-11-10"),
                NONE,
            ),
            (
                "2026-10-31",
                "2026-11-30",
                span("2026-11-01", "2026-11-01"),
                span("2026-10-31", "2026-10-31"),
                NONE,
            ),
        ] {
            assert_eq!(
                covered(from, to),
                Covered {
                    months,
                    before,
                    after
                },
                "{from} to {to}"
            );
        }
    }
}
