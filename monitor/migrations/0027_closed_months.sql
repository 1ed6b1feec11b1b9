-- Months that close: what was published stays, what was corrected since stands beside it. Nothing here is ever changed.

-- What became of each month: closed by itself, opened again by two inspectors, closed again.
CREATE TABLE month_step (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- First day of the month.
    month   date NOT NULL CHECK (extract(day FROM month) = 1),
    step    text NOT NULL CHECK (step IN ('close', 'ask', 'reopen', 'refuse', 'take_back')),
    at      timestamptz NOT NULL,
    -- When it fell due, of what time brought about.
    due_at  timestamptz,
    -- NULL: the system.
    login   text,
    who     text NOT NULL,
    role    text NOT NULL,
    why     text,
    -- The version of the rule profile whose formula scored what was published.
    profile_version integer,
    CHECK ((step = 'close') = (profile_version IS NOT NULL))
);
CREATE INDEX month_step_month ON month_step (month, id);
CREATE TRIGGER month_step_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON month_step
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- The figures of a closing: each hall, or unit of the county halls, with its rank, and its sheet down to the last card.
CREATE TABLE published_score (
    closing bigint NOT NULL REFERENCES month_step (id),
    level   text NOT NULL CHECK (level IN ('county', 'town', 'village')),
    subject text NOT NULL,
    name    text NOT NULL,
    name_en text NOT NULL,
    rank    integer,
    -- `monitor::score::Figures` and `Sheet`.
    figures jsonb NOT NULL,
    sheet   jsonb NOT NULL,
    PRIMARY KEY (closing, level, subject)
);
CREATE TRIGGER published_score_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON published_score
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Each time a score of a closed month came out otherwise; the last one of a subject is its corrected score.
CREATE TABLE score_change (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    closing bigint NOT NULL REFERENCES month_step (id),
    level   text NOT NULL CHECK (level IN ('county', 'town', 'village')),
    subject text NOT NULL,
    name    text NOT NULL,
    name_en text NOT NULL,
    -- When it was noticed: the bulletin of that month lists it.
    at      timestamptz NOT NULL,
    -- NULL: the subject did not stand in what was published.
    before  jsonb,
    figures jsonb NOT NULL,
    sheet   jsonb NOT NULL,
    -- What counts otherwise, with what became of the cards meanwhile.
    differences jsonb NOT NULL
);
CREATE INDEX score_change_subject ON score_change (closing, level, subject, id DESC);
CREATE INDEX score_change_at ON score_change (at);
CREATE TRIGGER score_change_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON score_change
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
