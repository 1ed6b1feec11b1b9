-- Single sign-on: accounts that come from a provider of OpenID Connect, and what their sessions have to remember of it.

-- Issuer and subject are the identity; login and name are only shown. Who comes from a provider has no password here, and is
-- no administrator: those are the emergency door, and their power comes from two people (docs/decisions/0009).
ALTER TABLE account
    ADD COLUMN issuer text,
    ADD COLUMN subject text,
    ADD CONSTRAINT account_identity UNIQUE (issuer, subject),
    ADD CONSTRAINT account_identity_whole CHECK ((issuer IS NULL) = (subject IS NULL)),
    ADD CONSTRAINT account_of_provider_has_no_password CHECK (issuer IS NULL OR password_hash = ''),
    ADD CONSTRAINT account_of_provider_administers_nothing
        CHECK (issuer IS NULL OR role NOT IN ('sysadmin', 'secadmin', 'auditor'));

-- What the provider calls the session, and the token that asks it to end its own.
ALTER TABLE session
    ADD COLUMN sso_sid text,
    ADD COLUMN sso_id_token text;
CREATE INDEX session_sso_sid ON session (sso_sid) WHERE sso_sid IS NOT NULL;

-- Sign-ins under way: SHA-256 of the state, which is good once.
CREATE TABLE sso_flow (
    state   bytea PRIMARY KEY,
    -- Where to go on, a path of the pages.
    next    text NOT NULL,
    expires timestamptz NOT NULL,
    used    boolean NOT NULL DEFAULT false
);
CREATE INDEX sso_flow_expires ON sso_flow (expires);

-- Logout tokens that were taken: SHA-256 of their `jti`, kept for as long as such a token would be taken.
CREATE TABLE sso_logout (
    jti     bytea PRIMARY KEY,
    expires timestamptz NOT NULL
);
CREATE INDEX sso_logout_expires ON sso_logout (expires);
