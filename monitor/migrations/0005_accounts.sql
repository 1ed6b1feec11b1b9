-- People and programs that may come in.

CREATE TABLE account (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    login         text NOT NULL UNIQUE,
    name          text NOT NULL,
    role          text NOT NULL CHECK (role IN ('inspector', 'leader', 'commission', 'unit_head', 'hall_manager', 'clerk',
                                               'sysadmin', 'secadmin', 'auditor')),
    -- The subtree; for a clerk also the window, for a unit_head the unit.
    hall          text NOT NULL REFERENCES hall (code),
    unit          text REFERENCES unit (code),
    win           text,
    password_hash text NOT NULL,
    disabled      boolean NOT NULL DEFAULT false,
    failures      integer NOT NULL DEFAULT 0,
    locked_until  timestamptz,
    created       timestamptz NOT NULL
);

-- The session's name is a SHA-256: whoever reads this table cannot sign in with it.
CREATE TABLE session (
    hash    bytea PRIMARY KEY,
    account bigint NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    csrf    text NOT NULL,
    created timestamptz NOT NULL,
    seen    timestamptz NOT NULL,
    expires timestamptz NOT NULL
);

CREATE TABLE token (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name         text NOT NULL,
    hash         bytea NOT NULL UNIQUE,
    role         text NOT NULL CHECK (role IN ('source', 'edge', 'reader')),
    hall         text NOT NULL REFERENCES hall (code),
    -- For `source`: the CloudEvents source it may speak for; NULL: any.
    source       text,
    initial_load boolean NOT NULL DEFAULT false,
    created      timestamptz NOT NULL,
    last_used    timestamptz,
    revoked      timestamptz
);
