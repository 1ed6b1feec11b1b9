//! What the halls of a level, or the units of the county halls, did in a month: the figures that their scores are made of. Cards
//! and orders are counted by `alerts`.

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::PgPool;

use super::StoreError;

/// The numbers of one ranked hall or unit.
#[derive(Debug, Clone, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct Standing {
    /// Code of the hall or unit.
    pub code: String,
    /// Name in Chinese.
    pub name: String,
    /// Name in English.
    pub name_en: String,
    /// Cases that fell due in the month and are judged: met or over. Immediate items apart.
    pub due: i64,
    /// Of them, decided in time.
    pub met: i64,
    /// Cases decided that had a promise, immediate items apart.
    pub promised: i64,
    /// Of them, decided on a day before the promise's.
    pub early: i64,
    /// Ratings of the month by level, the best first.
    pub ratings: Vec<i64>,
    /// What was promised for the cases decided, where promise and law count in the same unit.
    pub promise: i64,
    /// What the law allows for the same.
    pub legal: i64,
    /// Fields of the items that it handles that are there and agree.
    pub disclosed: i64,
    /// Of how many.
    pub disclosable: i64,
    /// Open cases now.
    pub open: i64,
}

/// The figures of the month that begins on $2 by `$subject`, a column, from the sums of the cut `$cut`, below the halls `$halls`, of those that
/// `$only` leaves; what depends on the items from the rows of each of them.
/// Each part is made once: planned for any hall, the database would make it again for every line.
macro_rules! standings {
    ($subject:literal, $cut:literal, $halls:literal, $only:literal, $rest:literal) => {
        concat!(
            "WITH below AS MATERIALIZED (", $halls, "),
             s AS MATERIALIZED (SELECT ", $subject, " AS code, sum(due_met + due_over)::bigint AS due, sum(due_met)::bigint AS met,
                       sum(promised)::bigint AS promised, sum(early)::bigint AS early,
                       ARRAY[sum(rated_1), sum(rated_2), sum(rated_3), sum(rated_4), sum(rated_5)]::bigint[] AS ratings
                   FROM rollup_sum r WHERE cut = '", $cut, "' AND grain = 'm' AND start = $2
                     AND r.hall = ANY(ARRAY(SELECT code FROM below))", $only, " GROUP BY 1),
             -- The version of each item in force at the end.
             i AS MATERIALIZED (SELECT DISTINCT ON (code) code,
                       CASE WHEN promise ->> 'unit' = legal ->> 'unit' THEN (promise ->> 'n')::bigint END AS promise,
                       CASE WHEN promise ->> 'unit' = legal ->> 'unit' THEN (legal ->> 'n')::bigint END AS legal,
                       (unit IS NOT NULL)::int + (jsonb_array_length(steps) > 0)::int + (fee_fen IS NOT NULL)::int
                           + (kind = 'immediate' OR promise IS NOT NULL)::int
                           + (promise ->> 'unit' IS DISTINCT FROM legal ->> 'unit' OR promise IS NULL
                              OR (promise ->> 'n')::bigint <= (legal ->> 'n')::bigint)::int AS disclosed
                   FROM item WHERE valid_from < ($2 + interval '1 month')::date ORDER BY code, version DESC),
             d AS MATERIALIZED (SELECT ", $subject, " AS code, r.item, sum(completed)::bigint AS completed
                   FROM rollup_month r WHERE month = $2 AND r.hall IN (SELECT code FROM below)", $only, " GROUP BY 1, r.item),
             p AS MATERIALIZED (SELECT d.code, coalesce(sum(d.completed * i.promise), 0)::bigint AS promise,
                       coalesce(sum(d.completed * i.legal), 0)::bigint AS legal, coalesce(sum(i.disclosed), 0) AS disclosed,
                       count(*) * 5 AS disclosable
                   FROM d JOIN i ON i.code = d.item GROUP BY d.code),
             b AS MATERIALIZED (SELECT ", $subject, " AS code, sum(r.n)::bigint AS open FROM rollup_bucket r
                   WHERE is_open AND r.hall IN (SELECT code FROM below)", $only, " GROUP BY 1)
             SELECT t.code, t.name, t.name_en, coalesce(s.due, 0) AS due, coalesce(s.met, 0) AS met,
                    coalesce(s.promised, 0) AS promised, coalesce(s.early, 0) AS early,
                    coalesce(s.ratings, '{0,0,0,0,0}') AS ratings, coalesce(p.promise, 0) AS promise,
                    coalesce(p.legal, 0) AS legal, coalesce(p.disclosed, 0) AS disclosed,
                    coalesce(p.disclosable, 0) AS disclosable, coalesce(b.open, 0) AS open
             FROM ", $rest
        )
    };
}

