-- What the rules hold a case against beside its limits.
ALTER TABLE item
    -- What a case costs, in fen; NULL: not known here, 0: nothing may be charged.
    ADD COLUMN fee_fen  bigint CHECK (fee_fen >= 0),
    -- Its result is delivered to the applicant, and the source tells of it.
    ADD COLUMN delivers boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN item.steps IS
    '[{"code","name","limit":{…}|null,"role":…|null,"optional","repeatable","offline","after":["code"]|null}, …] in the order of handling';
