-- What goes out to people: channels, who wants what over them, and what became of every message.

CREATE TABLE channel (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name       text NOT NULL UNIQUE,
    kind       text NOT NULL CHECK (kind IN ('sms', 'mail', 'wecom', 'dingtalk', 'webhook')),
    -- Whose it is. A group or a receiver hears of the halls below this one only.
    hall       text NOT NULL REFERENCES hall (code),
    -- Nothing secret stands here (alerts::channel::settings).
    settings   jsonb NOT NULL,
    -- The secrets, {"name": "value"}, sealed by the console; NULL: none.
    secrets    text,
    -- The names of those secrets.
    secret_names text[] NOT NULL DEFAULT '{}',
    enabled    boolean NOT NULL,
    per_minute integer NOT NULL CHECK (per_minute BETWEEN 1 AND 600),
    created    timestamptz NOT NULL,
    revision   integer NOT NULL DEFAULT 1,
    -- Attempts that failed in a row because of the channel itself, and when the next may be made.
    failures   integer NOT NULL DEFAULT 0,
    retry_at   timestamptz,
    last_sent  timestamptz,
    last_error text
);

CREATE TABLE subscription (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account    bigint NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    channel    bigint NOT NULL REFERENCES channel (id),
    -- A telephone number or a mail address; NULL where the channel itself is the receiver.
    address    text,
    -- The same, masked, as the log shows it.
    shown      text NOT NULL,
    grades     text[] NOT NULL,
    -- Empty: every rule.
    rules      text[] NOT NULL,
    -- The subtree, inside the person's own.
    hall       text NOT NULL REFERENCES hall (code),
    language   text NOT NULL CHECK (language IN ('zh', 'en')),
    -- By the county's clock; may pass midnight.
    quiet_from  time,
    quiet_until time,
    red_breaks_quiet boolean NOT NULL,
    created    timestamptz NOT NULL,
    CHECK ((quiet_from IS NULL) = (quiet_until IS NULL))
);
CREATE INDEX subscription_account ON subscription (account);
CREATE INDEX subscription_hall ON subscription (hall);

-- Texts to applicants. No row: they were never set up, and nothing is sent.
CREATE TABLE applicant_text (
    only_one    boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    enabled     boolean NOT NULL,
    channel     bigint REFERENCES channel (id),
    -- Of `accepted`, `step`, `completed`.
    moments     text[] NOT NULL,
    -- Steps of which is told; with `step` only.
    steps       text[] NOT NULL,
    query_at    text NOT NULL,
    complain_at text NOT NULL,
    language    text NOT NULL CHECK (language IN ('zh', 'en'))
);

-- The outbox: written in the transaction of what it tells of, taken out in the transaction that makes deliveries of it.
CREATE TABLE notice (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key     text NOT NULL,
    at      timestamptz NOT NULL,
    about   text NOT NULL CHECK (about IN ('card', 'order', 'case')),
    subject text NOT NULL,
    what    text NOT NULL,
    hall    text NOT NULL,
    unit    text,
    grade   text,
    rule    text,
    -- The county was in its trial run: nothing is sent, and the log says so.
    trial   boolean NOT NULL,
    body    jsonb NOT NULL
);

-- Cards of whose answer it was said that it falls due: once for each instant.
CREATE TABLE answer_reminder (
    card       bigint NOT NULL,
    answer_due timestamptz NOT NULL,
    PRIMARY KEY (card, answer_due)
);

-- One message to one receiver: the queue of the sender and the log of what became of it. A plain table: its rows change
-- state, and the key that nothing is queued twice by cannot hold a time.
CREATE TABLE delivery (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key          text NOT NULL UNIQUE,
    queued_at    timestamptz NOT NULL,
    channel      bigint NOT NULL REFERENCES channel (id),
    -- NULL: to an applicant, or a test.
    subscription bigint REFERENCES subscription (id) ON DELETE SET NULL,
    account      bigint REFERENCES account (id) ON DELETE SET NULL,
    -- Who receives, masked. The address itself is read where it stands when the message goes out.
    recipient    text NOT NULL,
    -- What may share a digest: one receiver in one language.
    target       text NOT NULL,
    about        text NOT NULL CHECK (about IN ('card', 'order', 'case', 'digest', 'test')),
    subject      text NOT NULL,
    what         text NOT NULL,
    hall         text NOT NULL,
    unit         text,
    grade        text,
    rule         text,
    language     text NOT NULL,
    body         jsonb NOT NULL,
    state        text NOT NULL CHECK (state IN ('queued', 'held', 'sending', 'retrying', 'sent', 'digested', 'not_sent')),
    -- Why it was not sent, or is tried again.
    reason       text,
    -- The words of the service, cut, without secrets.
    detail       text,
    attempts     integer NOT NULL DEFAULT 0,
    -- From when on it is tried: giving up counts from here, not from when quiet hours held it.
    since        timestamptz NOT NULL,
    next_at      timestamptz,
    done_at      timestamptz,
    -- The delivery in which it is counted.
    digest       bigint REFERENCES delivery (id)
);
CREATE INDEX delivery_open ON delivery (channel, next_at) WHERE state IN ('queued', 'held', 'sending', 'retrying');
CREATE INDEX delivery_list ON delivery (id DESC);
CREATE INDEX delivery_subject ON delivery (about, subject);
CREATE INDEX delivery_digest ON delivery (digest) WHERE digest IS NOT NULL;
CREATE INDEX delivery_not_sent ON delivery (done_at) WHERE state = 'not_sent';

-- Every attempt, for ever: what the service answered, cut, without secrets.
CREATE TABLE delivery_attempt (
    at       timestamptz NOT NULL,
    delivery bigint NOT NULL,
    channel  bigint NOT NULL,
    n        integer NOT NULL,
    outcome  text NOT NULL CHECK (outcome IN ('sent', 'later', 'refused', 'interrupted')),
    answer   text NOT NULL
);
SELECT create_hypertable('delivery_attempt', 'at', chunk_time_interval => interval '1 month', create_default_indexes => false);
CREATE INDEX delivery_attempt_delivery ON delivery_attempt (delivery, at);
CREATE INDEX delivery_attempt_channel ON delivery_attempt (channel, at DESC);
CREATE TRIGGER delivery_attempt_append_only BEFORE UPDATE OR DELETE ON delivery_attempt
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
