-- What cards, orders and complaints point to in recordings, kept from retention where it lies (docs/decisions/0034).

CREATE TABLE recording_pin (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- For what: its number stands in subject.
    kind     text NOT NULL CHECK (kind IN ('card', 'order', 'complaint')),
    subject  text NOT NULL,
    camera   text NOT NULL,
    from_at  timestamptz NOT NULL,
    to_at    timestamptz NOT NULL CHECK (to_at > from_at),
    -- From when on it is no longer kept; NULL: what it is for goes on.
    until    timestamptz,
    -- It is to be let go: the row goes when the ingest has done so.
    released boolean NOT NULL DEFAULT false,
    -- When the ingest that holds the recordings wrote down what stands here; NULL: it has not heard of it yet.
    told_at  timestamptz,
    -- Counts the changes: what an ingest says it wrote down is this one or an older one.
    revision integer NOT NULL DEFAULT 1
);
CREATE INDEX recording_pin_subject ON recording_pin (kind, subject);
CREATE INDEX recording_pin_untold ON recording_pin (camera, id) WHERE told_at IS NULL;
CREATE INDEX recording_pin_until ON recording_pin (until) WHERE until IS NOT NULL AND NOT released;
-- What was over a moment ago.
CREATE INDEX card_closed ON card (closed_at) WHERE closed_at IS NOT NULL;
CREATE INDEX supervision_order_closed ON supervision_order (closed_at) WHERE closed_at IS NOT NULL;
