-- Who is supervised: the county, its halls as a tree, windows, units, items and calendars.
-- Everything here is data that changes without a restart (`mingjing import`).

CREATE TABLE county (
    only_one      boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    code          text NOT NULL,
    name          text NOT NULL,
    name_en       text NOT NULL,
    time_zone     text NOT NULL DEFAULT 'Asia/Shanghai',
    office_opens  time NOT NULL DEFAULT '09:00',
    office_closes time NOT NULL DEFAULT '17:30',
    trial_run     boolean NOT NULL DEFAULT true,
    CHECK (office_opens < office_closes)
);

CREATE TABLE hall (
    code    text PRIMARY KEY,
    parent  text REFERENCES hall (code),
    level   text NOT NULL CHECK (level IN ('county', 'town', 'village')),
    name    text NOT NULL,
    name_en text NOT NULL,
    -- Codes from the root down to this hall: `path @> ARRAY[scope]` is the subtree test, for every kind of access.
    path    text[] NOT NULL,
    -- Opening hours by ISO weekday: {"1":["09:00","17:30"], …}; a weekday left out is closed. Presence only, never the clock.
    opening jsonb NOT NULL
);
CREATE INDEX hall_path ON hall USING gin (path);

CREATE TABLE unit (
    code    text PRIMARY KEY,
    name    text NOT NULL,
    name_en text NOT NULL
);

CREATE TABLE hall_window (
    hall text NOT NULL REFERENCES hall (code) ON DELETE CASCADE,
    no   text NOT NULL,
    -- NULL: shared by all units of the hall.
    unit text REFERENCES unit (code),
    name text NOT NULL,
    name_en text NOT NULL DEFAULT '',
    PRIMARY KEY (hall, no)
);

CREATE TABLE item (
    code       text NOT NULL,
    version    integer NOT NULL,
    valid_from timestamptz NOT NULL,
    name       text NOT NULL,
    name_en    text NOT NULL,
    unit       text REFERENCES unit (code),
    kind       text NOT NULL CHECK (kind IN ('immediate', 'promised', 'forwarded', 'joint')),
    -- {"n":7,"unit":"workday"}; NULL: no limit.
    promise    jsonb,
    legal      jsonb,
    -- [{"code","name","limit":{…}|null,"role":…|null}, …] in the order of handling.
    steps      jsonb NOT NULL DEFAULT '[]',
    PRIMARY KEY (code, version)
);

-- Years that replace or add to the shipped calendar (2004 to 2026).
CREATE TABLE calendar_year (
    year     integer PRIMARY KEY,
    holidays date[] NOT NULL,
    makeup   date[] NOT NULL,
    notice   text NOT NULL
);

CREATE TABLE camera (
    id       text PRIMARY KEY,
    hall     text NOT NULL REFERENCES hall (code),
    name     text NOT NULL,
    -- Numbers of the windows of `hall` that it sees.
    windows  text[] NOT NULL DEFAULT '{}',
    -- The ingest that carries it ("local" for the one inside the console); URL and credentials stay with that ingest's config.
    edge     text NOT NULL DEFAULT 'local'
);
