-- Shadow runs, kept with what came of them: whoever decides on a draft by one can be asked about it later.

CREATE TABLE shadow_run (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- Who asked for it, by the name of then.
    who           text NOT NULL,
    -- The draft that was tried and its revision then; NULL: a text that stands nowhere else.
    draft         bigint,
    revision      integer,
    name          text NOT NULL,
    -- What was tried, as it read (TOML).
    body          text NOT NULL,
    -- What fell due in [due_from, due_to).
    due_from      timestamptz NOT NULL,
    due_to        timestamptz NOT NULL,
    -- The version of the rule profile in force when it began: what it would say today too is evidence, not the draft.
    compared_with integer NOT NULL,
    begun         timestamptz NOT NULL,
    CHECK (due_from < due_to),
    CHECK ((draft IS NULL) = (revision IS NULL))
);
CREATE INDEX shadow_run_draft ON shadow_run (draft, id);
CREATE TRIGGER shadow_run_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON shadow_run
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- How a run ended. One without a row goes on, or a stop of the console broke it off.
CREATE TABLE shadow_end (
    run       bigint PRIMARY KEY REFERENCES shadow_run (id),
    ended     timestamptz NOT NULL,
    ending    text NOT NULL CHECK (ending IN ('done', 'cancelled', 'failed')),
    -- Cases that were looked at, and of how many.
    looked_at bigint NOT NULL,
    of_all    bigint NOT NULL,
    -- Counts by rule and hall, and the first differences; of a run that is through.
    outcome   jsonb,
    CHECK ((outcome IS NOT NULL) = (ending = 'done'))
);
CREATE TRIGGER shadow_end_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON shadow_end
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
