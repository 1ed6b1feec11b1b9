-- Sums of the roll-ups over halls, units and items, so that no figure of the county, of a long span or of many items reads a row of each
-- hall, unit and item.

-- What there are sums of: `cut` names what a row stands for; what it is summed over is '' in it.
CREATE TABLE rollup_cut (
    cut  "char" PRIMARY KEY,
    hall boolean NOT NULL,
    unit boolean NOT NULL,
    item boolean NOT NULL
);
INSERT INTO rollup_cut (cut, hall, unit, item) VALUES
    -- The whole county; a hall; a unit in all halls; a unit in a hall; an item of a unit in all halls.
    ('w', false, false, false), ('h', true, false, false), ('u', false, true, false), ('p', true, true, false),
    ('i', false, true, true);

-- Of rollup_day and rollup_month.
CREATE TABLE rollup_sum (
    cut   "char" NOT NULL,
    grain "char" NOT NULL,
    start date NOT NULL,
    hall  text NOT NULL,
    unit  text NOT NULL,
    item  text NOT NULL,
    accepted      bigint NOT NULL DEFAULT 0,
    completed     bigint NOT NULL DEFAULT 0,
    due           bigint NOT NULL DEFAULT 0,
    due_met       bigint NOT NULL DEFAULT 0,
    due_over      bigint NOT NULL DEFAULT 0,
    promised      bigint NOT NULL DEFAULT 0,
    early         bigint NOT NULL DEFAULT 0,
    rated_1       bigint NOT NULL DEFAULT 0,
    rated_2       bigint NOT NULL DEFAULT 0,
    rated_3       bigint NOT NULL DEFAULT 0,
    rated_4       bigint NOT NULL DEFAULT 0,
    rated_5       bigint NOT NULL DEFAULT 0,
    refused       bigint NOT NULL DEFAULT 0,
    withdrawn     bigint NOT NULL DEFAULT 0,
    voided        bigint NOT NULL DEFAULT 0,
    measured      bigint NOT NULL DEFAULT 0,
    worked        bigint NOT NULL DEFAULT 0,
    legal_worked  bigint NOT NULL DEFAULT 0,
    legal_allowed bigint NOT NULL DEFAULT 0,
    cut_promise   bigint NOT NULL DEFAULT 0,
    cut_legal     bigint NOT NULL DEFAULT 0,
    -- The hall before the time: those of a subtree are looked up one by one.
    PRIMARY KEY (cut, grain, hall, start, unit, item)
) WITH (fillfactor = 70);
-- Of rollup_channel; not by item.
CREATE TABLE rollup_channel_sum (
    cut     "char" NOT NULL,
    grain   "char" NOT NULL,
    start   date NOT NULL,
    hall    text NOT NULL,
    unit    text NOT NULL,
    item    text NOT NULL,
    channel text NOT NULL,
    n       bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (cut, grain, hall, start, unit, item, channel)
) WITH (fillfactor = 70);
-- Of rollup_duration: the sixteen classes of a power of two in one row, `class` = 16 × `octave` + the number of the column.
CREATE TABLE rollup_duration_sum (
    cut    "char" NOT NULL,
    grain  "char" NOT NULL,
    start  date NOT NULL,
    hall   text NOT NULL,
    unit   text NOT NULL,
    item   text NOT NULL,
    octave smallint NOT NULL,
    n_0    bigint NOT NULL DEFAULT 0,
    n_1    bigint NOT NULL DEFAULT 0,
    n_2    bigint NOT NULL DEFAULT 0,
    n_3    bigint NOT NULL DEFAULT 0,
    n_4    bigint NOT NULL DEFAULT 0,
    n_5    bigint NOT NULL DEFAULT 0,
    n_6    bigint NOT NULL DEFAULT 0,
    n_7    bigint NOT NULL DEFAULT 0,
    n_8    bigint NOT NULL DEFAULT 0,
    n_9    bigint NOT NULL DEFAULT 0,
    n_10   bigint NOT NULL DEFAULT 0,
    n_11   bigint NOT NULL DEFAULT 0,
    n_12   bigint NOT NULL DEFAULT 0,
    n_13   bigint NOT NULL DEFAULT 0,
    n_14   bigint NOT NULL DEFAULT 0,
    n_15   bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (cut, grain, hall, start, unit, item, octave)
) WITH (fillfactor = 70);
-- Of rollup_step; only by unit, as they are asked for.
CREATE TABLE rollup_step_sum (
    cut       "char" NOT NULL,
    grain     "char" NOT NULL,
    start     date NOT NULL,
    hall      text NOT NULL,
    unit      text NOT NULL,
    item      text NOT NULL,
    step      text NOT NULL,
    runs      bigint NOT NULL DEFAULT 0,
    begun     bigint NOT NULL DEFAULT 0,
    waited    bigint NOT NULL DEFAULT 0,
    worked    bigint NOT NULL DEFAULT 0,
    undivided bigint NOT NULL DEFAULT 0,
    over      bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (cut, grain, hall, start, unit, item, step)
) WITH (fillfactor = 70);

INSERT INTO rollup_sum (cut, grain, start, hall, unit, item, accepted, completed, due, due_met, due_over, promised, early, rated_1, rated_2, rated_3, rated_4, rated_5, refused,
       withdrawn, voided, measured, worked, legal_worked, legal_allowed, cut_promise, cut_legal)
