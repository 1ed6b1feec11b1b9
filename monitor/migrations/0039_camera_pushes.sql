-- How far an edge has come with a camera that people manage on the page for it; `camera.edge` says for which. A row of another edge or an
-- older revision says nothing of the camera as it is now.
CREATE TABLE camera_push (
    camera   text PRIMARY KEY REFERENCES camera_connection (camera) ON DELETE CASCADE,
    edge     text NOT NULL,
    revision integer NOT NULL,
    at       timestamptz NOT NULL,
    -- Why it is not as asked; NULL: it is.
    refused  text,
    detail   text
);

-- Edges that take cameras from the console: whose cameras, as the token said that they last came with. So a camera of another hall is refused
-- when it is given to an edge that is away, and not when that edge comes back.
CREATE TABLE camera_edge (
    name text PRIMARY KEY,
    hall text NOT NULL
);
