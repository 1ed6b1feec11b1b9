-- Events that are old and settled give way, a month's chunk at a time. What was counted of them, and the states of their cases, stay.

-- What went.
CREATE TABLE case_event_dropped (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- Events of [from_at, to_at).
    from_at    timestamptz NOT NULL,
    to_at      timestamptz NOT NULL CHECK (from_at < to_at),
    events     bigint NOT NULL,
    dropped_at timestamptz NOT NULL DEFAULT now()
);
CREATE TRIGGER case_event_dropped_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON case_event_dropped
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- What holds back the events of [first, next), by reason, and how many cases, complaints or sources: what is open or was over only after `settled`.
CREATE FUNCTION case_event_held(first timestamptz, next timestamptz, settled timestamptz) RETURNS TABLE (reason text, held bigint)
LANGUAGE sql STABLE AS $$
    WITH h (reason, no) AS (
        -- A case is opened by its application or acceptance: what comes a year earlier is a slip.
        SELECT 'case', no FROM case_state WHERE is_open AND opened_at < next + interval '1 year'
        UNION ALL SELECT 'case', no FROM case_state WHERE decided_at >= settled AND opened_at < next + interval '1 year'
        UNION ALL SELECT 'card', case_no FROM card WHERE closed_at IS NULL OR closed_at >= settled
        UNION ALL SELECT 'card', subject FROM card WHERE about = 'complaint' AND (closed_at IS NULL OR closed_at >= settled)
        UNION ALL SELECT 'complaint', unnest(ARRAY[no, case_no]) FROM complaint WHERE is_open OR decided_at >= settled
        UNION ALL SELECT 'order', unnest(ARRAY[o.case_no, o.complaint, c.case_no]) FROM supervision_order o LEFT JOIN card c ON c.id = o.card
            WHERE o.closed_at IS NULL OR o.closed_at >= settled
        -- What recordings are kept for is kept itself.
        UNION ALL SELECT 'evidence', c.case_no FROM recording_pin p JOIN card c ON p.kind = 'card' AND c.id::text = p.subject WHERE NOT p.released
        UNION ALL SELECT 'evidence', unnest(ARRAY[o.case_no, o.complaint, c.case_no])
            FROM recording_pin p JOIN supervision_order o ON p.kind = 'order' AND o.id::text = p.subject LEFT JOIN card c ON c.id = o.card
            WHERE NOT p.released
        UNION ALL SELECT 'evidence', unnest(ARRAY[k.no, k.case_no])
            FROM recording_pin p JOIN complaint k ON p.kind = 'complaint' AND k.no = p.subject WHERE NOT p.released)
    SELECT h.reason, count(DISTINCT h.no) FROM h
    WHERE EXISTS (SELECT FROM case_event e WHERE e.case_no = h.no AND e.time >= first AND e.time < next)
    GROUP BY h.reason
    -- A source that loads history may tell of any month next.
    UNION ALL SELECT 'loading source', count(*) FROM source WHERE loading_until IS NOT NULL HAVING count(*) > 0
    ORDER BY 1
$$;

-- Drops the events of [first, next), a chunk's bounds, unless something holds them back: how many went, NULL where they are held. As the owner of
-- the table, for a console that owns nothing; so it goes by no word of the caller alone.
CREATE FUNCTION drop_case_events(first timestamptz, next timestamptz, settled timestamptz) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    n bigint;
BEGIN
    IF next > now() - interval '13 months' OR settled > now() - interval '180 days' THEN
        RAISE EXCEPTION 'events are kept for thirteen months, and for 180 days after what they are about was over';
    END IF;
    -- Nothing comes in between the look and the drop.
    LOCK TABLE case_event IN SHARE ROW EXCLUSIVE MODE;
    IF EXISTS (SELECT FROM case_event_held(first, next, settled)) THEN
        RETURN NULL;
    END IF;
    SELECT count(*) INTO n FROM case_event WHERE time >= first AND time < next;
    PERFORM drop_chunks('case_event', older_than => next, newer_than => first);
    INSERT INTO case_event_dropped (from_at, to_at, events) VALUES (first, next, n);
    RETURN n;
END $$;
REVOKE EXECUTE ON FUNCTION drop_case_events FROM PUBLIC;
