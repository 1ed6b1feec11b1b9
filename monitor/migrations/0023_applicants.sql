-- Cases of the same applicant for the same item: one withdrawn and applied for again goes on with its old clock.
-- The expression is that of `Applicant::key`.
CREATE INDEX case_state_applicant ON case_state (
    (coalesce(nullif(fold->'applicant'->>'id_hash', ''),
              nullif(fold->'applicant'->>'name', '') || ' ' || nullif(fold->'applicant'->>'phone', ''))), item)
    WHERE fold ? 'applicant';
