-- Rule profiles, cards, and what people did with them.

CREATE TABLE rule_profile (
    version     integer PRIMARY KEY,
    in_force    timestamptz NOT NULL,
    drafted_by  text NOT NULL,
    enforced_by text NOT NULL,
    body        jsonb NOT NULL
);

CREATE TABLE card (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- One anomaly, one card, however often it is found: rule, subject and occurrence.
    cause_key       text NOT NULL UNIQUE,
    -- What shares a cause counts once, at its highest grade.
    cause           text NOT NULL,
    rule            text NOT NULL,
    kind            text NOT NULL,
    grade           text NOT NULL CHECK (grade IN ('notice', 'warning', 'yellow_card', 'red_card')),
    state           text NOT NULL,
    case_no         text,
    source          text,
    hall            text NOT NULL,
    unit            text,
    win             text,
    item            text,
    -- When it truly fell due, when it was written, when it became firm and went out.
    due_at          timestamptz NOT NULL,
    created_at      timestamptz NOT NULL,
    issued_at       timestamptz,
    answer_due      timestamptz,
    closed_at       timestamptz,
    -- A version of rule_profile. No foreign key, here and below: the one writer makes both ends in one transaction, and a
    -- check a row would cost a third of firing a hundred thousand deadlines at once.
    profile_version integer NOT NULL,
    trial           boolean NOT NULL DEFAULT false,
    -- The numbers of the sentence: {"limit":…, "used":…}; the sentence in both languages.
    facts           jsonb NOT NULL,
    sentence_zh     text NOT NULL,
    sentence_en     text NOT NULL,
    -- Where it stood before late evidence contested it, and before another card came to stand above it.
    contested_from  text,
    superseded_from text,
    -- What the case's facts were when an inspector upheld the card against late evidence: the same facts contest it no more.
    judged          bytea,
    -- Counts the changes: whoever acts names the revision that they saw; one of two people at once wins.
    revision        integer NOT NULL DEFAULT 1
);
CREATE INDEX card_case ON card (case_no);
CREATE INDEX card_list ON card (due_at DESC, id DESC);
CREATE INDEX card_hall ON card (hall, due_at DESC);
CREATE INDEX card_open ON card (due_at DESC, id DESC) WHERE closed_at IS NULL;
CREATE INDEX card_provisional ON card (source, due_at) WHERE state = 'provisional';

-- Every transition, for ever: who, when, why.
CREATE TABLE card_transition (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    card       bigint NOT NULL,
    at         timestamptz NOT NULL,
    transition text NOT NULL,
    from_state text,
    to_state   text NOT NULL,
    -- NULL: the system, by rule.
    account    bigint,
    who        text NOT NULL,
    role       text NOT NULL,
    why        text
);
CREATE INDEX card_transition_card ON card_transition (card, id);
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
END $$;
CREATE TRIGGER card_transition_append_only BEFORE UPDATE OR DELETE ON card_transition
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- The correction order (纠错通知) that goes out with a card.
CREATE TABLE correction_order (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    card     bigint NOT NULL UNIQUE,
    hall     text NOT NULL,
    issued_at timestamptz NOT NULL,
    answer_due timestamptz,
    answered_at timestamptz
);

-- Outages that we recorded ourselves: what arrives late because of one is not held against anybody.
CREATE TABLE outage (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    what    text NOT NULL,
    subject text NOT NULL,
    since   timestamptz NOT NULL,
    until   timestamptz
);
CREATE INDEX outage_subject ON outage (subject, since);
