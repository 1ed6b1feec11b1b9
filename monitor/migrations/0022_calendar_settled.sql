-- The calendar by which every case was looked at: where the one in force differs, that is still to be done, whatever stopped it.
CREATE TABLE calendar_settled (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    mark     jsonb NOT NULL,
    at       timestamptz NOT NULL
);
