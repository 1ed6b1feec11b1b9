-- Supervision orders, and the instants at which time alone moves a card or an order on.

ALTER TABLE card
    -- When an unanswered answer or an undecided appeal has consequences; NULL: never. What was issued before this column came
    -- has none: nobody was told then that it would.
    ADD COLUMN next_instant timestamptz,
    -- By when an appeal is to be decided.
    ADD COLUMN decide_due timestamptz;
CREATE INDEX card_next ON card (next_instant) WHERE next_instant IS NOT NULL;
-- What followed a card that nobody answered, and goes when the card does.
CREATE INDEX card_r12 ON card (cause) WHERE rule = 'R12';
-- Cards and orders that somebody must act on, by when.
CREATE INDEX card_to_answer ON card (answer_due) WHERE state IN ('issued', 'received', 'returned');
CREATE INDEX card_to_decide ON card (due_at) WHERE state IN ('pending', 'answered', 'appealed', 'contested', 'referred');
-- Of an appeal or a revocation: which exempting ground was named.
ALTER TABLE card_transition ADD COLUMN ground text;

CREATE TABLE supervision_order (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- One unanswered answer, one order; NULL: written by hand.
    cause_key     text UNIQUE,
    origin        text NOT NULL CHECK (origin IN ('unanswered', 'inspector', 'instruction')),
    state         text NOT NULL,
    -- Who has it now, and to whom it was written.
    rung          text NOT NULL CHECK (rung IN ('hall_manager', 'unit_head', 'inspector', 'commission')),
    addressee     text NOT NULL CHECK (addressee IN ('hall_manager', 'unit_head')),
    hall          text NOT NULL,
    unit          text,
    win           text,
    -- What it is about, as far as it was written from a page that shows one.
    card          bigint,
    case_no       text,
    camera        text,
    picture_at    timestamptz,
    complaint     text,
    text_zh       text NOT NULL,
    text_en       text NOT NULL,
    issued_at     timestamptz NOT NULL,
    issued_by     text NOT NULL,
    issued_role   text NOT NULL,
    -- When what it follows fell due.
    due_at        timestamptz NOT NULL,
    -- By when whoever has it gives feedback.
    answer_due    timestamptz NOT NULL,
    answered_at   timestamptz,
    closed_at     timestamptz,
    -- Of the last feedback.
    objective     boolean,
    measures      text,
    next_instant  timestamptz,
    profile_version integer NOT NULL,
    trial         boolean NOT NULL DEFAULT false,
    revision      integer NOT NULL DEFAULT 1
);
CREATE INDEX supervision_order_list ON supervision_order (issued_at DESC, id DESC);
CREATE INDEX supervision_order_hall ON supervision_order (hall, issued_at DESC);
CREATE INDEX supervision_order_open ON supervision_order (answer_due) WHERE closed_at IS NULL;
CREATE INDEX supervision_order_card ON supervision_order (card) WHERE card IS NOT NULL;
CREATE INDEX supervision_order_next ON supervision_order (next_instant) WHERE next_instant IS NOT NULL;

-- Every step, for ever: who, when, why; of feedback also the measures, and whether the cause was an objective one.
CREATE TABLE supervision_order_transition (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    supervision_order bigint NOT NULL,
    at         timestamptz NOT NULL,
    -- When it truly fell due, for what time brought about.
    due_at     timestamptz,
    transition text NOT NULL,
    from_state text,
    to_state   text NOT NULL,
    rung       text NOT NULL,
    account    bigint,
    who        text NOT NULL,
    role       text NOT NULL,
    why        text,
    objective  boolean,
    measures   text
);
CREATE INDEX supervision_order_transition_order ON supervision_order_transition (supervision_order, id);
CREATE TRIGGER supervision_order_transition_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON supervision_order_transition
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Orders of whose answer it was said that it falls due: once for each instant.
CREATE TABLE order_reminder (
    supervision_order bigint NOT NULL,
    answer_due        timestamptz NOT NULL,
    PRIMARY KEY (supervision_order, answer_due)
);

-- Numbers of cards that inspectors write by hand.
CREATE SEQUENCE card_by_hand;
