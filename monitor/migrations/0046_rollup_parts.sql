-- Sums of one kind lie together: those of a month of all items in a few hundred pages, not among the days of every hall and unit, where each row of
-- them was in a page of its own.
SET LOCAL work_mem = '128MB';
DO $$
DECLARE
    sums  text;
    cuts  text;
    key   text;
    of    text;
    grain text;
BEGIN
    FOR sums, cuts, key IN VALUES
        ('rollup_sum', 'true', ''), ('rollup_channel_sum', 'NOT item', ', channel'), ('rollup_duration_sum', 'true', ', octave'),
        ('rollup_step_sum', 'unit AND NOT item', ', step')
    LOOP
        EXECUTE format('ALTER TABLE %I RENAME TO rollup_before', sums);
        EXECUTE format('CREATE TABLE %I (LIKE rollup_before INCLUDING DEFAULTS) PARTITION BY LIST (cut)', sums);
        FOR of IN EXECUTE 'SELECT cut::text FROM rollup_cut WHERE ' || cuts LOOP
            EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES IN (%L) PARTITION BY LIST (grain)', sums || '_' || of, sums, of);
            FOREACH grain IN ARRAY ARRAY['d', 'm'] LOOP
                EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES IN (%L) WITH (fillfactor = 70)',
                    sums || '_' || of || '_' || grain, sums || '_' || of, grain);
            END LOOP;
        END LOOP;
        EXECUTE format('INSERT INTO %I SELECT * FROM rollup_before ORDER BY cut, grain, start, hall, unit, item' || key, sums);
        DROP TABLE rollup_before;
        -- The hall before the time: those of a subtree are looked up one by one.
        EXECUTE format('ALTER TABLE %I ADD PRIMARY KEY (cut, grain, hall, start, unit, item' || key || ')', sums);
    END LOOP;
END $$;
