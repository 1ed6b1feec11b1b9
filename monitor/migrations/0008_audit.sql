-- The audit log: append-only, every entry bound to the one before it by its hash (monitor::audit says how).

CREATE TABLE audit (
    seq          bigint PRIMARY KEY CHECK (seq > 0),
    at           timestamptz NOT NULL,
    actor_kind   text NOT NULL,
    actor_id     bigint,
    login        text,
    name         text,
    role         text,
    address      text,
    action       text NOT NULL,
    subject_kind text,
    subject      text,
    hall         text,
    -- JSON, as text: the hash is over these very bytes, which jsonb would not keep.
    before       text,
    after        text,
    reason       text,
    prev         bytea NOT NULL CHECK (octet_length(prev) = 32),
    hash         bytea NOT NULL CHECK (octet_length(hash) = 32)
);
CREATE INDEX audit_at ON audit (at DESC, seq DESC);
CREATE INDEX audit_action ON audit (action, at DESC, seq DESC);
CREATE INDEX audit_login ON audit (login, at DESC, seq DESC);
CREATE INDEX audit_subject ON audit (subject_kind, subject, at DESC, seq DESC);

-- Where the chain ends. By it a tail that was cut off is found, and appends follow one another.
CREATE TABLE audit_head (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    seq      bigint NOT NULL,
    hash     bytea NOT NULL CHECK (octet_length(hash) = 32)
);
INSERT INTO audit_head (seq, hash) VALUES (0, decode(repeat('00', 32), 'hex'));

-- An entry must follow the head, and becomes the head. With the rights of whoever owns the tables, so that a role that may
-- only insert entries moves the head by this and by nothing else. The path is fixed: a temporary table of the same name must
-- not come before the real one.
CREATE FUNCTION audit_follow() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    UPDATE audit_head SET seq = NEW.seq, hash = NEW.hash WHERE seq = NEW.seq - 1 AND hash = NEW.prev;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'entry % does not follow the head of the audit log', NEW.seq;
    END IF;
    RETURN NEW;
END $$;
REVOKE EXECUTE ON FUNCTION audit_follow() FROM PUBLIC;
CREATE TRIGGER audit_follow BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION audit_follow();

-- The second line, for the owner too: it takes dropping a trigger to alter what was written.
CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_head_stays BEFORE DELETE OR TRUNCATE ON audit_head
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER card_transition_not_emptied BEFORE TRUNCATE ON card_transition
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
