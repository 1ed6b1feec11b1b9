-- How the ingest inside the console reaches the cameras that people manage on its pages. A camera of a configuration file, of the
-- console's or of an edge's, has no row here: there the file is the truth.
CREATE TABLE camera_connection (
    camera    text PRIMARY KEY REFERENCES camera (id) ON DELETE CASCADE,
    -- Without user and password.
    url       text NOT NULL,
    username  text,
    -- Sealed (docs/security.md), for this camera alone.
    password  text,
    transport text NOT NULL CHECK (transport IN ('tcp', 'udp')),
    -- Counts the changes.
    revision  integer NOT NULL DEFAULT 1,
    CHECK (password IS NULL OR username IS NOT NULL)
);
