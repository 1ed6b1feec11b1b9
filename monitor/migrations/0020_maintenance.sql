-- What holds alerts back, and until when: planned maintenance, and acknowledgements that run out.

CREATE TABLE maintenance (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    thing      text NOT NULL CHECK (thing IN ('source', 'hall', 'camera')),
    subject    text NOT NULL,
    -- The hall in whose scope it lies.
    hall       text NOT NULL,
    starts     timestamptz NOT NULL,
    ends       timestamptz NOT NULL,
    why        text NOT NULL,
    account    bigint NOT NULL,
    who        text NOT NULL,
    created_at timestamptz NOT NULL,
    -- Ended before its time, or called off before it began.
    ended_at   timestamptz,
    ended_by   text,
    CHECK (starts < ends)
);
CREATE INDEX maintenance_ends ON maintenance (ends DESC, id DESC);
CREATE INDEX maintenance_subject ON maintenance (thing, subject);

-- Somebody knows of a card and asks to be left alone with it until then.
CREATE TABLE acknowledgement (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    card     bigint NOT NULL,
    account  bigint NOT NULL,
    who      text NOT NULL,
    role     text NOT NULL,
    at       timestamptz NOT NULL,
    until    timestamptz NOT NULL,
    why      text NOT NULL,
    -- When it ran out, was taken back, or the card was over.
    ended_at timestamptz,
    CHECK (at < until)
);
CREATE UNIQUE INDEX acknowledgement_stands ON acknowledgement (card) WHERE ended_at IS NULL;
CREATE INDEX acknowledgement_until ON acknowledgement (until) WHERE ended_at IS NULL;
