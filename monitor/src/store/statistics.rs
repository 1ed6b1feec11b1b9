//! What statistics are read from: the roll-ups of days and months, and the list of complaints. Whole months are read from the rows
//! of months and the days at the ends of a span from those of days, so that a year costs little more than a month. Where neither a hall, a unit
//! nor an item is asked for, they are read from sums over all of them ([`cut`]).

#[macro_use]
mod choice;

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use sqlx::PgPool;

use super::StoreError;
use crate::statistics::histogram;
pub(super) use choice::sums;
pub use choice::{By, FIRST, Filter, LAST};
use choice::{Covered, ITEMS};

/// Sums of cases, by what happened on the days of the span. Times are in millionths of a workday.
#[derive(Debug, Clone, Default, PartialEq, Eq, sqlx::FromRow)]
#[sqlx(default)]
pub struct Counts {
    /// What the row stands for.
    pub key: String,
    /// Accepted.
    pub accepted: i64,
    /// Ended, in whatever way.
    pub completed: i64,
    /// Of them, refused.
    pub refused: i64,
    /// Withdrawn.
    pub withdrawn: i64,
    /// Voided.
    pub voided: i64,
    /// Due in the span and decided in time; immediate items apart.
    pub met: i64,
    /// Due and over.
    pub over: i64,
    /// Ended with a promise, immediate items apart.
    pub promised: i64,
    /// Of them, on a day before the promise's.
    pub early: i64,
    /// Decided, for the applicant or against.
    pub measured: i64,
    /// Their working time.
    pub worked: i64,
    /// Working time of those that the law sets a limit.
    pub legal_worked: i64,
    /// What the law allowed them.
    pub legal_allowed: i64,
    /// What was promised to those with both limits.
    pub cut_promise: i64,
    /// What the law allowed them.
    pub cut_legal: i64,
    /// Ratings by level, the best first; empty where they are not wanted.
    pub rated: Vec<i64>,
}

/// Which of the counts are wanted; those of cases accepted and ended always are. What is not wanted is not read, and 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// How cases ended.
    Volumes,
    /// How many were decided, and their working time.
    Durations,
    /// What was due and promised, and what the law allowed.
    Timeliness,
    /// The five levels.
    Ratings,
}

/// The rows of single items that the span holds and that are seen, with these columns beside the accepted. Three ranges of an index, hall by hall.
macro_rules! item_rows {
    ($columns:literal) => {
        concat!(
            item_rows!(@ "month AS start", $columns, "rollup_month", "month BETWEEN $4 AND $5"),
            " UNION ALL ", item_rows!(@ "day", $columns, "rollup_day", "day BETWEEN $6 AND $7"),
            " UNION ALL ", item_rows!(@ "day", $columns, "rollup_day", "day BETWEEN $8 AND $9")
        )
    };
    (@ $start:literal, $columns:literal, $table:literal, $span:literal) => {
        concat!(
            "SELECT ", $start, ", hall, unit, item, accepted", $columns, " FROM ", $table, " WHERE ", $span, "
                 AND hall = ANY(ARRAY(SELECT code FROM hall WHERE path @> ARRAY[$1]))
                 AND ($2::text IS NULL OR unit = $2) AND ($3::text IS NULL OR item = $3)"
        )
    };
}
/// The statements that sum columns up: of rows of single items, and of sums.
macro_rules! counted {
    ($columns:literal, $sums:literal) => {
        [
            concat!(
                "WITH r AS (",
                item_rows!($columns),
                ")
                 SELECT ",
                key!(),
                " AS key, sum(accepted)::bigint AS accepted, sum(completed)::bigint AS completed, ",
                $sums,
                "
                 FROM r GROUP BY 1"
            ),
            concat!(
                "SELECT ",
                key!(),
                " AS key, sum(accepted)::bigint AS accepted, sum(completed)::bigint AS completed, ",
                $sums,
                "
                 FROM ",
                sum_rows!("rollup_sum"),
                " GROUP BY 1"
            ),
        ]
    };
}

