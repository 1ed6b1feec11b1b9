-- How people come in: passwords that run out, a second factor, sessions that are not whole yet, and what failed.

ALTER TABLE account
    -- What failed is counted by login and address now, see sign_in_failure.
    DROP COLUMN failures,
    DROP COLUMN locked_until,
    ADD COLUMN password_set timestamptz,
    -- The password was made by somebody else: it is good for choosing one's own.
    ADD COLUMN must_change boolean NOT NULL DEFAULT false,
    -- The shared secret of the second factor, sealed by the console; NULL: none.
    ADD COLUMN totp text,
    -- Newest time step whose code was used: none is good twice.
    ADD COLUMN totp_step bigint;
UPDATE account SET password_set = created;
ALTER TABLE account ALTER COLUMN password_set SET NOT NULL;

-- Ten at a time, each good once, for who lost the second factor: 16 random bytes, then the SHA-256 of them and the code.
CREATE TABLE recovery_code (
    account bigint NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    hash    bytea NOT NULL,
    used    timestamptz,
    PRIMARY KEY (account, hash)
);

-- Everybody signs in again: the sessions of before were asked for no second factor.
DELETE FROM session;
ALTER TABLE session
    ADD COLUMN id bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    -- Only `open` reaches anything but the next step of signing in.
    ADD COLUMN stage text NOT NULL CHECK (stage IN ('second_factor', 'new_password', 'enrolment', 'open')),
    -- The sealed secret of a second factor that is being set up in this session.
    ADD COLUMN enrolling text,
    ADD COLUMN address text NOT NULL,
    ADD COLUMN agent text NOT NULL;
CREATE INDEX session_account ON session (account);

-- Failed attempts in a row. A login stands as its SHA-256: what somebody types there by mistake may be a password.
CREATE TABLE sign_in_failure (
    -- Empty: any login from `address`.
    login    bytea NOT NULL,
    -- Empty: `login` from every address where it never came in.
    address  text NOT NULL,
    failures integer NOT NULL,
    last     timestamptz NOT NULL,
    PRIMARY KEY (login, address)
);
CREATE INDEX sign_in_failure_last ON sign_in_failure (last);

-- Where an account has come in: failures elsewhere do not make it wait there.
CREATE TABLE sign_in_place (
    account bigint NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    address text NOT NULL,
    last    timestamptz NOT NULL,
    PRIMARY KEY (account, address)
);
