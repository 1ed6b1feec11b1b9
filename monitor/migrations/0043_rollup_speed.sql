-- A ranking reads one month of many halls.
CREATE INDEX rollup_month_month ON rollup_month (month);
-- What one class of a histogram counts stays far below two thousand million; integers add up in half the time.
ALTER TABLE rollup_duration_sum
    ALTER COLUMN n_0 TYPE integer,
    ALTER COLUMN n_1 TYPE integer,
    ALTER COLUMN n_2 TYPE integer,
    ALTER COLUMN n_3 TYPE integer,
    ALTER COLUMN n_4 TYPE integer,
    ALTER COLUMN n_5 TYPE integer,
    ALTER COLUMN n_6 TYPE integer,
    ALTER COLUMN n_7 TYPE integer,
    ALTER COLUMN n_8 TYPE integer,
    ALTER COLUMN n_9 TYPE integer,
    ALTER COLUMN n_10 TYPE integer,
    ALTER COLUMN n_11 TYPE integer,
    ALTER COLUMN n_12 TYPE integer,
    ALTER COLUMN n_13 TYPE integer,
    ALTER COLUMN n_14 TYPE integer,
    ALTER COLUMN n_15 TYPE integer;
