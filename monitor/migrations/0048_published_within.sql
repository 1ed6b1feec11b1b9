-- Persons and windows are published when a month closes, as halls and units are: what was published stays, what came out otherwise since
-- stands beside it.

CREATE TABLE published_within (
    closing bigint NOT NULL REFERENCES month_step (id),
    hall    text NOT NULL,
    -- The unit among whose persons or windows it is ranked; '': among all of the hall.
    unit    text NOT NULL,
    kind    text NOT NULL CHECK (kind IN ('person', 'window')),
    -- As the sources name the person; the window's number.
    subject text NOT NULL,
    rank    integer,
    -- `monitor::score::Figures` and `Sheet`.
    figures jsonb NOT NULL,
    sheet   jsonb NOT NULL,
    PRIMARY KEY (closing, hall, unit, kind, subject)
);
CREATE TRIGGER published_within_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON published_within
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE within_change (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    closing bigint NOT NULL REFERENCES month_step (id),
    hall    text NOT NULL,
    unit    text NOT NULL,
    kind    text NOT NULL CHECK (kind IN ('person', 'window')),
    subject text NOT NULL,
    at      timestamptz NOT NULL,
    figures jsonb NOT NULL,
    sheet   jsonb NOT NULL
);
CREATE INDEX within_change_subject ON within_change (closing, hall, unit, kind, subject, id DESC);
CREATE TRIGGER within_change_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON within_change
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