/// Sums of cases, in no order.
pub async fn counts(
    pool: &PgPool,
    filter: &Filter,
    by: By,
    wanted: Wanted,
) -> Result<Vec<Counts>, StoreError> {
    let [single, summed] = match wanted {
        Wanted::Volumes => counted!(
            ", completed, refused, withdrawn, voided",
            "sum(refused)::bigint AS refused, sum(withdrawn)::bigint AS withdrawn, sum(voided)::bigint AS voided"
        ),
        Wanted::Durations => counted!(
            ", completed, measured, worked",
            "sum(measured)::bigint AS measured, sum(worked)::bigint AS worked"
        ),
        Wanted::Timeliness => counted!(
            ", completed, due_met, due_over, promised, early, legal_worked, legal_allowed, cut_promise, cut_legal",
            "sum(due_met)::bigint AS met, sum(due_over)::bigint AS over, sum(promised)::bigint AS promised, sum(early)::bigint AS early,
             sum(legal_worked)::bigint AS legal_worked, sum(legal_allowed)::bigint AS legal_allowed,
             sum(cut_promise)::bigint AS cut_promise, sum(cut_legal)::bigint AS cut_legal"
        ),
        Wanted::Ratings => counted!(
            ", completed, rated_1, rated_2, rated_3, rated_4, rated_5",
            "ARRAY[sum(rated_1), sum(rated_2), sum(rated_3), sum(rated_4), sum(rated_5)]::bigint[] AS rated"
        ),
    };
    Ok(match filter.sums(pool, by).await? {
        Some(sums) => ask!(filter, by, sums, summed).fetch_all(pool).await?,
        None => ask!(filter, by, single).fetch_all(pool).await?,
    })
}

/// How long cases took: how many were decided in each class of `statistics::histogram`, the shortest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Durations {
    /// By what a row stands for.
    pub by: HashMap<String, Vec<(i16, i64)>>,
    /// All together.
    pub all: Vec<(i16, i64)>,
}

impl Durations {
    fn of<'a>(rows: impl Iterator<Item = (&'a str, i16, i64)>) -> Self {
        let mut by: HashMap<String, Vec<(i16, i64)>> = HashMap::new();
        let mut all: BTreeMap<i16, i64> = BTreeMap::new();
        for (key, class, n) in rows.filter(|(.., n)| *n != 0) {
            *all.entry(class).or_default() += n;
            match by.get_mut(key) {
                Some(classes) => classes.push((class, n)),
                None => drop(by.insert(key.to_owned(), vec![(class, n)])),
            }
        }
        by.values_mut().for_each(|classes| classes.sort_unstable());
        Self {
            by,
            all: all.into_iter().collect(),
        }
    }
}

/// How long cases took.
pub async fn durations(pool: &PgPool, filter: &Filter, by: By) -> Result<Durations, StoreError> {
    let single = concat!(
        "SELECT ",
        key!(),
        " AS key, class, sum(n)::bigint AS n FROM ",
        rows!("rollup_duration"),
        "
         GROUP BY 1, 2"
    );
    let summed = concat!(
        "SELECT ", key!(), " AS key, octave, ARRAY[sum(n_0), sum(n_1), sum(n_2), sum(n_3), sum(n_4), sum(n_5), sum(n_6), sum(n_7),
             sum(n_8), sum(n_9), sum(n_10), sum(n_11), sum(n_12), sum(n_13), sum(n_14), sum(n_15)] AS n
         FROM ", sum_rows!("rollup_duration_sum"), " GROUP BY 1, 2"
    );
    let Some(sums) = filter.sums(pool, by).await? else {
        let classes: Vec<(String, i16, i64)> = ask!(filter, by, single).fetch_all(pool).await?;
        let classes = classes
            .iter()
            .map(|(key, class, n)| (key.as_str(), *class, *n));
        return Ok(Durations::of(classes));
    };
    // Sixteen classes that follow each other in a row.
    let octaves: Vec<(String, i16, Vec<i64>)> =
        ask!(filter, by, sums, summed).fetch_all(pool).await?;
    Ok(Durations::of(octaves.iter().flat_map(
        |(key, octave, n)| {
            let classes = histogram::of_octave(*octave).zip(n);
            classes.map(move |(class, n)| (key.as_str(), class, *n))
        },
    )))
}

/// The finished runs of a step in a unit. Times are in millionths of a workday.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct StepSums {
    /// Code of the unit.
    pub unit: String,
    /// Code of the step.
    pub step: String,
    /// Runs finished.
    pub runs: i64,
    /// Of them, those whose beginning was told.
    pub begun: i64,
    /// How long those had waited.
    pub waited: i64,
    /// How long they took.
    pub worked: i64,
    /// Of the others, from the end of the step before to their own.
    pub undivided: i64,
    /// Finished past the limit of the step.
    pub over: i64,
}

