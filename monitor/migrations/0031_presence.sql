-- Presence at the windows: empty seats as cameras report them, and the pauses and leave that excuse them (R9).

ALTER TABLE card DROP CONSTRAINT card_about_check,
    ADD CONSTRAINT card_about_check
        CHECK (about IN ('case', 'complaint', 'source', 'edge', 'hall', 'camera', 'unit', 'window'));

ALTER TABLE episode DROP CONSTRAINT episode_thing_check, DROP CONSTRAINT episode_trouble_check,
    ADD CONSTRAINT episode_thing_check CHECK (thing IN ('source', 'edge', 'hall', 'camera', 'window')),
    ADD CONSTRAINT episode_trouble_check CHECK (trouble IN
        ('silent', 'offline', 'frozen', 'black', 'overexposed', 'covered', 'defocused', 'moved', 'empty')),
    -- Of a window: the unit that staffs it.
    ADD COLUMN unit   text,
    -- Of a window: spans in which no camera could say, as [{"from":…, "until":…|null}, …]; they do not count.
    ADD COLUMN unseen jsonb NOT NULL DEFAULT '[]';
-- The confirmed cards of a window's month.
CREATE INDEX card_r9 ON card (subject, due_at) WHERE rule = 'R9';

-- What was entered about a window, by an event of a source or by somebody on a page: nothing of it changes.
CREATE TABLE window_absence (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    hall          text NOT NULL,
    no            text NOT NULL,
    kind          text NOT NULL CHECK (kind IN ('paused', 'leave', 'resumed')),
    starts        timestamptz NOT NULL,
    -- NULL: until the window serves again.
    ends          timestamptz,
    -- It excuses nothing before this.
    entered       timestamptz NOT NULL,
    reason        text,
    -- The event that said so, and the one that it corrects.
    source        text,
    event         text,
    replaces      text,
    -- Or the person.
    account       bigint,
    who           text,
    role          text,
    -- Of a leave that came approved: by whom.
    approver      text,
    approver_role text,
    approver_hall text,
    -- Whether whoever approved it stands above the hall.
    approved      boolean NOT NULL DEFAULT false,
    CHECK ((source IS NULL) = (event IS NULL)),
    CHECK ((source IS NULL) = (account IS NOT NULL))
);
CREATE UNIQUE INDEX window_absence_event ON window_absence (source, event) WHERE source IS NOT NULL;
CREATE INDEX window_absence_replaced ON window_absence (source, replaces) WHERE replaces IS NOT NULL;
CREATE INDEX window_absence_window ON window_absence (hall, no, kind, starts);
CREATE INDEX window_absence_list ON window_absence (starts DESC, id DESC);
CREATE TRIGGER window_absence_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON window_absence
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- What somebody above the hall decided about a leave: once.
CREATE TABLE leave_decision (
    absence  bigint PRIMARY KEY REFERENCES window_absence (id),
    approved boolean NOT NULL,
    at       timestamptz NOT NULL,
    account  bigint NOT NULL,
    who      text NOT NULL,
    role     text NOT NULL,
    why      text
);
CREATE TRIGGER leave_decision_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON leave_decision
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- The newest pause and leave of a window stood here, without the ones before.
INSERT INTO window_absence (hall, no, kind, starts, ends, entered, source, event, approved)
    SELECT hall, no, 'paused', paused_since, paused_until, paused_since, source,
           'window_state:' || hall || '/' || no || ':paused', false
    FROM window_state WHERE paused_since IS NOT NULL;
ALTER TABLE window_state DROP COLUMN paused_since, DROP COLUMN paused_until, DROP COLUMN leave_until;

-- Window-minutes in which a window was open, not excused, and a camera could say; and of them, with somebody at it.
CREATE TABLE presence_day (
    day     date NOT NULL,
    hall    text NOT NULL,
    no      text NOT NULL,
    unit    text,
    known   integer NOT NULL,
    staffed integer NOT NULL,
    -- The last minute that was counted: none is counted twice.
    upto    timestamptz NOT NULL,
    PRIMARY KEY (hall, no, day),
    CHECK (staffed <= known)
);
CREATE INDEX presence_day_day ON presence_day (day);
