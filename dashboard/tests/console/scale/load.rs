//! A county of made-up cases, as many as asked for, in the tables that pages read. Written by the database itself; the roll-ups are the program's own
//! count ([`rollups::rebuild`]).

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;

use chrono::{DateTime, Utc};
use mingjing_monitor::store::rollups;
use sqlx::{AssertSqlSafe, PgPool};

use crate::common::COUNTY;

/// Events to a case: seven of its own once it is decided, and what windows and sources tell beside.
const EVENTS: i64 = 20;
/// Towns, villages, units and items beside those that every console of these tests has.
const TOWNS: i64 = 20;
const VILLAGES: i64 = 300;
const UNITS: i64 = 40;
const ITEMS: i64 = 400;
/// Cases written by one statement.
const CHUNK: i64 = 50_000;

/// What was loaded.
#[derive(sqlx::FromRow)]
pub struct Loaded {
    pub cases: i64,
    pub events: i64,
    /// For how many months up to now.
    pub months: i64,
}

/// A case by its number $1 <= i < $2 of $3, over the days before $4 that $5 counts. `worked` is in workdays, log-normal with a median of 1.5: two in
/// a hundred take more than the promised 7, six in a thousand more than the lawful 10.
const CASES: &str = "
    SELECT *, 'S' || lpad(i::text, 9, '0') AS no, 'I' || lpad(item_no::text, 3, '0') AS item, 'U' || lpad((item_no % 40)::text, 2, '0') AS unit,
           accepted_at + interval '9.8 days' AS promise_due, accepted_at + interval '14 days' AS legal_due,
           item_no % 10 = 9 AS immediate, ended_at <= $4 AS decided,
           CASE WHEN ended_at > $4 THEN 'accepted' WHEN ending < 0.01 THEN 'refused' WHEN ending < 0.02 THEN 'withdrawn'
                ELSE 'completed' END AS status,
           CASE WHEN ended_at <= $4 AND ending BETWEEN 0.01 AND 0.02 THEN NULL WHEN item_no % 10 = 9 THEN 'on_time'
                WHEN least(ended_at, $4) > accepted_at + interval '14 days' THEN 'over_legal'
                WHEN least(ended_at, $4) > accepted_at + interval '9.8 days' THEN 'over_promise_only' ELSE 'on_time' END AS bucket
    FROM (SELECT *, accepted_at + worked * interval '1.4 days' AS ended_at,
                 CASE WHEN place < 0.6 THEN 'C' WHEN place < 0.9 THEN 'S' || lpad((1 + floor(which * 20))::text, 2, '0')
                      ELSE 'V' || lpad((1 + floor(which * 300))::text, 3, '0') END AS hall,
                 CASE WHEN place < 0.6 THEN floor(thing * thing * 400)::int WHEN place < 0.9 THEN floor(thing * 40)::int
                      ELSE floor(thing * 12)::int END AS item_no
          FROM (SELECT i, r[1] AS place, r[2] AS which, r[3] AS thing, r[4] AS ending, r[5] AS rated,
                       exp(ln(1.5) + 0.75 * 1.73 * (r[6] + r[7] + r[8] + r[9] - 2)) AS worked,
                       $4 - make_interval(days => $5::int) * (1 - i::float8 / $3) AS accepted_at
                FROM generate_series($1::bigint, $2 - 1) AS i
                CROSS JOIN LATERAL (SELECT array_agg((hashint8extended(i, s) & 1048575) / 1048576.0::float8 ORDER BY s) AS r
                                    FROM generate_series(1, 9) AS s) AS r) AS a) AS b";

/// Instants as a fold has them.
const MOMENTS: &str = "
    CREATE FUNCTION moment(at timestamptz) RETURNS jsonb LANGUAGE sql STABLE AS
        $$ SELECT jsonb_build_object('at', at, 'received', at) $$";