/// The halls of a level, `town` or `village`, in the subtree, in the month that begins on `month`.
pub async fn halls(
    pool: &PgPool,
    scope: &str,
    level: &str,
    month: NaiveDate,
) -> Result<Vec<Standing>, StoreError> {
    let rows = sqlx::query_as(standings!(
        "r.hall",
        "h",
        "SELECT code FROM hall WHERE path @> ARRAY[$1] AND level = $3",
        "",
        "hall t LEFT JOIN s ON s.code = t.code LEFT JOIN p ON p.code = t.code LEFT JOIN b ON b.code = t.code
         WHERE t.code IN (SELECT code FROM below) ORDER BY t.path"
    ));
    Ok(rows
        .bind(scope)
        .bind(month)
        .bind(level)
        .fetch_all(pool)
        .await?)
}

/// The units that have windows or cases in the county halls of the subtree, in the month that begins on `month`.
pub async fn units(
    pool: &PgPool,
    scope: &str,
    month: NaiveDate,
) -> Result<Vec<Standing>, StoreError> {
    let rows = sqlx::query_as(standings!(
        "r.unit",
        "p",
        "SELECT code FROM hall WHERE path @> ARRAY[$1] AND level = 'county'",
        "",
        "unit t LEFT JOIN s ON s.code = t.code LEFT JOIN p ON p.code = t.code LEFT JOIN b ON b.code = t.code
         WHERE s.code IS NOT NULL OR b.code IS NOT NULL
            OR EXISTS (SELECT FROM hall_window w WHERE w.unit = t.code AND w.hall IN (SELECT code FROM below))
         ORDER BY t.code"
    ));
    Ok(rows.bind(scope).bind(month).fetch_all(pool).await?)
}

/// The halls in which a unit had or has cases, wherever they lie in the subtree, in the month that begins on `month`.
pub async fn across(
    pool: &PgPool,
    scope: &str,
    unit: &str,
    month: NaiveDate,
) -> Result<Vec<Standing>, StoreError> {
    let rows = sqlx::query_as(standings!(
        "r.hall",
        "p",
        "SELECT code FROM hall WHERE path @> ARRAY[$1]",
        " AND r.unit = $3",
        "hall t LEFT JOIN s ON s.code = t.code LEFT JOIN p ON p.code = t.code LEFT JOIN b ON b.code = t.code
         WHERE s.code IS NOT NULL OR b.code IS NOT NULL ORDER BY t.path"
    ));
    Ok(rows
        .bind(scope)
        .bind(month)
        .bind(unit)
        .fetch_all(pool)
        .await?)
}

/// What a case of a hall says of whoever handled it in a month.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Handled {
    /// The hall.
    pub hall: String,
    /// The unit.
    pub unit: String,
    /// The window.
    pub window: Option<String>,
    /// Who bears it: who held the step when time ran out; of a case in time, who handled it last.
    pub person: Option<String>,
    /// It fell due in the month and is judged.
    pub due: bool,
    /// It did, and was decided in time.
    pub met: bool,
    /// It was decided in the month and had a promise.
    pub promised: bool,
    /// It was, and on a day before the promise's.
    pub early: bool,
    /// Its rating, if it was rated in the month: 1 the best, 5 the worst.
    pub rating: Option<i32>,
}

