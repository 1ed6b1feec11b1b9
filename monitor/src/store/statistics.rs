//! What statistics are read from: the roll-ups of days and months, and the list of complaints. Whole months are read from the rows
//! of months and the days at the ends of a span from those of days, so that a year costs little more than a month. Where neither a hall, a unit
//! nor an item is asked for, they are read from sums over all of them ([`cut`]).

#[macro_use]
mod choice;

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use sqlx::PgPool;

use super::StoreError;
use crate::statistics::histogram;
pub(super) use choice::cut;
pub use choice::{By, FIRST, Filter, LAST};
use choice::{Covered, ITEMS};

/// Sums of cases, by what happened on the days of the span. Times are in millionths of a workday.
#[derive(Debug, Clone, Default, PartialEq, Eq, sqlx::FromRow)]
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
    /// Ratings by level, the best first.
    pub rated: Vec<i64>,
}

/// Sums of cases, in no order.
pub async fn counts(pool: &PgPool, filter: &Filter, by: By) -> Result<Vec<Counts>, StoreError> {
    macro_rules! columns {
        () => {
            "hall, unit, item, accepted, completed, refused, withdrawn, voided, due_met, due_over, promised, early, measured, worked,
             legal_worked, legal_allowed, cut_promise, cut_legal, rated_1, rated_2, rated_3, rated_4, rated_5"
        };
    }
    macro_rules! summed {
        ($rows:expr) => {
            concat!(
                "WITH r AS (", $rows, ")
                 SELECT ", key!(), " AS key, sum(accepted)::bigint AS accepted, sum(completed)::bigint AS completed,
                     sum(refused)::bigint AS refused, sum(withdrawn)::bigint AS withdrawn, sum(voided)::bigint AS voided,
                     sum(due_met)::bigint AS met, sum(due_over)::bigint AS over, sum(promised)::bigint AS promised,
                     sum(early)::bigint AS early, sum(measured)::bigint AS measured, sum(worked)::bigint AS worked,
                     sum(legal_worked)::bigint AS legal_worked, sum(legal_allowed)::bigint AS legal_allowed,
                     sum(cut_promise)::bigint AS cut_promise, sum(cut_legal)::bigint AS cut_legal,
                     ARRAY[sum(rated_1), sum(rated_2), sum(rated_3), sum(rated_4), sum(rated_5)]::bigint[] AS rated
                 FROM r GROUP BY 1"
            )
        };
    }
    let single = summed!(concat!(
        "SELECT month AS start, ",
        columns!(),
        " FROM rollup_month WHERE ",
        seen!(),
        " AND month BETWEEN $4 AND $5
         UNION ALL SELECT day, ",
        columns!(),
        " FROM rollup_day WHERE ",
        seen!(),
        "
             AND (day BETWEEN $6 AND $7 OR day BETWEEN $8 AND $9)"
    ));
    let sums = summed!(concat!(
        "SELECT start, ",
        columns!(),
        " FROM ",
        sum_rows!("rollup_sum")
    ));
    Ok(match filter.cut(pool, by).await? {
        Some(cut) => ask!(filter, by, sums).bind(cut).fetch_all(pool).await?,
        None => ask!(filter, by, single).fetch_all(pool).await?,
    })
}

/// Cases decided, by class of working time (`statistics::histogram`).
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Class {
    /// What the row stands for.
    pub key: String,
    /// The class.
    pub class: i16,
    /// How many.
    pub n: i64,
}

/// Sixteen classes that follow each other.
#[derive(sqlx::FromRow)]
struct Octave {
    key: String,
    octave: i16,
    n: Vec<i64>,
}

