-- Bulletins: drafted when a month closes, edited, signed by a leader, published; from then on nothing of one changes.

CREATE TABLE bulletin (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- First day of the month.
    month      date NOT NULL CHECK (extract(day FROM month) = 1),
    -- The hall at the root, of the county's; or a town's.
    hall       text NOT NULL REFERENCES hall (code),
    state      text NOT NULL CHECK (state IN ('draft', 'signed', 'published')),
    -- Counts the changes: who acts says what they read.
    revision   integer NOT NULL DEFAULT 1,
    drafted_at timestamptz NOT NULL,
    -- `dashboard::bulletin::Document` as drafted; of a published one, as published.
    document   jsonb NOT NULL,
    -- What people wrote in place of drafted paragraphs, by section.
    edits      jsonb NOT NULL DEFAULT '{}',
    UNIQUE (month, hall)
);
CREATE FUNCTION refuse_change_of_published() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state = 'published' THEN
        RAISE EXCEPTION 'a published bulletin never changes';
    END IF;
    RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER bulletin_published_stays BEFORE UPDATE OR DELETE ON bulletin
    FOR EACH ROW EXECUTE FUNCTION refuse_change_of_published();

-- What was done to each, for ever: who, when, why.
CREATE TABLE bulletin_step (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    bulletin bigint NOT NULL REFERENCES bulletin (id),
    at       timestamptz NOT NULL,
    step     text NOT NULL CHECK (step IN ('draft', 'text', 'sign', 'take_back', 'publish', 'addendum')),
    -- NULL: the console itself.
    login    text,
    who      text NOT NULL,
    role     text NOT NULL,
    revision integer NOT NULL,
    why      text
);
CREATE INDEX bulletin_step_bulletin ON bulletin_step (bulletin, id);
CREATE TRIGGER bulletin_step_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON bulletin_step
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Corrections after publication, each a document of its own.
CREATE TABLE bulletin_addendum (
    bulletin bigint NOT NULL REFERENCES bulletin (id),
    n        integer NOT NULL CHECK (n > 0),
    at       timestamptz NOT NULL,
    who      text NOT NULL,
    document jsonb NOT NULL,
    PRIMARY KEY (bulletin, n)
);
CREATE TRIGGER bulletin_addendum_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON bulletin_addendum
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- The files as they were published: a later release of the typesetter would print others.
CREATE TABLE bulletin_file (
    bulletin bigint NOT NULL REFERENCES bulletin (id),
    -- 0: the bulletin itself; else the addendum's number.
    addendum integer NOT NULL,
    format   text NOT NULL CHECK (format IN ('pdf', 'docx', 'html')),
    language text NOT NULL CHECK (language IN ('zh', 'en')),
    content  bytea NOT NULL,
    PRIMARY KEY (bulletin, addendum, format, language)
);
CREATE TRIGGER bulletin_file_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON bulletin_file
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- A publication is told like cards and orders, to those who follow its halls.
ALTER TABLE notice DROP CONSTRAINT notice_about_check,
    ADD CONSTRAINT notice_about_check CHECK (about IN ('card', 'order', 'case', 'bulletin'));
ALTER TABLE delivery DROP CONSTRAINT delivery_about_check,
    ADD CONSTRAINT delivery_about_check CHECK (about IN ('card', 'order', 'case', 'bulletin', 'digest', 'test'));
