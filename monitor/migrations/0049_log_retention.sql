-- What is only a log gives way too when it is old: a chunk at a time, unless something needs it.

-- What went.
CREATE TABLE log_dropped (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    log        text NOT NULL,
    -- Rows of [from_at, to_at).
    from_at    timestamptz NOT NULL,
    to_at      timestamptz NOT NULL CHECK (from_at < to_at),
    n          bigint NOT NULL,
    dropped_at timestamptz NOT NULL DEFAULT now()
);
CREATE TRIGGER log_dropped_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON log_dropped
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- What holds back the rows of [first, next) of a log, by reason, and how many: cards about cameras or sources, and messages about cards and orders, that are
-- open or were over only after `settled`; what recordings are kept for; trouble that began before `next` and goes on.
CREATE FUNCTION log_held(log text, first timestamptz, next timestamptz, settled timestamptz) RETURNS TABLE (reason text, held bigint)
LANGUAGE sql STABLE AS $$
    WITH c AS (
        -- What a card is about began before it fell due.
        SELECT id, closed_at FROM card
        WHERE ((log = 'camera_health' AND about IN ('camera', 'window')) OR (log = 'source_health' AND about IN ('source', 'edge')))
          AND due_at >= first AND due_at < next + interval '1 month'),
    h (reason, n) AS (
        SELECT 'card', count(*) FROM c WHERE closed_at IS NULL OR closed_at >= settled
        UNION ALL SELECT 'evidence', count(*) FROM c JOIN recording_pin p ON p.kind = 'card' AND p.subject = c.id::text WHERE NOT p.released
        UNION ALL SELECT 'trouble', count(*) FROM episode
            WHERE until IS NULL AND since < next AND log = CASE thing WHEN 'camera' THEN 'camera_health' WHEN 'source' THEN 'source_health' END
        UNION ALL SELECT 'message', count(DISTINCT d.id)
            FROM delivery_attempt a JOIN delivery d ON d.id = a.delivery
            LEFT JOIN card k ON d.about = 'card' AND k.id::text = d.subject
            LEFT JOIN supervision_order o ON d.about = 'order' AND o.id::text = d.subject
            WHERE log = 'delivery_attempt' AND a.at >= first AND a.at < next
              AND (d.done_at IS NULL
                   OR (k.id IS NOT NULL AND (k.closed_at IS NULL OR k.closed_at >= settled))
                   OR (o.id IS NOT NULL AND (o.closed_at IS NULL OR o.closed_at >= settled))))
    SELECT h.reason, h.n FROM h WHERE h.n > 0 ORDER BY 1
$$;

-- Drops the rows of [first, next), a chunk's bounds, unless something holds them back: how many went, NULL where they are held. As the owner of
-- the tables, for a console that owns nothing; so it goes by no word of the caller alone.
CREATE FUNCTION drop_log(log text, first timestamptz, next timestamptz, settled timestamptz) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    n bigint;
    at_column text := CASE log WHEN 'camera_health' THEN 'time' WHEN 'source_health' THEN 'time' WHEN 'metric' THEN 'time' WHEN 'delivery_attempt' THEN 'at' END;
BEGIN
    IF at_column IS NULL THEN
        RAISE EXCEPTION 'there is no log %', log;
    END IF;
    IF next > now() - (CASE log WHEN 'delivery_attempt' THEN interval '13 months' ELSE interval '3 months' END)
       OR settled > now() - interval '180 days' THEN
        RAISE EXCEPTION 'logs are kept for three months, attempts to deliver for thirteen, and 180 days after what they are about was over';
    END IF;
    IF EXISTS (SELECT FROM log_held(log, first, next, settled)) THEN
        RETURN NULL;
    END IF;
    EXECUTE format('SELECT count(*) FROM %I WHERE %I >= $1 AND %I < $2', log, at_column, at_column) INTO n USING first, next;
    PERFORM drop_chunks(log::regclass, older_than => next, newer_than => first);
    INSERT INTO log_dropped (log, from_at, to_at, n) VALUES (log, first, next, n);
    RETURN n;
END $$;
REVOKE EXECUTE ON FUNCTION drop_log FROM PUBLIC;