/// How long cases took, in no order.
pub async fn durations(pool: &PgPool, filter: &Filter, by: By) -> Result<Vec<Class>, StoreError> {
    let single = concat!(
        "SELECT ",
        key!(),
        " AS key, class, sum(n)::bigint AS n FROM ",
        rows!("rollup_duration"),
        "
         GROUP BY 1, 2 HAVING sum(n) <> 0"
    );
    let sums = concat!(
        "SELECT ", key!(), " AS key, octave, ARRAY[sum(n_0), sum(n_1), sum(n_2), sum(n_3), sum(n_4), sum(n_5), sum(n_6), sum(n_7),
             sum(n_8), sum(n_9), sum(n_10), sum(n_11), sum(n_12), sum(n_13), sum(n_14), sum(n_15)]::bigint[] AS n
         FROM ", sum_rows!("rollup_duration_sum"), " GROUP BY 1, 2"
    );
    let Some(cut) = filter.cut(pool, by).await? else {
        return Ok(ask!(filter, by, single).fetch_all(pool).await?);
    };
    let octaves: Vec<Octave> = ask!(filter, by, sums).bind(cut).fetch_all(pool).await?;
    let classes = octaves.into_iter().flat_map(|octave| {
        let classes = octave
            .n
            .into_iter()
            .zip(histogram::of_octave(octave.octave));
        let key = octave.key;
        classes
            .filter(|(n, _)| *n != 0)
            .map(move |(n, class)| Class {
                key: key.clone(),
                class,
                n,
            })
    });
    Ok(classes.collect())
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
    let sums = concat!(summed!(sum_rows!("rollup_step_sum")), "$12");
    // There are sums by unit alone.
    let cut = filter
        .cut(pool, By::Unit)
        .await?
        .filter(|cut| *cut != ITEMS);
    Ok(match cut {
        Some(cut) => {
            let rows = ask!(filter, By::Whole, sums).bind(cut).bind(limit);
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
    let sums = summed!(sum_rows!("rollup_channel_sum"));
    // There are none by item.
    let cut = filter
        .cut(pool, By::Whole)
        .await?
        .filter(|cut| *cut != ITEMS);
    Ok(match cut {
        Some(cut) => {
            let rows = ask!(filter, By::Whole, sums).bind(cut);
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
    // Halls of the levels $of, each with its level.
    macro_rules! by_level {
        ($of:literal) => {
            concat!(
                "below AS (SELECT code, level FROM hall WHERE path @> ARRAY[$1]", $of, "),
                 r AS (SELECT hall, item, accepted FROM rollup_month WHERE month BETWEEN $4 AND $5
                         AND hall IN (SELECT code FROM below) AND ($2::text IS NULL OR unit = $2) AND ($3::text IS NULL OR item = $3)
                       UNION ALL
                       SELECT hall, item, accepted FROM rollup_day WHERE (day BETWEEN $6 AND $7 OR day BETWEEN $8 AND $9)
                         AND hall IN (SELECT code FROM below) AND ($2::text IS NULL OR unit = $2) AND ($3::text IS NULL OR item = $3)),
                 l AS (SELECT r.item, coalesce(sum(accepted) FILTER (WHERE level = 'county'), 0)::bigint AS county,
                           coalesce(sum(accepted) FILTER (WHERE level = 'town'), 0)::bigint AS town,
                           coalesce(sum(accepted) FILTER (WHERE level = 'village'), 0)::bigint AS village
                       FROM r JOIN below ON below.code = r.hall WHERE $10 <> '' GROUP BY r.item)"
            )
        };
    }
    let single = concat!(
        "WITH ",
        by_level!(""),
        " SELECT * FROM l WHERE county + town + village > 0 ORDER BY item"
    );
    // Villages are many and do little: what the others did not accept was theirs.
    let sums = concat!(
        "WITH ",
        by_level!(" AND level <> 'village'"),
        ",
         a AS (SELECT item, sum(accepted)::bigint AS n FROM ",
        sum_rows!("rollup_sum"),
        " GROUP BY item)
         SELECT a.item, coalesce(county, 0) AS county, coalesce(town, 0) AS town,
             a.n - coalesce(county, 0) - coalesce(town, 0) AS village
         FROM a LEFT JOIN l ON l.item = a.item WHERE a.n > 0 ORDER BY a.item"
    );
    Ok(match filter.cut(pool, By::Item).await? {
        Some(cut) => {
            let rows = ask!(filter, By::Whole, sums).bind(cut);
            rows.fetch_all(pool).await?
        }
        None => ask!(filter, By::Whole, single).fetch_all(pool).await?,
    })
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
    let sql = match filter.cut(pool, By::Item).await? {
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