macro_rules! handled {
    ($hall:literal) => {
        concat!("WITH c AS (
             SELECT s.*, coalesce(promise_due, legal_due) AS due_at, kind <> 'immediate' AND bucket IS NOT NULL AS judged,
                    bucket IN ('over_promise_only', 'over_legal') AS is_over,
                    (fold #>> '{rating,at,at}')::timestamptz AS rated_at
             FROM case_state s WHERE ", $hall, " AND accepted_at IS NOT NULL),
         m AS (SELECT *, judged AND due_at >= $2 AND due_at < $3 AND (is_over OR decided_at IS NOT NULL) AS fell_due,
                      judged AND promise_due IS NOT NULL AND decided_at >= $2 AND decided_at < $3 AS is_decided
               FROM c WHERE (due_at >= $2 AND due_at < $3) OR (decided_at >= $2 AND decided_at < $3)
                         OR (rated_at >= $2 AND rated_at < $3))
         SELECT m.hall, m.unit, m.win AS window, coalesce(CASE WHEN m.is_over THEN held.handler END, m.fold ->> 'handler') AS person,
                coalesce(fell_due, false) AS due, coalesce(fell_due AND NOT is_over, false) AS met,
                coalesce(is_decided, false) AS promised,
                coalesce(is_decided AND (decided_at AT TIME ZONE $4)::date < (promise_due AT TIME ZONE $4)::date, false) AS early,
                CASE WHEN rated_at >= $2 AND rated_at < $3 THEN array_position(ARRAY['very_satisfied', 'satisfied',
                    'fairly_satisfied', 'dissatisfied', 'very_dissatisfied'], fold #>> '{rating,grade}') END AS rating
         FROM m LEFT JOIN LATERAL (
             SELECT step ->> 'handler' AS handler FROM jsonb_array_elements(m.fold -> 'steps') AS step
             WHERE step ? 'handler' AND (step #>> '{started,at}')::timestamptz <= m.due_at
               AND coalesce((step #>> '{finished,at}')::timestamptz > m.due_at, true)
             ORDER BY step #>> '{started,at}' DESC LIMIT 1) AS held ON true")
    };
}

/// The cases of a hall, or of every hall, that fell due, were decided or rated in [from, to); days are those of `zone`. Reads the states of
/// the cases, no event.
pub async fn handled(
    pool: &PgPool,
    hall: Option<&str>,
    (from, to): (DateTime<Utc>, DateTime<Utc>),
    zone: chrono_tz::Tz,
) -> Result<Vec<Handled>, StoreError> {
    let rows = match hall {
        Some(_) => sqlx::query_as(handled!("hall = $1")),
        // The whole county: nothing but a pass over its cases tells which of them were rated.
        None => sqlx::query_as(handled!("$1::text IS NULL")),
    };
    Ok(rows
        .bind(hall)
        .bind(from)
        .bind(to)
        .bind(zone.name())
        .fetch_all(pool)
        .await?)
}

/// A complaint that was closed with a word on whether it was upheld.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Decided {
    /// Its number.
    pub no: String,
    /// The hall that answered for it.
    pub hall: String,
    /// The unit.
    pub unit: Option<String>,
    /// Whether it was upheld.
    pub upheld: bool,
}

/// A complaint that was to be answered.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Answerable {
    /// Its number.
    pub no: String,
    /// The hall that answers for it.
    pub hall: String,
    /// It was, in time.
    pub met: bool,
    /// It fell due before the span, and was not answered when that began.
    pub again: bool,
}

/// The complaints whose answer fell due in [from, to), and those that fell due before and lay unanswered at `from`, by number.
pub async fn answerable(
    pool: &PgPool,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Result<Vec<Answerable>, StoreError> {
    let rows = sqlx::query_as(
        "SELECT no, hall, coalesce(finished_at <= finish_due, false) AS met, false AS again FROM complaint
         WHERE finish_due >= $1 AND finish_due < $2
         UNION ALL SELECT no, hall, false, true FROM complaint WHERE finish_due < $1 AND finish_due < $2 AND finished_at IS NULL
         UNION ALL SELECT no, hall, false, true FROM complaint WHERE finish_due < $1 AND finish_due < $2 AND finished_at >= $1
         ORDER BY no",
    );
    Ok(rows.bind(from).bind(to).fetch_all(pool).await?)
}

/// The complaints decided in [from, to), by number.
pub async fn complaints(
    pool: &PgPool,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Result<Vec<Decided>, StoreError> {
    let rows = sqlx::query_as(
        "SELECT no, hall, unit, upheld FROM complaint
         WHERE decided_at >= $1 AND decided_at < $2 AND upheld IS NOT NULL ORDER BY no",
    );
    Ok(rows.bind(from).bind(to).fetch_all(pool).await?)
}
