-- Rows of single items are read by hall, as those of months are: one index to write less for each event.
ALTER TABLE rollup_day DROP CONSTRAINT rollup_day_pkey, ADD PRIMARY KEY (hall, day, unit, item);
DROP INDEX rollup_day_hall;
-- The day's rows are written again and again: with room beside them no index is.
ALTER TABLE rollup_day SET (fillfactor = 70);
ALTER TABLE rollup_month SET (fillfactor = 70);
ALTER TABLE rollup_channel SET (fillfactor = 70);
ALTER TABLE rollup_duration SET (fillfactor = 70);
ALTER TABLE rollup_step SET (fillfactor = 70);
ALTER TABLE rollup_follows SET (fillfactor = 70);
ALTER TABLE rollup_variant SET (fillfactor = 70);
ALTER TABLE rollup_hour SET (fillfactor = 50);
ALTER TABLE rollup_bucket SET (fillfactor = 50);
-- The cases over the legal limit that a bulletin counts are a fourth of those over a promise.
CREATE INDEX case_state_over_legal_decided ON case_state (decided_at) WHERE bucket = 'over_legal';
