-- Which ingest carried a camera when: what was recorded lies there, also after the camera was given to another. It outlives the camera, as its recordings do.
CREATE TABLE camera_home (
    camera text NOT NULL,
    edge   text NOT NULL,
    -- NULL: as long as the camera is known.
    since  timestamptz,
    -- NULL: it carries it now.
    until  timestamptz
);
CREATE UNIQUE INDEX camera_home_now ON camera_home (camera) WHERE until IS NULL;
CREATE INDEX camera_home_since ON camera_home (camera, since);

INSERT INTO camera_home (camera, edge) SELECT id, edge FROM camera;

-- Whoever writes `camera` (pages, imports, what an edge says of itself) moves it.
CREATE FUNCTION camera_moves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.edge = OLD.edge THEN
        RETURN NULL;
    END IF;
    IF TG_OP <> 'INSERT' THEN
        UPDATE camera_home SET until = now() WHERE camera = OLD.id AND until IS NULL;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO camera_home (camera, edge, since)
        VALUES (NEW.id, NEW.edge, (SELECT now() WHERE EXISTS (SELECT FROM camera_home WHERE camera = NEW.id)));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER camera_moves AFTER INSERT OR UPDATE OF edge OR DELETE ON camera FOR EACH ROW EXECUTE FUNCTION camera_moves();