SELECT cut, grain, start, CASE WHEN c.hall THEN r.hall ELSE '' END, CASE WHEN c.unit THEN r.unit ELSE '' END,
       CASE WHEN c.item THEN r.item ELSE '' END, sum(accepted), sum(completed), sum(due), sum(due_met), sum(due_over), sum(promised), sum(early), sum(rated_1),
       sum(rated_2), sum(rated_3), sum(rated_4), sum(rated_5), sum(refused), sum(withdrawn), sum(voided), sum(measured),
       sum(worked), sum(legal_worked), sum(legal_allowed), sum(cut_promise), sum(cut_legal)
FROM (SELECT 'd'::"char" AS grain, day AS start, * FROM rollup_day
      UNION ALL SELECT 'm'::"char", month, * FROM rollup_month) AS r CROSS JOIN rollup_cut c
GROUP BY 1, 2, 3, 4, 5, 6;
INSERT INTO rollup_channel_sum (cut, grain, start, hall, unit, item, channel, n)
SELECT cut, grain, start, CASE WHEN c.hall THEN r.hall ELSE '' END, CASE WHEN c.unit THEN r.unit ELSE '' END, '', channel, sum(n)
FROM rollup_channel r JOIN rollup_cut c ON NOT c.item GROUP BY 1, 2, 3, 4, 5, 6, 7;
INSERT INTO rollup_duration_sum (cut, grain, start, hall, unit, item, octave, n_0, n_1, n_2, n_3, n_4, n_5, n_6, n_7, n_8, n_9, n_10, n_11, n_12, n_13, n_14, n_15)
SELECT cut, grain, start, CASE WHEN c.hall THEN r.hall ELSE '' END, CASE WHEN c.unit THEN r.unit ELSE '' END,
       CASE WHEN c.item THEN r.item ELSE '' END, class / 16, coalesce(sum(n) FILTER (WHERE class % 16 = 0), 0), coalesce(sum(n) FILTER (WHERE class % 16 = 1), 0), coalesce(sum(n)
       FILTER (WHERE class % 16 = 2), 0), coalesce(sum(n) FILTER (WHERE class % 16 = 3), 0), coalesce(sum(n) FILTER (WHERE
       class % 16 = 4), 0), coalesce(sum(n) FILTER (WHERE class % 16 = 5), 0), coalesce(sum(n) FILTER (WHERE class % 16 = 6),
       0), coalesce(sum(n) FILTER (WHERE class % 16 = 7), 0), coalesce(sum(n) FILTER (WHERE class % 16 = 8), 0),
       coalesce(sum(n) FILTER (WHERE class % 16 = 9), 0), coalesce(sum(n) FILTER (WHERE class % 16 = 10), 0), coalesce(sum(n)
       FILTER (WHERE class % 16 = 11), 0), coalesce(sum(n) FILTER (WHERE class % 16 = 12), 0), coalesce(sum(n) FILTER (WHERE
       class % 16 = 13), 0), coalesce(sum(n) FILTER (WHERE class % 16 = 14), 0), coalesce(sum(n) FILTER (WHERE class % 16 =
       15), 0)
FROM rollup_duration r CROSS JOIN rollup_cut c GROUP BY 1, 2, 3, 4, 5, 6, 7;
INSERT INTO rollup_step_sum (cut, grain, start, hall, unit, item, step, runs, begun, waited, worked, undivided, over)
SELECT cut, grain, start, CASE WHEN c.hall THEN r.hall ELSE '' END, r.unit, '', step, sum(runs), sum(begun), sum(waited), sum(worked), sum(undivided), sum(over)
FROM rollup_step r JOIN rollup_cut c ON c.unit AND NOT c.item GROUP BY 1, 2, 3, 4, 5, 6, 7;

-- Rows of single items are read for a few halls, or for one item.
ALTER TABLE rollup_month DROP CONSTRAINT rollup_month_pkey, ADD PRIMARY KEY (hall, month, unit, item);
ALTER TABLE rollup_channel DROP CONSTRAINT rollup_channel_pkey, ADD PRIMARY KEY (hall, grain, start, unit, item, channel);
ALTER TABLE rollup_duration DROP CONSTRAINT rollup_duration_pkey, ADD PRIMARY KEY (hall, grain, start, unit, item, class);
ALTER TABLE rollup_step DROP CONSTRAINT rollup_step_pkey, ADD PRIMARY KEY (hall, grain, start, unit, item, step);
ALTER TABLE rollup_follows DROP CONSTRAINT rollup_follows_pkey, ADD PRIMARY KEY (item, month, hall, unit, earlier, later);
ALTER TABLE rollup_variant DROP CONSTRAINT rollup_variant_pkey, ADD PRIMARY KEY (item, month, hall, unit, variant);
CREATE INDEX rollup_day_item ON rollup_day (item, day);
CREATE INDEX rollup_month_item ON rollup_month (item, month);
CREATE INDEX rollup_channel_item ON rollup_channel (item, grain, start);
CREATE INDEX rollup_duration_item ON rollup_duration (item, grain, start);
CREATE INDEX rollup_step_item ON rollup_step (item, grain, start);

-- Cases over a limit by when they were decided, and those that are not: what a month's bulletin and red cards that go on are found by,
-- however many years lie behind.
DROP INDEX case_state_over_legal;
CREATE INDEX case_state_over_decided ON case_state (decided_at) WHERE bucket IN ('over_promise_only', 'over_legal');
CREATE INDEX case_state_over_open ON case_state (legal_due) WHERE bucket IN ('over_promise_only', 'over_legal') AND is_open;
