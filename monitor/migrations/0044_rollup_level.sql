-- Where cases of an item are accepted: at the county, in towns, in villages. Beside the other sums, because it is asked of every item of the county at once.
CREATE TABLE rollup_level (
    grain    "char" NOT NULL,
    start    date NOT NULL,
    item     text NOT NULL,
    unit     text NOT NULL,
    -- Of the hall, as it is now; '' of a hall that nobody has set up.
    level    text NOT NULL,
    accepted bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (grain, start, item, unit, level)
) WITH (fillfactor = 70);
INSERT INTO rollup_level (grain, start, item, unit, level, accepted)
SELECT grain, start, item, unit, coalesce(h.level, ''), sum(accepted)
FROM (SELECT 'd'::"char" AS grain, day AS start, hall, unit, item, accepted FROM rollup_day
      UNION ALL SELECT 'm', month, hall, unit, item, accepted FROM rollup_month) AS r LEFT JOIN hall h ON h.code = r.hall
GROUP BY 1, 2, 3, 4, 5 HAVING sum(accepted) <> 0 ORDER BY 1, 2, 3, 4, 5;

-- A hall takes its past along to another level, and to none when it goes.
CREATE FUNCTION move_rollup_level() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    moved text := CASE WHEN TG_OP = 'DELETE' THEN OLD.code ELSE NEW.code END;
    before text := CASE WHEN TG_OP = 'INSERT' THEN '' ELSE OLD.level END;
    after text := CASE WHEN TG_OP = 'DELETE' THEN '' ELSE NEW.level END;
BEGIN
    -- Whoever adds to it by the level of before is waited for, and then seen.
    LOCK TABLE rollup_level IN SHARE ROW EXCLUSIVE MODE;
    INSERT INTO rollup_level AS r (grain, start, item, unit, level, accepted)
    SELECT c.grain, c.start, c.item, c.unit, s.level, s.sign * sum(c.accepted)
    FROM (SELECT 'd'::"char" AS grain, day AS start, unit, item, accepted FROM rollup_day WHERE hall = moved
          UNION ALL SELECT 'm', month, unit, item, accepted FROM rollup_month WHERE hall = moved) AS c
    CROSS JOIN (VALUES (before, -1), (after, 1)) AS s (level, sign)
    GROUP BY c.grain, c.start, c.item, c.unit, s.level, s.sign HAVING sum(c.accepted) <> 0
    ON CONFLICT (grain, start, item, unit, level) DO UPDATE SET accepted = r.accepted + excluded.accepted;
    RETURN NULL;
END $$;
CREATE TRIGGER hall_comes_or_goes AFTER INSERT OR DELETE ON hall FOR EACH ROW EXECUTE FUNCTION move_rollup_level();
CREATE TRIGGER hall_moves_level AFTER UPDATE OF level ON hall FOR EACH ROW WHEN (OLD.level <> NEW.level)
    EXECUTE FUNCTION move_rollup_level();