/// The steps of each unit, those that held cases longest first.
pub async fn steps(
    pool: &PgPool,
    filter: &Filter,
    limit: i64,
) -> Result<Vec<StepSums>, StoreError> {
    macro_rules! summed {
        ($rows:expr) => {
            concat!(
                "SELECT unit, step, sum(runs)::bigint AS runs, sum(begun)::bigint AS begun, sum(waited)::bigint AS waited,
                     sum(worked)::bigint AS worked, sum(undivided)::bigint AS undivided, sum(over)::bigint AS over
                 FROM ", $rows, " WHERE $10 <> '' GROUP BY unit, step HAVING sum(runs) > 0
                 ORDER BY sum(waited + worked + undivided) DESC, unit, step LIMIT "
            )
        };
    }
    let single = concat!(summed!(rows!("rollup_step")), "$11");
    let of_sums = concat!(summed!(sum_rows!("rollup_step_sum")), "$12");
    // There are sums by unit alone.
    let sums = filter.sums(pool, By::Unit).await?;
    Ok(match sums.filter(|sums| sums.cut != ITEMS) {
        Some(sums) => {
            let rows = ask!(filter, By::Whole, sums, of_sums).bind(limit);
            rows.fetch_all(pool).await?
        }
        None => {
            let rows = ask!(filter, By::Whole, single).bind(limit);
            rows.fetch_all(pool).await?
        }
    })
}

/// How cases came in.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Channel {
    /// `web`, `window`, …; empty where no event says it.
    pub channel: String,
    /// Cases accepted.
    pub n: i64,
}

/// The channels, the most used first.
pub async fn channels(pool: &PgPool, filter: &Filter) -> Result<Vec<Channel>, StoreError> {
    macro_rules! summed {
        ($rows:expr) => {
            concat!(
                "SELECT channel, sum(n)::bigint AS n FROM ",
                $rows,
                " WHERE $10 <> ''
                 GROUP BY channel HAVING sum(n) > 0 ORDER BY 2 DESC, 1"
            )
        };
    }
    let single = summed!(rows!("rollup_channel"));
    let of_sums = summed!(sum_rows!("rollup_channel_sum"));
    // There are none by item.
    let sums = filter.sums(pool, By::Whole).await?;
    Ok(match sums.filter(|sums| sums.cut != ITEMS) {
        Some(sums) => {
            let rows = ask!(filter, By::Whole, sums, of_sums);
            rows.fetch_all(pool).await?
        }
        None => ask!(filter, By::Whole, single).fetch_all(pool).await?,
    })
}

/// Cases of an item accepted at each level of halls.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct ItemLevels {
    /// Code of the item.
    pub item: String,
    /// In halls of the county.
    pub county: i64,
    /// In town centres.
    pub town: i64,
    /// At village points.
    pub village: i64,
}

/// Where cases of each item were accepted.
pub async fn levels(pool: &PgPool, filter: &Filter) -> Result<Vec<ItemLevels>, StoreError> {
    macro_rules! by_level {
        ($rows:expr) => {
            concat!(
                "SELECT item, coalesce(sum(accepted) FILTER (WHERE level = 'county'), 0)::bigint AS county,
                     coalesce(sum(accepted) FILTER (WHERE level = 'town'), 0)::bigint AS town,
                     -- Of a hall that nobody has set up too.
                     coalesce(sum(accepted) FILTER (WHERE level NOT IN ('county', 'town')), 0)::bigint AS village
                 FROM (", $rows, ") AS r WHERE $10 <> '' GROUP BY item HAVING sum(accepted) > 0 ORDER BY item"
            )
        };
    }
    macro_rules! sums {
        ($span:literal) => {
            concat!(
                "SELECT item, level, accepted FROM rollup_level WHERE ", $span, " AND $1 <> ''
                     AND ($2::text IS NULL OR unit = $2) AND ($3::text IS NULL OR item = $3)"
            )
        };
    }
    let single = by_level!(concat!(
        "SELECT r.item, h.level, r.accepted FROM (",
        item_rows!(""),
        ") AS r JOIN hall h ON h.code = r.hall"
    ));
    let sums = by_level!(concat!(
        sums!("grain = 'm' AND start BETWEEN $4 AND $5"),
        " UNION ALL ",
        sums!("grain = 'd' AND start BETWEEN $6 AND $7"),
        " UNION ALL ",
        sums!("grain = 'd' AND start BETWEEN $8 AND $9")
    ));
    let county = filter.sums(pool, By::Item).await?.is_some();
    let rows = ask!(filter, By::Whole, if county { sums } else { single });
    Ok(rows.fetch_all(pool).await?)
}

/// How often one step directly followed another; empty: the beginning, the end.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Follows {
    /// Code of the step before.
    pub earlier: String,
    /// Code of the step after.
    pub later: String,
    /// How often.
    pub n: i64,
}

/// The months that a span touches: ways are kept by months only.
fn months_of(filter: &Filter) -> (NaiveDate, NaiveDate) {
    let first = |day: NaiveDate| day.with_day(1).unwrap_or(day);
    (first(filter.from), first(filter.to))
}

