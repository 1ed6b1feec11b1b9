-- Events and what they add up to.

-- A system that sends events. `lag` is its usual delay; `complete_until` what its last heartbeat vouched for.
CREATE TABLE source (
    id             text PRIMARY KEY,
    name           text NOT NULL,
    lag_seconds    bigint NOT NULL DEFAULT 0 CHECK (lag_seconds >= 0),
    last_event     timestamptz,
    last_heartbeat timestamptz,
    complete_until timestamptz,
    -- While history is posted with an initial-load token: the latest event time so far. Deadlines of its cases fire only up to here.
    loading_until  timestamptz,
    accepted       bigint NOT NULL DEFAULT 0,
    duplicate      bigint NOT NULL DEFAULT 0,
    rejected       bigint NOT NULL DEFAULT 0
);

-- Identity of every event ever accepted. Plain, because a hypertable cannot hold a uniqueness without its time column.
CREATE TABLE event_identity (
    source text NOT NULL,
    id     text NOT NULL,
    time   timestamptz NOT NULL,
    hash   bytea NOT NULL,
    PRIMARY KEY (source, id)
);

-- The three instants: `time` (the source says), `received` (our stamp at intake), `committed`.
CREATE TABLE case_event (
    time      timestamptz NOT NULL,
    date_only boolean NOT NULL DEFAULT false,
    received  timestamptz NOT NULL,
    committed timestamptz NOT NULL,
    source    text NOT NULL,
    id        text NOT NULL,
    -- NULL for events that are not about a case (window.*, source.heartbeat).
    case_no   text,
    hall      text,
    type      text NOT NULL,
    seq       bigint,
    data      jsonb NOT NULL
);
SELECT create_hypertable('case_event', 'time', chunk_time_interval => interval '1 month', create_default_indexes => false);
CREATE INDEX case_event_case ON case_event (case_no, time);
CREATE INDEX case_event_time ON case_event (time DESC);

-- Events that were refused after their sender had been told they are kept (202), or that an edge delivered and the console
-- refused: visible, never dropped.
CREATE TABLE event_quarantine (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    received timestamptz NOT NULL,
    source   text,
    event_id text,
    reason   text NOT NULL,
    body     jsonb NOT NULL
);

-- The state of every case: its fold, and the columns that lists, counts and the deadline queue need.
CREATE TABLE case_state (
    -- By bytes, so that its index also serves the search by the beginning of a number.
    no           text COLLATE "C" PRIMARY KEY,
    source       text NOT NULL,
    hall         text NOT NULL,
    -- '' where no event has named it.
    unit         text NOT NULL,
    win          text,
    item         text NOT NULL,
    -- The version of the item in force at acceptance; NULL while the item is not known.
    item_version integer,
    kind         text NOT NULL,
    status       text NOT NULL,
    -- running | suspended | stopped | not_started
    clock        text NOT NULL,
    -- on_time | over_promise_only | over_legal | no_deadline; NULL while the clock has not started.
    bucket       text,
    is_open      boolean NOT NULL,
    -- Acceptance, or application, or the first event: what lists are sorted by.
    opened_at    timestamptz NOT NULL,
    applied_at   timestamptz,
    accepted_at  timestamptz,
    decided_at   timestamptz,
    delivered_at timestamptz,
    promise_due  timestamptz,
    legal_due    timestamptz,
    -- A due instant that lies in a year not loaded (预计).
    expected     boolean NOT NULL DEFAULT false,
    -- The next instant at which anything about this case can change by time alone; NULL: never.
    next_instant timestamptz,
    fold         jsonb NOT NULL,
    changed      timestamptz NOT NULL
);
CREATE INDEX case_state_next ON case_state (next_instant) WHERE next_instant IS NOT NULL;
CREATE INDEX case_state_hall ON case_state (hall, opened_at DESC, no DESC);
CREATE INDEX case_state_opened ON case_state (opened_at DESC, no DESC);
-- Open cases by when they fall due; a decided case leaves it.
CREATE INDEX case_state_open ON case_state (promise_due) WHERE is_open;
-- Deadlines that wait for a calendar year to be loaded.
CREATE INDEX case_state_expected ON case_state (no) WHERE expected;

-- Live state of windows as events tell it (presence from pictures joins later).
CREATE TABLE window_state (
    hall         text NOT NULL,
    no           text NOT NULL,
    -- The source that spoke of it last: when that is silent, the window is unknown.
    source       text NOT NULL,
    last_event   timestamptz,
    last_case    text,
    paused_until timestamptz,
    paused_since timestamptz,
    leave_until  timestamptz,
    PRIMARY KEY (hall, no)
);

-- Roll-ups: upserted from what changed, in the transaction that changed it, so that no page scans events.
-- `day` is the local date. Counts of cases by what happened on that day.
CREATE TABLE rollup_day (
    day        date NOT NULL,
    hall       text NOT NULL,
    unit       text NOT NULL,
    item       text NOT NULL,
    accepted   bigint NOT NULL DEFAULT 0,
    completed  bigint NOT NULL DEFAULT 0,
    -- Cases due on that day (by the promise, by law where nothing is promised), finished or not; immediate items apart.
    -- Of them: decided in time; over, decided or not. What is neither is still running.
    due        bigint NOT NULL DEFAULT 0,
    due_met    bigint NOT NULL DEFAULT 0,
    due_over   bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (day, hall, unit, item)
);
CREATE TABLE rollup_hour (
    hour      timestamptz NOT NULL,
    hall      text NOT NULL,
    accepted  bigint NOT NULL DEFAULT 0,
    completed bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (hour, hall)
);
-- How many cases stand in which bucket now, per hall and unit.
CREATE TABLE rollup_bucket (
    hall    text NOT NULL,
    unit    text NOT NULL,
    is_open boolean NOT NULL,
    bucket  text NOT NULL,
    n       bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (hall, unit, is_open, bucket)
);
