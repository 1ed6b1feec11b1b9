-- The service of village points: when they were open, when their terminal ran, whom they helped. Counted from events by the day, in the
-- transaction that brings them; `mingjing rollup rebuild` counts again what there are events of.

CREATE INDEX case_event_service ON case_event (hall, time)
    WHERE type IN ('hall.opened', 'hall.closed', 'terminal.heartbeat', 'service.assisted');
-- What corrects another of them.
CREATE INDEX case_event_service_replaces ON case_event (source, (data ->> 'replaces'))
    WHERE type IN ('hall.opened', 'hall.closed', 'terminal.heartbeat', 'service.assisted') AND data ? 'replaces';

-- A hall that tells of its service, from which day on: from then on silence counts.
CREATE TABLE service_point (
    hall  text PRIMARY KEY,
    since date NOT NULL
);

CREATE TABLE service_day (
    day         date NOT NULL,
    hall        text NOT NULL,
    -- Stretches of the local day in which it was open, in minutes after midnight: from, to, from, to …
    open        integer[] NOT NULL,
    -- Stretches in which a terminal was up, by its word; a single heartbeat is one without length.
    up          integer[] NOT NULL,
    -- Queries assisted: the minute of each, and what tells its person again ('' where nobody was named); each person once a day.
    assisted_at integer[] NOT NULL,
    assisted    text[] NOT NULL,
    -- How many were told, the same person again included.
    told        integer NOT NULL,
    PRIMARY KEY (day, hall)
);

-- When a complaint was answered, refused or closed, whichever came first.
ALTER TABLE complaint ADD COLUMN finished_at timestamptz;
UPDATE complaint SET finished_at =
    least((fold #>> '{replied,at}')::timestamptz, (fold #>> '{refused,at}')::timestamptz, (fold #>> '{closed,at}')::timestamptz);
CREATE INDEX complaint_finish_due ON complaint (finish_due) WHERE finish_due IS NOT NULL;
CREATE INDEX complaint_unfinished ON complaint (finish_due) WHERE finished_at IS NULL;
CREATE INDEX complaint_finished ON complaint (finished_at) WHERE finished_at IS NOT NULL;

-- Correction orders that lie unanswered when a month begins.
CREATE INDEX correction_order_unanswered ON correction_order (answer_due) WHERE answered_at IS NULL;
CREATE INDEX correction_order_answered ON correction_order (answered_at) WHERE answered_at IS NOT NULL;

-- Whether a version of the rules knows the service score. Those put in force before go on scoring villages by the nine parts, as they did.
ALTER TABLE rule_profile ADD COLUMN by_service boolean NOT NULL DEFAULT false;
ALTER TABLE rule_profile ALTER COLUMN by_service SET DEFAULT true;
