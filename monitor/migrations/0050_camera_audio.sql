-- Whether the sound of a camera that people manage on the page is recorded with its pictures. What people say at a counter is personal data:
-- nothing of it unless told so.
ALTER TABLE camera_connection
    ADD COLUMN audio text NOT NULL DEFAULT 'ignore' CHECK (audio IN ('ignore', 'keep'));
