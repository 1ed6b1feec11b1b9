-- Rule profiles: written by one inspector, put in force by another, never altered; and how far the cases followed a change.

-- `drafted_by` and `enforced_by` are logins, which are never given twice; beside them the names as they were then.
ALTER TABLE rule_profile
    ADD COLUMN name        text NOT NULL DEFAULT '',
    ADD COLUMN remark      text NOT NULL DEFAULT '',
    ADD COLUMN drafter     text NOT NULL DEFAULT '',
    ADD COLUMN enforcer    text NOT NULL DEFAULT '',
    -- When it was put in force; `in_force` is the instant from which it is.
    ADD COLUMN enforced_at timestamptz,
    ADD COLUMN draft       bigint UNIQUE,
    -- The last word: no code of ours, and nobody at a prompt, lets one person do both. The standard was put in force by the
    -- program itself, before there was anybody.
    ADD CONSTRAINT rule_profile_two_people
        CHECK (drafted_by <> enforced_by OR (version = 1 AND drafted_by = 'mingjing'));
CREATE TRIGGER rule_profile_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON rule_profile
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Versions under which every case has been looked at since they came into force.
CREATE TABLE rule_profile_settled (
    version integer PRIMARY KEY REFERENCES rule_profile (version),
    at      timestamptz NOT NULL
);
INSERT INTO rule_profile_settled (version, at) SELECT version, now() FROM rule_profile WHERE in_force <= now();
CREATE TRIGGER rule_profile_settled_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON rule_profile_settled
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE rule_draft (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name       text NOT NULL,
    remark     text NOT NULL,
    -- The version whose text it began with.
    based_on   integer NOT NULL REFERENCES rule_profile (version),
    body       text NOT NULL,
    state      text NOT NULL CHECK (state IN ('open', 'sent', 'refused', 'dropped', 'enforced')),
    -- Counts the changes: what is put in force is what was read.
    revision   integer NOT NULL DEFAULT 1,
    drafted_by text NOT NULL,
    drafter    text NOT NULL,
    created    timestamptz NOT NULL,
    changed    timestamptz NOT NULL
);

-- What became of drafts, for ever: who, when, why.
CREATE TABLE rule_draft_step (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    draft    bigint NOT NULL REFERENCES rule_draft (id),
    at       timestamptz NOT NULL,
    step     text NOT NULL CHECK (step IN ('write', 'change', 'send', 'take_back', 'refuse', 'drop', 'enforce')),
    login    text NOT NULL,
    who      text NOT NULL,
    revision integer NOT NULL,
    why      text
);
CREATE INDEX rule_draft_step_draft ON rule_draft_step (draft, id);
CREATE TRIGGER rule_draft_step_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON rule_draft_step
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
