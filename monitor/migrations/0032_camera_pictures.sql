-- What is done with the pictures of a camera that people manage on the page, beside how it is reached.
ALTER TABLE camera_connection
    -- Whether they are looked at for faults.
    ADD COLUMN checks       boolean NOT NULL DEFAULT true,
    -- [{"window", "seat": [[x, y]], "waiting": null or [[x, y]]}], fractions of the picture from its upper left corner.
    ADD COLUMN regions      jsonb NOT NULL DEFAULT '[]',
    -- What of a recording is NULL is as the console's configuration says.
    ADD COLUMN recorded     boolean,
    ADD COLUMN record_days  integer CHECK (record_days BETWEEN 1 AND 3650),
    -- Lines like 'mon-fri 08:00-18:30'; none of them: always.
    ADD COLUMN record_hours text[];
