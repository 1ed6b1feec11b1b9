-- Health over time (hypertables) and as it stands (plain tables).

CREATE TABLE camera_health (
    time       timestamptz NOT NULL,
    camera     text NOT NULL,
    state      text NOT NULL,
    bit_rate   bigint,
    frame_rate real,
    losses     bigint NOT NULL DEFAULT 0,
    reconnects bigint NOT NULL DEFAULT 0
);
SELECT create_hypertable('camera_health', 'time', chunk_time_interval => interval '7 days', create_default_indexes => false);
CREATE INDEX camera_health_camera ON camera_health (camera, time DESC);

CREATE TABLE source_health (
    time   timestamptz NOT NULL,
    source text NOT NULL,
    state  text NOT NULL
);
SELECT create_hypertable('source_health', 'time', chunk_time_interval => interval '1 month', create_default_indexes => false);
CREATE INDEX source_health_source ON source_health (source, time DESC);

-- Counters and gauges of the county ("cases.open", "events.accepted", …), about one point a minute.
CREATE TABLE metric (
    time  timestamptz NOT NULL,
    name  text NOT NULL,
    hall  text,
    value double precision NOT NULL
);
SELECT create_hypertable('metric', 'time', chunk_time_interval => interval '7 days', create_default_indexes => false);
CREATE INDEX metric_name ON metric (name, time DESC);
