//! The roll-ups counted afresh from the cases, in SQL: what the increments must add up to.

use serde_json::Value;
use sqlx::PgPool;

use crate::common::snapshot;

/// What each roll-up must hold, and what it is counted by.
const COUNTS: [(&str, &str); 13] = [
    (
        "day",
        "WITH c AS (SELECT *, coalesce(promise_due, legal_due) AS due, kind <> 'immediate' AND bucket IS NOT NULL AS judged,
                        CASE WHEN bucket IS NOT NULL THEN (spent ->> 'worked')::bigint END AS worked,
                        (spent ->> 'promise')::bigint AS promise, (spent ->> 'legal')::bigint AS legal
                    FROM case_state),
             e AS (
               SELECT accepted_at AS at, hall, unit, item, 'accepted' AS what, 1 AS n FROM c WHERE accepted_at IS NOT NULL
               UNION ALL
               SELECT decided_at, hall, unit, item, what, n FROM c CROSS JOIN LATERAL (VALUES
                      ('completed', 1),
                      (CASE WHEN judged AND promise_due IS NOT NULL THEN 'promised' END, 1),
                      (CASE WHEN judged AND (decided_at AT TIME ZONE 'Asia/Shanghai')::date
                                          < (promise_due AT TIME ZONE 'Asia/Shanghai')::date THEN 'early' END, 1),
                      (CASE WHEN status IN ('refused', 'withdrawn', 'voided') THEN status END, 1),
                      (CASE WHEN worked IS NOT NULL THEN 'measured' END, 1),
                      ('worked', worked),
                      (CASE WHEN legal IS NOT NULL THEN 'legal_worked' END, worked),
                      (CASE WHEN worked IS NOT NULL THEN 'legal_allowed' END, legal),
                      (CASE WHEN worked IS NOT NULL AND legal IS NOT NULL THEN 'cut_promise' END, promise),
                      (CASE WHEN worked IS NOT NULL AND promise IS NOT NULL THEN 'cut_legal' END, legal)) AS v (what, n)
               WHERE decided_at IS NOT NULL AND accepted_at IS NOT NULL
               UNION ALL
               SELECT due, hall, unit, item, unnest(ARRAY['due',
                      CASE WHEN bucket IN ('over_promise_only', 'over_legal') THEN 'due_over'
                           WHEN decided_at IS NOT NULL THEN 'due_met' END]), 1
               FROM c WHERE due IS NOT NULL AND judged AND accepted_at IS NOT NULL
               UNION ALL
               SELECT (fold #>> '{rating,at,at}')::timestamptz, hall, unit, item, 'rated_' || array_position(ARRAY[
                      'very_satisfied', 'satisfied', 'fairly_satisfied', 'dissatisfied', 'very_dissatisfied'],
                      fold #>> '{rating,grade}'), 1
               FROM c WHERE fold -> 'rating' IS NOT NULL),
             w AS (SELECT unnest(ARRAY['accepted', 'completed', 'due', 'due_met', 'due_over', 'promised', 'early', 'rated_1',
                      'rated_2', 'rated_3', 'rated_4', 'rated_5', 'refused', 'withdrawn', 'voided', 'measured',
                      'worked', 'legal_worked', 'legal_allowed', 'cut_promise', 'cut_legal']) AS what),
             d AS (SELECT DISTINCT (at AT TIME ZONE 'Asia/Shanghai')::date AS day, hall, unit, item FROM e),
             n AS (SELECT d.*, w.what, (SELECT coalesce(sum(n), 0) FROM e WHERE e.what = w.what AND e.hall = d.hall
                      AND e.unit = d.unit AND e.item = d.item AND (e.at AT TIME ZONE 'Asia/Shanghai')::date = d.day) AS n
                   FROM d, w)
         SELECT jsonb_build_object('day', day, 'hall', hall, 'unit', unit, 'item', item) || jsonb_object_agg(what, n)
         FROM n GROUP BY day, hall, unit, item ORDER BY day, hall, unit, item",
    ),
    // The days were counted from the cases; a month is the sum of its days.
    (
        "month",
        "SELECT jsonb_build_object('month', date_trunc('month', day)::date, 'hall', hall, 'unit', unit, 'item', item,
             'accepted', sum(accepted), 'completed', sum(completed), 'due', sum(due), 'due_met', sum(due_met),
             'due_over', sum(due_over), 'promised', sum(promised), 'early', sum(early), 'rated_1', sum(rated_1),
             'rated_2', sum(rated_2), 'rated_3', sum(rated_3), 'rated_4', sum(rated_4), 'rated_5', sum(rated_5),
             'refused', sum(refused), 'withdrawn', sum(withdrawn), 'voided', sum(voided), 'measured', sum(measured),
             'worked', sum(worked), 'legal_worked', sum(legal_worked), 'legal_allowed', sum(legal_allowed),
             'cut_promise', sum(cut_promise), 'cut_legal', sum(cut_legal))
         FROM rollup_day GROUP BY date_trunc('month', day), hall, unit, item
         HAVING sum(accepted + completed + due + rated_1 + rated_2 + rated_3 + rated_4 + rated_5) <> 0
         ORDER BY date_trunc('month', day), hall, unit, item",
    ),
    // Sums over halls, units and items: the rows of these add up to them.
    (
        "sum",
        "SELECT jsonb_build_object('cut', cut, 'grain', grain, 'start', start, 'hall', hall, 'unit', unit, 'item', item,
             'accepted', sum(accepted), 'completed', sum(completed), 'due', sum(due), 'due_met', sum(due_met), 'due_over',
             sum(due_over), 'promised', sum(promised), 'early', sum(early), 'rated_1', sum(rated_1), 'rated_2', sum(rated_2),
             'rated_3', sum(rated_3), 'rated_4', sum(rated_4), 'rated_5', sum(rated_5), 'refused', sum(refused), 'withdrawn',
             sum(withdrawn), 'voided', sum(voided), 'measured', sum(measured), 'worked', sum(worked), 'legal_worked',
             sum(legal_worked), 'legal_allowed', sum(legal_allowed), 'cut_promise', sum(cut_promise), 'cut_legal',
             sum(cut_legal))
         FROM (SELECT cut, grain, start, CASE WHEN cut IN ('h', 'p') THEN hall ELSE '' END AS hall, CASE WHEN cut IN ('u', 'p', 'i') THEN unit ELSE '' END AS unit,
                   CASE WHEN cut = 'i' THEN item ELSE '' END AS item, accepted, completed, due, due_met, due_over, promised, early, rated_1, rated_2,
                   rated_3, rated_4, rated_5, refused, withdrawn,
                   voided, measured, worked, legal_worked, legal_allowed, cut_promise, cut_legal
               FROM (SELECT 'd' AS grain, day AS start, * FROM rollup_day UNION ALL SELECT 'm', month, * FROM rollup_month) AS f CROSS JOIN unnest(ARRAY['w', 'h', 'u', 'p', 'i']) AS c (cut)) AS r
         GROUP BY cut, grain, start, hall, unit, item
         HAVING sum(accepted + completed + due + rated_1 + rated_2 + rated_3 + rated_4 + rated_5) <> 0 ORDER BY cut, grain, start, hall, unit, item",
    ),
    (
        "level",
        "SELECT jsonb_build_object('grain', grain, 'start', start, 'item', item, 'unit', unit, 'level', coalesce(level, ''), 'accepted', sum(accepted))
         FROM (SELECT 'd' AS grain, day AS start, * FROM rollup_day UNION ALL SELECT 'm', month, * FROM rollup_month) AS r
         LEFT JOIN (SELECT code, level FROM hall) AS h ON h.code = r.hall
         GROUP BY grain, start, item, unit, level HAVING sum(accepted) <> 0 ORDER BY grain, start, item, unit, level",
    ),
    (
        "channel_sum",
        "SELECT jsonb_build_object('cut', cut, 'grain', grain, 'start', start, 'hall', hall, 'unit', unit, 'item', item, 'channel', channel,
             'n', sum(n))
         FROM (SELECT cut, grain, start, CASE WHEN cut IN ('h', 'p') THEN hall ELSE '' END AS hall, CASE WHEN cut IN ('u', 'p', 'i') THEN unit ELSE '' END AS unit,
                   CASE WHEN cut = 'i' THEN item ELSE '' END AS item, channel, n
               FROM rollup_channel CROSS JOIN unnest(ARRAY['w', 'h', 'u', 'p']) AS c (cut)) AS r
         GROUP BY cut, grain, start, hall, unit, item, channel
         HAVING sum(n) <> 0 ORDER BY cut, grain, start, hall, unit, item, channel",
    ),
    (
        "duration_sum",
        "SELECT jsonb_build_object('cut', cut, 'grain', grain, 'start', start, 'hall', hall, 'unit', unit, 'item', item, 'octave', octave,
             'n_0', coalesce(sum(n) FILTER (WHERE class = octave * 16 + 0), 0), 'n_1', coalesce(sum(n) FILTER (WHERE class =
             octave * 16 + 1), 0), 'n_2', coalesce(sum(n) FILTER (WHERE class = octave * 16 + 2), 0), 'n_3', coalesce(sum(n)
             FILTER (WHERE class = octave * 16 + 3), 0), 'n_4', coalesce(sum(n) FILTER (WHERE class = octave * 16 + 4), 0),
             'n_5', coalesce(sum(n) FILTER (WHERE class = octave * 16 + 5), 0), 'n_6', coalesce(sum(n) FILTER (WHERE class =
             octave * 16 + 6), 0), 'n_7', coalesce(sum(n) FILTER (WHERE class = octave * 16 + 7), 0), 'n_8', coalesce(sum(n)
             FILTER (WHERE class = octave * 16 + 8), 0), 'n_9', coalesce(sum(n) FILTER (WHERE class = octave * 16 + 9), 0),
             'n_10', coalesce(sum(n) FILTER (WHERE class = octave * 16 + 10), 0), 'n_11', coalesce(sum(n) FILTER (WHERE class
             = octave * 16 + 11), 0), 'n_12', coalesce(sum(n) FILTER (WHERE class = octave * 16 + 12), 0), 'n_13',
             coalesce(sum(n) FILTER (WHERE class = octave * 16 + 13), 0), 'n_14', coalesce(sum(n) FILTER (WHERE class =
             octave * 16 + 14), 0), 'n_15', coalesce(sum(n) FILTER (WHERE class = octave * 16 + 15), 0))
         FROM (SELECT cut, grain, start, CASE WHEN cut IN ('h', 'p') THEN hall ELSE '' END AS hall, CASE WHEN cut IN ('u', 'p', 'i') THEN unit ELSE '' END AS unit,
                   CASE WHEN cut = 'i' THEN item ELSE '' END AS item, class / 16 AS octave, class, n
               FROM rollup_duration CROSS JOIN unnest(ARRAY['w', 'h', 'u', 'p', 'i']) AS c (cut)) AS r
         GROUP BY cut, grain, start, hall, unit, item, octave
         HAVING sum(n) <> 0 ORDER BY cut, grain, start, hall, unit, item, octave",
    ),
    (
        "step_sum",
        "SELECT jsonb_build_object('cut', cut, 'grain', grain, 'start', start, 'hall', hall, 'unit', unit, 'item', item, 'step', step,
             'runs', sum(runs), 'begun', sum(begun), 'waited', sum(waited), 'worked', sum(worked), 'undivided', sum(undivided), 'over', sum(over))
         FROM (SELECT cut, grain, start, CASE WHEN cut IN ('h', 'p') THEN hall ELSE '' END AS hall, CASE WHEN cut IN ('u', 'p', 'i') THEN unit ELSE '' END AS unit,
                   CASE WHEN cut = 'i' THEN item ELSE '' END AS item, step, runs, begun, waited, worked, undivided, over
               FROM rollup_step CROSS JOIN unnest(ARRAY['u', 'p']) AS c (cut)) AS r
         GROUP BY cut, grain, start, hall, unit, item, step
         HAVING sum(runs) <> 0 ORDER BY cut, grain, start, hall, unit, item, step",
    ),
    (
        "bucket",
        "SELECT jsonb_build_object('hall', hall, 'unit', unit, 'is_open', is_open, 'bucket', bucket, 'n', count(*))
         FROM case_state WHERE bucket IS NOT NULL GROUP BY hall, unit, is_open, bucket ORDER BY hall, unit, is_open, bucket",
    ),
    (
        "channel",
        "SELECT jsonb_build_object('grain', g, 'start', s, 'hall', hall, 'unit', unit, 'item', item, 'channel', channel,
             'n', count(*))
         FROM (SELECT *, (accepted_at AT TIME ZONE 'Asia/Shanghai')::date AS day, coalesce(fold ->> 'channel', '') AS channel
               FROM case_state WHERE accepted_at IS NOT NULL) AS c
         CROSS JOIN LATERAL (VALUES ('d', day), ('m', date_trunc('month', day)::date)) AS v (g, s)
         GROUP BY g, s, hall, unit, item, channel ORDER BY g, s, hall, unit, item, channel",
    ),
    (
        "duration",
        "SELECT jsonb_build_object('grain', g, 'start', s, 'hall', hall, 'unit', unit, 'item', item, 'class', class, 'n', count(*))
         FROM (SELECT *, (decided_at AT TIME ZONE 'Asia/Shanghai')::date AS day,
                   CASE WHEN x < 16 THEN x ELSE (bits - 5) * 16 + (x >> (bits - 5)) END AS class
               FROM (SELECT *, length(ltrim(x::bit(64)::text, '0')) AS bits
                     FROM (SELECT *, (spent ->> 'worked')::bigint AS x FROM case_state
                           WHERE decided_at IS NOT NULL AND bucket IS NOT NULL AND spent ? 'worked') AS a) AS b) AS c
         CROSS JOIN LATERAL (VALUES ('d', day), ('m', date_trunc('month', day)::date)) AS v (g, s)
         GROUP BY g, s, hall, unit, item, class ORDER BY g, s, hall, unit, item, class",
    ),
    (
        "step",
        "SELECT jsonb_build_object('grain', g, 'start', s, 'hall', hall, 'unit', unit, 'item', item, 'step', step, 'runs', count(*),
             'begun', count(worked), 'waited', coalesce(sum(waited) FILTER (WHERE worked IS NOT NULL), 0),
             'worked', coalesce(sum(worked), 0), 'undivided', coalesce(sum(waited) FILTER (WHERE worked IS NULL), 0),
             'over', count(*) FILTER (WHERE over))
         FROM (SELECT run ->> 'hall' AS hall, coalesce(run ->> 'unit', c.unit) AS unit, item, run ->> 'step' AS step,
                   ((run #>> '{finished,at}')::timestamptz AT TIME ZONE 'Asia/Shanghai')::date AS day,
                   (took ->> 'waited')::bigint AS waited, (took ->> 'worked')::bigint AS worked, took ? 'over' AS over
               FROM case_state c CROSS JOIN LATERAL jsonb_array_elements(spent -> 'steps') AS t (took)
               CROSS JOIN LATERAL (SELECT fold -> 'steps' -> (took ->> 'run')::int AS run) AS r) AS c
         CROSS JOIN LATERAL (VALUES ('d', day), ('m', date_trunc('month', day)::date)) AS v (g, s)
         GROUP BY g, s, hall, unit, item, step ORDER BY g, s, hall, unit, item, step",
    ),
    (
        "follows",
        "SELECT jsonb_build_object('month', month, 'hall', hall, 'unit', unit, 'item', item, 'earlier', earlier, 'later', later,
             'n', count(*))
         FROM (SELECT *, date_trunc('month', decided_at AT TIME ZONE 'Asia/Shanghai')::date AS month,
                   jsonb_path_query_array(fold, '$.steps[*].step') AS way FROM case_state
               WHERE decided_at IS NOT NULL AND bucket IS NOT NULL AND spent ? 'worked') AS c
         CROSS JOIN LATERAL (SELECT CASE WHEN i = 0 THEN '' ELSE way ->> (i - 1) END AS earlier, coalesce(way ->> i, '') AS later
                             FROM generate_series(0, jsonb_array_length(way)) AS i) AS e
         GROUP BY month, hall, unit, item, earlier, later ORDER BY month, hall, unit, item, earlier, later",
    ),
    (
        "variant",
        "SELECT jsonb_build_object('month', month, 'hall', hall, 'unit', unit, 'item', item, 'steps', way, 'n', count(*))
         FROM (SELECT *, date_trunc('month', decided_at AT TIME ZONE 'Asia/Shanghai')::date AS month,
                   jsonb_path_query_array(fold, '$.steps[*].step') AS way FROM case_state
               WHERE decided_at IS NOT NULL AND bucket IS NOT NULL AND spent ? 'worked') AS c
         GROUP BY month, hall, unit, item, way ORDER BY month, hall, unit, item, way::text",
    ),
];

/// The roll-ups must be what the cases add up to.
pub async fn assert_adds_up(pool: &PgPool, when: &str) {
    let found = snapshot(pool).await;
    for (table, sql) in COUNTS {
        let mut counted: Vec<Value> = sqlx::query_scalar(sql).fetch_all(pool).await.unwrap();
        let mut rows = found[table].clone();
        if table == "variant" {
            // The hash only stands for the steps.
            let fields = rows.iter_mut().filter_map(Value::as_object_mut);
            fields.for_each(|row| drop(row.remove("variant")));
            rows.sort_by_key(Value::to_string);
            counted.sort_by_key(Value::to_string);
        }
        assert_eq!(rows, counted, "{when}: {table}");
    }
}
