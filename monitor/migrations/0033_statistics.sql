-- What statistics are made of beside counts: working time of cases and steps, channels, and the ways that cases take.

-- Working time of the case and its finished steps, in millionths of a workday, as the rules saw it when it was last looked at.
-- NULL: not measured yet (taken up by an older program); such a case is in none of the counts below, until the console has started once.
ALTER TABLE case_state ADD COLUMN spent jsonb;
CREATE INDEX case_state_unmeasured ON case_state (no) WHERE spent IS NULL;

ALTER TABLE rollup_day
    -- Of the cases completed, those that ended otherwise than by a decision for the applicant.
    ADD COLUMN refused       bigint NOT NULL DEFAULT 0,
    ADD COLUMN withdrawn     bigint NOT NULL DEFAULT 0,
    ADD COLUMN voided        bigint NOT NULL DEFAULT 0,
    -- Of the cases completed, those decided, for the applicant or against; their working time.
    ADD COLUMN measured      bigint NOT NULL DEFAULT 0,
    ADD COLUMN worked        bigint NOT NULL DEFAULT 0,
    -- Of those the ones that the law sets a limit: their working time, and what the law allowed.
    ADD COLUMN legal_worked  bigint NOT NULL DEFAULT 0,
    ADD COLUMN legal_allowed bigint NOT NULL DEFAULT 0,
    -- Of those the ones that had a promise too: what was promised, and what the law allowed.
    ADD COLUMN cut_promise   bigint NOT NULL DEFAULT 0,
    ADD COLUMN cut_legal     bigint NOT NULL DEFAULT 0;

-- The same by months, so that a long span reads few rows: whole months from here, the days at its ends from rollup_day.
CREATE TABLE rollup_month (LIKE rollup_day INCLUDING DEFAULTS INCLUDING CONSTRAINTS);
ALTER TABLE rollup_month RENAME COLUMN day TO month;
ALTER TABLE rollup_month ADD PRIMARY KEY (month, hall, unit, item);
INSERT INTO rollup_month (month, hall, unit, item, accepted, completed, due, due_met, due_over, promised, early,
                          rated_1, rated_2, rated_3, rated_4, rated_5)
SELECT date_trunc('month', day)::date, hall, unit, item, sum(accepted), sum(completed), sum(due), sum(due_met), sum(due_over),
       sum(promised), sum(early), sum(rated_1), sum(rated_2), sum(rated_3), sum(rated_4), sum(rated_5)
FROM rollup_day GROUP BY 1, 2, 3, 4;

-- Below, `grain` is d: counts of the day `start`; or m: of the month that begins with it.

-- How the cases accepted came in; '' where no event says it.
CREATE TABLE rollup_channel (
    grain   "char" NOT NULL,
    start   date NOT NULL,
    hall    text NOT NULL,
    unit    text NOT NULL,
    item    text NOT NULL,
    channel text NOT NULL,
    n       bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (grain, start, hall, unit, item, channel)
);
-- Working time of the cases decided, as a histogram: `class` as in `mingjing_monitor::statistics::histogram`.
CREATE TABLE rollup_duration (
    grain "char" NOT NULL,
    start date NOT NULL,
    hall  text NOT NULL,
    unit  text NOT NULL,
    item  text NOT NULL,
    class smallint NOT NULL,
    n     bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (grain, start, hall, unit, item, class)
);
-- Steps by the day on which they were finished, and where. The bottleneck map.
CREATE TABLE rollup_step (
    grain     "char" NOT NULL,
    start     date NOT NULL,
    hall      text NOT NULL,
    unit      text NOT NULL,
    item      text NOT NULL,
    step      text NOT NULL,
    runs      bigint NOT NULL DEFAULT 0,
    -- Of them those whose beginning was told: how long they had waited since the step before, and how long they took.
    begun     bigint NOT NULL DEFAULT 0,
    waited    bigint NOT NULL DEFAULT 0,
    worked    bigint NOT NULL DEFAULT 0,
    -- Of the others: from the end of the step before to their own.
    undivided bigint NOT NULL DEFAULT 0,
    -- Finished past the limit of the step.
    over      bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (grain, start, hall, unit, item, step)
);
-- How often one step directly followed another in the cases decided in a month; '' before the first and after the last.
CREATE TABLE rollup_follows (
    month   date NOT NULL,
    hall    text NOT NULL,
    unit    text NOT NULL,
    item    text NOT NULL,
    earlier text NOT NULL,
    later   text NOT NULL,
    n       bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (month, hall, unit, item, earlier, later)
);
-- The ways that those cases took, each with its steps in order; `variant` is a hash of them.
CREATE TABLE rollup_variant (
    month   date NOT NULL,
    hall    text NOT NULL,
    unit    text NOT NULL,
    item    text NOT NULL,
    variant bytea NOT NULL,
    steps   jsonb NOT NULL,
    n       bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (month, hall, unit, item, variant)
);
