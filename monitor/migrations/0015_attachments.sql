-- What people attach to an answer, an appeal or an order. The bytes lie in the console's directory under their SHA-256.

CREATE TABLE attachment_file (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sha256     bytea NOT NULL CHECK (octet_length(sha256) = 32),
    -- As it is offered for saving: cleaned of whatever a file system or a header could take for something else.
    name       text NOT NULL,
    -- Told by the content, never by the sender.
    media_type text NOT NULL,
    bytes      bigint NOT NULL CHECK (bytes > 0),
    at         timestamptz NOT NULL,
    -- Only who brought it may attach it.
    account    bigint NOT NULL,
    who        text NOT NULL
);
CREATE INDEX attachment_file_account ON attachment_file (account, at);

-- A file goes with one step of one card or order, for ever.
CREATE TABLE attachment (
    file         bigint PRIMARY KEY REFERENCES attachment_file (id),
    subject_kind text NOT NULL CHECK (subject_kind IN ('card', 'order')),
    subject      bigint NOT NULL,
    -- The line of its history.
    transition   bigint NOT NULL,
    at           timestamptz NOT NULL
);
CREATE INDEX attachment_subject ON attachment (subject_kind, subject);

CREATE TRIGGER attachment_file_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON attachment_file
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER attachment_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON attachment
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