/// What followed what in the cases of the filter's item that were decided in the months that its span touches.
pub async fn follows(pool: &PgPool, filter: &Filter) -> Result<Vec<Follows>, StoreError> {
    let (from, to) = months_of(filter);
    let sql = concat!(
        "SELECT earlier, later, sum(n)::bigint AS n FROM rollup_follows WHERE ",
        seen!(),
        " AND month BETWEEN $4 AND $5
         GROUP BY 1, 2 HAVING sum(n) > 0 ORDER BY 3 DESC, 1, 2"
    );
    let rows = sqlx::query_as(sql)
        .bind(&filter.hall)
        .bind(filter.unit.as_deref())
        .bind(filter.item.as_deref());
    Ok(rows.bind(from).bind(to).fetch_all(pool).await?)
}

/// A way that cases took.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Variant {
    /// Codes of its steps, in order.
    #[sqlx(json)]
    pub steps: Vec<String>,
    /// How many cases.
    pub n: i64,
    /// How many ways there are, with those past the limit.
    pub ways: i64,
}

/// The ways of those cases, the most used first; at most `limit`.
pub async fn variants(
    pool: &PgPool,
    filter: &Filter,
    limit: i64,
) -> Result<Vec<Variant>, StoreError> {
    let (from, to) = months_of(filter);
    let sql = concat!(
        "SELECT (array_agg(steps))[1] AS steps, sum(n)::bigint AS n, count(*) OVER () AS ways
         FROM rollup_variant
         WHERE ",
        seen!(),
        " AND month BETWEEN $4 AND $5
         GROUP BY variant HAVING sum(n) > 0 ORDER BY 2 DESC, variant LIMIT $6"
    );
    let rows = sqlx::query_as(sql)
        .bind(&filter.hall)
        .bind(filter.unit.as_deref())
        .bind(filter.item.as_deref());
    Ok(rows.bind(from).bind(to).bind(limit).fetch_all(pool).await?)
}

/// The item with the most cases decided in the months that the span touches; `None`: there is none.
pub async fn busiest_item(pool: &PgPool, filter: &Filter) -> Result<Option<String>, StoreError> {
    let (from, to) = months_of(filter);
    macro_rules! busiest {
        ($rows:expr) => {
            concat!(
                "SELECT item FROM ", $rows, " BETWEEN $4 AND $5 AND item <> ''
                 GROUP BY item HAVING sum(measured) > 0 ORDER BY sum(measured) DESC, item LIMIT 1"
            )
        };
    }
    let sql = match filter.sums(pool, By::Item).await? {
        None => busiest!(concat!("rollup_month WHERE ", seen!(), " AND month")),
        Some(_) => busiest!(
            "rollup_sum WHERE cut = 'i' AND grain = 'm' AND hall = '' AND $1 <> '' AND ($2::text IS NULL OR unit = $2)
                 AND ($3::text IS NULL OR item = $3) AND start"
        ),
    };
    let row = sqlx::query_scalar(sql)
        .bind(&filter.hall)
        .bind(filter.unit.as_deref())
        .bind(filter.item.as_deref());
    let row = row.bind(from).bind(to).persistent(false);
    Ok(row.fetch_optional(pool).await?)
}

/// Complaints of one kind, by what came of them.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Complaints {
    /// `infringement`, `irregularity`, `consultation`; empty where no event says it.
    pub kind: String,
    /// Received in the span.
    pub received: i64,
    /// Of them, not accepted.
    pub refused: i64,
    /// Still open.
    pub open: i64,
    /// Closed and found true.
    pub upheld: i64,
    /// Closed and found untrue.
    pub not_upheld: i64,
    /// Closed without a word on it.
    pub closed: i64,
    /// Open past the day by which they were to be finished.
    pub late: i64,
}

/// Complaints received in [from, to), as they stand at `now`.
pub async fn complaints(
    pool: &PgPool,
    filter: &Filter,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Vec<Complaints>, StoreError> {
    let sql = concat!(
        "SELECT coalesce(kind, '') AS kind, count(*) AS received, count(*) FILTER (WHERE status = 'refused') AS refused,
             count(*) FILTER (WHERE is_open) AS open, count(*) FILTER (WHERE upheld) AS upheld,
             count(*) FILTER (WHERE NOT upheld) AS not_upheld,
             count(*) FILTER (WHERE NOT is_open AND upheld IS NULL AND status <> 'refused') AS closed,
             count(*) FILTER (WHERE is_open AND finish_due < $6) AS late
         FROM (SELECT *, fold ->> 'item' AS item FROM complaint WHERE opened_at >= $4 AND opened_at < $5) AS c
         WHERE ", seen!(), " GROUP BY 1 ORDER BY 2 DESC, 1"
    );
    let rows = sqlx::query_as(sql)
        .bind(&filter.hall)
        .bind(filter.unit.as_deref())
        .bind(filter.item.as_deref());
    Ok(rows.bind(from).bind(to).bind(now).fetch_all(pool).await?)
}
