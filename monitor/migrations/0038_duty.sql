-- Patrols and shifts of whoever watches the halls (screens.md, Video inspection). Nothing of them changes.

-- A round through the cameras of a hall and all below it.
CREATE TABLE patrol (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    hall    text NOT NULL REFERENCES hall (code),
    begun   timestamptz NOT NULL,
    account bigint NOT NULL,
    who     text NOT NULL,
    role    text NOT NULL
);
CREATE INDEX patrol_begun ON patrol (begun DESC, id DESC);

-- A hall that was looked at, and what was found there.
CREATE TABLE patrol_stop (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    patrol  bigint NOT NULL REFERENCES patrol (id),
    hall    text NOT NULL,
    -- What was on the screen, and what of it showed a live picture.
    cameras text[] NOT NULL CHECK (cardinality(cameras) > 0),
    live    text[] NOT NULL,
    since   timestamptz NOT NULL,
    until   timestamptz NOT NULL CHECK (until >= since),
    -- NULL: nothing.
    finding text CHECK (finding <> '')
);
CREATE INDEX patrol_stop_patrol ON patrol_stop (patrol, id);
CREATE INDEX patrol_stop_finding ON patrol_stop (until) WHERE finding IS NOT NULL;

-- A shift that was handed over, with what was open then.
CREATE TABLE handover (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    hall    text NOT NULL REFERENCES hall (code),
    at      timestamptz NOT NULL,
    account bigint NOT NULL,
    who     text NOT NULL,
    role    text NOT NULL,
    note    text NOT NULL CHECK (note <> ''),
    open    jsonb NOT NULL
);
CREATE INDEX handover_at ON handover (at DESC, id DESC);

-- Who took it over: once, and never who handed it over.
CREATE TABLE handover_taken (
    handover bigint PRIMARY KEY REFERENCES handover (id),
    at       timestamptz NOT NULL,
    account  bigint NOT NULL,
    who      text NOT NULL,
    role     text NOT NULL
);

CREATE TRIGGER patrol_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON patrol
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER patrol_stop_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON patrol_stop
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER handover_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON handover
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER handover_taken_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON handover_taken
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
