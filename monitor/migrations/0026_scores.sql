-- What a month's score is made of beside what fell due: roll-ups that move with the cases.
ALTER TABLE rollup_day
    -- Of the cases completed: those with a promise, immediate items apart; of them, decided on a day before the promise's.
    ADD COLUMN promised bigint NOT NULL DEFAULT 0,
    ADD COLUMN early    bigint NOT NULL DEFAULT 0,
    -- Cases rated on that day, by level: very good, good, fair, bad, very bad.
    ADD COLUMN rated_1  bigint NOT NULL DEFAULT 0,
    ADD COLUMN rated_2  bigint NOT NULL DEFAULT 0,
    ADD COLUMN rated_3  bigint NOT NULL DEFAULT 0,
    ADD COLUMN rated_4  bigint NOT NULL DEFAULT 0,
    ADD COLUMN rated_5  bigint NOT NULL DEFAULT 0;
-- A month of one hall, and of all of them, without the other months.
CREATE INDEX rollup_day_hall ON rollup_day (hall, day);
-- Complaints by when they were decided.
ALTER TABLE complaint ADD COLUMN decided_at timestamptz;
UPDATE complaint SET decided_at = (fold #>> '{closed,at}')::timestamptz WHERE upheld IS NOT NULL;
CREATE INDEX complaint_decided ON complaint (decided_at) WHERE decided_at IS NOT NULL;
-- Orders by when their answer is due; red cards whose case goes on.
CREATE INDEX correction_order_due ON correction_order (answer_due) WHERE answer_due IS NOT NULL;
CREATE INDEX card_goes_on ON card (due_at) WHERE rule = 'R2' AND grade = 'red_card';
CREATE INDEX supervision_order_due ON supervision_order (answer_due);