const STATES: &str = "
    INSERT INTO case_state (no, source, hall, unit, win, item, item_version, kind, status, clock, bucket, is_open, opened_at,
        accepted_at, decided_at, promise_due, legal_due, fold, spent, changed)
    SELECT no, 'synthetic', hall, unit, '1', item, 1, CASE WHEN immediate THEN 'immediate' ELSE 'promised' END, status,
        CASE WHEN decided THEN 'stopped' ELSE 'running' END, bucket, NOT decided, accepted_at, accepted_at,
        CASE WHEN decided THEN ended_at END, CASE WHEN NOT immediate THEN promise_due END, CASE WHEN NOT immediate THEN legal_due END,
        jsonb_strip_nulls(jsonb_build_object('case_no', no, 'source', 'synthetic', 'hall', hall, 'unit', unit, 'item', item,
            'channel', CASE WHEN which < 0.4 THEN 'web' ELSE 'window' END, 'handler', 'H' || i % 50, 'status', status, 'events', 7,
            'accepted', moment(accepted_at), 'decided', CASE WHEN decided THEN moment(ended_at) END,
            'rating', CASE WHEN decided AND rated < 0.1 THEN jsonb_build_object('at', moment(ended_at), 'grade',
                CASE WHEN rated < 0.06 THEN 'very_satisfied' WHEN rated < 0.09 THEN 'satisfied' ELSE 'dissatisfied' END) END,
            'steps', jsonb_build_array(
                jsonb_build_object('step', 'review', 'hall', hall, 'unit', unit, 'handler', 'H' || i % 50,
                    'started', moment(accepted_at + 0.1 * worked * interval '1.4 days'),
                    'finished', CASE WHEN decided THEN moment(accepted_at + 0.5 * worked * interval '1.4 days') END),
                jsonb_build_object('step', CASE WHEN ending > 0.95 THEN 'print' ELSE 'decide' END, 'hall', hall, 'unit', unit,
                    'started', CASE WHEN decided THEN moment(accepted_at + 0.6 * worked * interval '1.4 days') END,
                    'finished', CASE WHEN decided THEN moment(ended_at) END)))),
        jsonb_strip_nulls(jsonb_build_object('worked', CASE WHEN decided THEN (worked * 1e6)::bigint END,
            'promise', CASE WHEN NOT immediate THEN 7000000 END, 'legal', CASE WHEN NOT immediate THEN 10000000 END,
            'steps', CASE WHEN decided THEN jsonb_build_array(
                jsonb_build_object('run', 0, 'waited', (worked * 1e5)::bigint, 'worked', (worked * 4e5)::bigint),
                jsonb_build_object('run', 1, 'waited', (worked * 1e5)::bigint, 'worked', (worked * 4e5)::bigint)) END)),
        $4
    FROM (";

const CASE_EVENTS: &str = "
    INSERT INTO case_event (time, received, committed, source, id, case_no, hall, type, data)
    SELECT at, at, at, 'synthetic', no || '-' || n, CASE WHEN n <= 7 THEN no END, hall, type, '{}'
    FROM (";
const OF_CASES: &str = ") AS c CROSS JOIN LATERAL (VALUES
        (1, 'case.applied', accepted_at - interval '1 hour', true), (2, 'case.accepted', accepted_at, true),
        (3, 'case.step_started', accepted_at + 0.1 * worked * interval '1.4 days', true),
        (4, 'case.step_finished', accepted_at + 0.5 * worked * interval '1.4 days', decided),
        (5, 'case.step_started', accepted_at + 0.6 * worked * interval '1.4 days', decided),
        (6, 'case.step_finished', ended_at, decided), (7, 'case.' || status, ended_at, decided)
        UNION ALL SELECT n, 'source.heartbeat', accepted_at + n * interval '7 minutes', true FROM generate_series(8, 20) AS n)
        AS e (n, type, at, happened)
    WHERE happened";

/// Everything beside cases, of which there is little; and the cards of the cases that are over.
const BESIDE: [&str; 8] = [
    "INSERT INTO unit (code, name, name_en) SELECT 'U' || lpad(n::text, 2, '0'), '单位' || n, 'Unit ' || n FROM generate_series(0, $1 - 1) AS n
     WHERE $2 + $3 + $4 > 0",
    "INSERT INTO hall (code, parent, level, name, name_en, path, opening)
     SELECT 'S' || lpad(n::text, 2, '0'), 'C', 'town', '镇' || n, 'Town ' || n, ARRAY['C', 'S' || lpad(n::text, 2, '0')], '{}'
     FROM generate_series(1, $2) AS n WHERE $1 + $3 + $4 > 0",
    "INSERT INTO hall (code, parent, level, name, name_en, path, opening)
     SELECT v, t, 'village', v, v, ARRAY['C', t, v], '{}'
     FROM (SELECT 'V' || lpad(n::text, 3, '0') AS v, 'S' || lpad((1 + n % $2)::text, 2, '0') AS t FROM generate_series(1, $3) AS n) AS v
     WHERE $1 + $4 > 0",
    "INSERT INTO item (code, version, valid_from, name, name_en, unit, kind, promise, legal, fee_fen, steps)
     SELECT 'I' || lpad(n::text, 3, '0'), 1, '2000-01-01', '事项' || n, 'Item ' || n, 'U' || lpad((n % $1)::text, 2, '0'),
         CASE WHEN n % 10 = 9 THEN 'immediate' ELSE 'promised' END, '{\"n\":7,\"unit\":\"workday\"}', '{\"n\":10,\"unit\":\"workday\"}', 0,
         '[{\"code\":\"review\",\"name\":\"审查\",\"limit\":null,\"role\":null},{\"code\":\"decide\",\"name\":\"决定\",\"limit\":null,\"role\":null}]'
     FROM generate_series(0, $4 - 1) AS n WHERE $2 + $3 > 0",
    "INSERT INTO card (cause_key, cause, rule, kind, grade, state, case_no, source, hall, unit, item, due_at, created_at, issued_at, closed_at,
         profile_version, facts, sentence_zh, sentence_en)
     SELECT no || grade, no, rule, 'timeliness', grade, CASE WHEN grade = 'warning' THEN 'cleared' WHEN is_open THEN 'issued' ELSE 'closed' END, no,
         source, hall, unit, item, due, due, due, CASE WHEN NOT is_open OR grade = 'warning' THEN due + interval '2 days' END, 1, '{}', '超时', 'Over'
     FROM case_state CROSS JOIN LATERAL (VALUES
         ('R2', CASE bucket WHEN 'over_legal' THEN 'red_card' ELSE 'yellow_card' END,
             CASE bucket WHEN 'over_legal' THEN legal_due ELSE promise_due END), ('R1', 'warning', promise_due)) AS v (rule, grade, due)
     WHERE bucket IN ('over_promise_only', 'over_legal') AND $1 + $2 + $3 + $4 > 0",
    "INSERT INTO correction_order (card, hall, issued_at, answer_due, answered_at)
     SELECT id, hall, due_at, due_at + interval '3 days', due_at + interval '1 day' FROM card
     WHERE rule = 'R2' AND $1 + $2 + $3 + $4 > 0",
    "INSERT INTO complaint (no, source, hall, unit, kind, status, is_open, upheld, opened_at, decided_at, fold, changed)
     SELECT 'K' || no, source, hall, unit, 'irregularity', 'closed', false, hashtext(no) % 5 = 0, opened_at, decided_at, '{}', opened_at
     FROM case_state WHERE hashtext(no) % 1000 = 0 AND decided_at IS NOT NULL AND $1 + $2 + $3 + $4 > 0",
    "INSERT INTO hall_window (hall, no, unit, name) SELECT code, '1', NULL, '1号窗口' FROM hall WHERE code LIKE 'S%' AND $1 + $2 + $3 + $4 > 0",
];

