-- Three administrators who cannot do each other's work, and tokens that run out.

-- `unassigned`: made by one administrator, granted nothing yet by the other.
ALTER TABLE account DROP CONSTRAINT account_role_check;
ALTER TABLE account ADD CONSTRAINT account_role_check
    CHECK (role IN ('inspector', 'leader', 'commission', 'unit_head', 'hall_manager', 'clerk',
                    'sysadmin', 'secadmin', 'auditor', 'unassigned'));
ALTER TABLE token DROP CONSTRAINT token_role_check;
ALTER TABLE token ADD CONSTRAINT token_role_check CHECK (role IN ('source', 'edge', 'reader', 'unassigned'));
-- NULL: until it is revoked.
ALTER TABLE token ADD COLUMN expires timestamptz;

-- The last enabled administrator of a kind over a hall stays, whoever asks: else nobody could grant, make or audit anything
-- there again. Of two at once the second waits for the first and then sees what it did.
CREATE FUNCTION keep_an_administrator() RETURNS trigger LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    above text[] := (SELECT path FROM hall WHERE code = OLD.hall);
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.role = OLD.role AND NOT NEW.disabled AND NEW.hall = ANY (above) THEN
        RETURN NEW;
    END IF;
    PERFORM pg_advisory_xact_lock(7365214);
    IF NOT EXISTS (SELECT FROM account a
                   WHERE a.id <> OLD.id AND a.role = OLD.role AND NOT a.disabled AND a.hall = ANY (above)) THEN
        RAISE EXCEPTION 'this is the last enabled % over %', OLD.role, OLD.hall USING ERRCODE = 'MJ001';
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER keep_an_administrator BEFORE UPDATE OF role, disabled, hall OR DELETE ON account
    FOR EACH ROW WHEN (OLD.role IN ('sysadmin', 'secadmin', 'auditor') AND NOT OLD.disabled)
    EXECUTE FUNCTION keep_an_administrator();
