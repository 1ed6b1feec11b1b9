-- What is supervised beside cases: complaints, sources, edges, halls, cameras, units.

-- What a card is about; of a case the number stands in case_no, of everything else in subject.
ALTER TABLE card
    ADD COLUMN about text NOT NULL DEFAULT 'case'
        CHECK (about IN ('case', 'complaint', 'source', 'edge', 'hall', 'camera', 'unit')),
    ADD COLUMN subject text,
    ADD CONSTRAINT card_about_something CHECK (about = 'case' OR (subject IS NOT NULL AND case_no IS NULL));
CREATE INDEX card_subject ON card (about, subject) WHERE subject IS NOT NULL;

-- The state of every complaint and consultation: its fold, and the columns that lists and the queue of due instants need.
CREATE TABLE complaint (
    no           text COLLATE "C" PRIMARY KEY,
    source       text NOT NULL,
    hall         text NOT NULL,
    unit         text,
    kind         text,
    channel      text,
    case_no      text,
    status       text NOT NULL,
    is_open      boolean NOT NULL,
    upheld       boolean,
    opened_at    timestamptz NOT NULL,
    accept_due   timestamptz,
    finish_due   timestamptz,
    -- The next instant at which anything about it can change by time alone; NULL: never.
    next_instant timestamptz,
    fold         jsonb NOT NULL,
    changed      timestamptz NOT NULL
);
CREATE INDEX complaint_next ON complaint (next_instant) WHERE next_instant IS NOT NULL;
CREATE INDEX complaint_hall ON complaint (hall, opened_at DESC, no DESC);
CREATE INDEX complaint_case ON complaint (case_no) WHERE case_no IS NOT NULL;

-- Each time something that is watched went wrong, as we recorded it ourselves.
CREATE TABLE episode (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    thing        text NOT NULL CHECK (thing IN ('source', 'edge', 'hall', 'camera')),
    subject      text NOT NULL,
    name         text NOT NULL,
    -- The hall that bears it.
    hall         text NOT NULL,
    trouble      text NOT NULL CHECK (trouble IN ('silent', 'offline', 'frozen', 'black', 'covered')),
    since        timestamptz NOT NULL,
    until        timestamptz,
    cameras      integer NOT NULL DEFAULT 0,
    -- What stands over it, as `thing:subject`: while that is down or under maintenance, its alert is held back.
    above        text[] NOT NULL DEFAULT '{}',
    next_instant timestamptz,
    UNIQUE (thing, subject, since)
);
CREATE UNIQUE INDEX episode_goes_on ON episode (thing, subject) WHERE until IS NULL;
CREATE INDEX episode_since ON episode (since);

-- How far the months were looked at (R8).
CREATE TABLE month_round (
    rule    text PRIMARY KEY,
    -- First day of the last month that was looked at when it was over.
    month   date NOT NULL,
    next_at timestamptz NOT NULL
);