/// What a database was loaded with, outside of the program's own schema.
const LOADED: &str = "
    CREATE SCHEMA scale;
    CREATE TABLE scale.loaded (cases bigint NOT NULL, events bigint NOT NULL, months bigint NOT NULL)";
/// What the database holds of an earlier run; else about as many events are loaded. `asked` says how many are wanted, `None`: what is there, or
/// `default`. What a migration adds to the roll-ups it fills itself; `recount` counts them again all the same.
pub async fn loaded(
    db: &PgPool,
    (asked, default): (Option<i64>, i64),
    recount: bool,
    now: DateTime<Utc>,
) -> Loaded {
    let there: bool = sqlx::query_scalar("SELECT to_regclass('scale.loaded') IS NOT NULL")
        .fetch_one(db)
        .await
        .unwrap();
    if !there {
        return load(db, asked.unwrap_or(default), now).await;
    }
    let row = sqlx::query_as("SELECT cases, events, months FROM scale.loaded");
    let loaded: Option<Loaded> = row.fetch_optional(db).await.unwrap();
    let loaded =
        loaded.expect("the database was not loaded to its end: drop it, and it is made again");
    assert!(
        asked.is_none_or(|asked| asked / EVENTS == loaded.cases),
        "the database holds {} cases, {EVENTS} events each: drop it, ask for as many, or leave MINGJING_SCALE out",
        loaded.cases
    );
    if recount {
        let begun = Instant::now();
        count(db, loaded.cases).await;
        eprintln!("roll-ups counted again: {:.0?}", begun.elapsed());
    } else {
        // What migrations have made anew is known to nobody yet.
        sqlx::raw_sql("ANALYZE").execute(db).await.unwrap();
    }
    loaded
}

/// Counts the roll-ups of so many cases.
async fn count(db: &PgPool, cases: i64) {
    let counted = rollups::rebuild(db, chrono_tz::Asia::Shanghai)
        .await
        .unwrap();
    assert_eq!(counted as i64, cases);
    // As autovacuum would in time.
    sqlx::raw_sql("VACUUM ANALYZE").execute(db).await.unwrap();
}

/// Loads about as many events; says how long each part took.
async fn load(db: &PgPool, events: i64, now: DateTime<Utc>) -> Loaded {
    let begun = Instant::now();
    let cases = events / EVENTS;
    // A large county accepts some 40,000 cases a month; a shorter log is spread thinner, so that a year can be asked of it.
    let months = (cases / 40_000).clamp(15, 120);
    let days = months * 30;
    let run = async |sql: &str| {
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
            .execute(db)
            .await
            .unwrap();
    };
    run(LOADED).await;
    run(MOMENTS).await;
    assert_eq!(COUNTY, "C", "as the statements above have it");
    let beside = async |sql: &'static str| {
        let query = sqlx::query(sql).bind(UNITS).bind(TOWNS);
        query.bind(VILLAGES).bind(ITEMS).execute(db).await.unwrap();
    };
    for sql in &BESIDE[..4] {
        beside(sql).await;
    }
    // Chunks of every month before two want the same one.
    let chunks = "INSERT INTO case_event (time, received, committed, source, id, type, data)
         SELECT at, at, at, '', '', '', '{}'
         FROM generate_series($1 - make_interval(days => $2::int + 1), $1 + interval '1 year', interval '10 days') AS at";
    let query = sqlx::query(chunks).bind(now).bind(days);
    query.execute(db).await.unwrap();
    run("DELETE FROM case_event").await;
    let indexes = drop_indexes(db).await;
    let next = AtomicI64::new(0);
    // A connection for each core of this machine, which is mostly the database's too.
    let writers = std::thread::available_parallelism().map_or(1, usize::from);
    let written = futures::future::join_all((0..writers.min(4)).map(async |_| {
        let mut connection = db.acquire().await.unwrap();
        sqlx::raw_sql("SET synchronous_commit = off")
            .execute(&mut *connection)
            .await
            .unwrap();
        let mut written = 0;
        loop {
            let first = next.fetch_add(CHUNK, Ordering::Relaxed);
            if first >= cases {
                break written;
            }
            for (head, tail) in [(STATES, ") AS c"), (CASE_EVENTS, OF_CASES)] {
                let query = sqlx::query(AssertSqlSafe(format!("{head}{CASES}{tail}")));
                let query = query.bind(first).bind(cases.min(first + CHUNK)).bind(cases);
                let query = query.bind(now).bind(days);
                let done = query.execute(&mut *connection).await.unwrap();
                if head == CASE_EVENTS {
                    written += done.rows_affected() as i64;
                }
            }
        }
    }))
    .await;
    let written = written.into_iter().sum();
    eprintln!(
        "{written} events of {cases} cases over {months} months: {:.0?}",
        begun.elapsed()
    );
    for index in indexes {
        run(&format!("SET maintenance_work_mem = '512MB'; {index}")).await;
    }
    for sql in &BESIDE[4..] {
        beside(sql).await;
    }
    eprintln!("with indexes and cards: {:.0?}", begun.elapsed());
    count(db, cases).await;
    let size: String =
        sqlx::query_scalar("SELECT pg_size_pretty(pg_database_size(current_database()))")
            .fetch_one(db)
            .await
            .unwrap();
    eprintln!("with roll-ups, {size}: {:.0?}", begun.elapsed());
    let done = sqlx::query("INSERT INTO scale.loaded (cases, events, months) VALUES ($1, $2, $3)");
    let done = done.bind(cases).bind(written).bind(months);
    done.execute(db).await.unwrap();
    Loaded {
        cases,
        events: written,
        months,
    }
}

/// The indexes of cases and events that enforce nothing, to be made again when the rows are there.
async fn drop_indexes(db: &PgPool) -> Vec<String> {
    let all: Vec<(String, String)> = sqlx::query_as(
        "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index
         WHERE indrelid IN ('case_state'::regclass, 'case_event'::regclass) AND NOT indisunique",
    )
    .fetch_all(db)
    .await
    .unwrap();
    for (name, _) in &all {
        let drop = AssertSqlSafe(format!("DROP INDEX {name}"));
        sqlx::query(drop).execute(db).await.unwrap();
    }
    all.into_iter().map(|(_, made)| made).collect()
}
