-- Timeframes: '5m' is five minutes wide, '1w' a week. Windows are half-open, [start, start + width), in UTC. Minutes, hours and days count
-- from 1970-01-01, weeks from a Monday (1970-01-05).
--
-- Everything here is whole seconds: an interval with days in it would be stretched by the session's daylight saving time.

CREATE FUNCTION oracle.width_seconds(tf text) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
	SELECT left(tf, -1)::bigint * CASE right(tf, 1) WHEN 'm' THEN 60 WHEN 'h' THEN 3600 WHEN 'd' THEN 86400 WHEN 'w' THEN 604800 END
$$;

CREATE FUNCTION oracle.width(tf text) RETURNS interval LANGUAGE sql IMMUTABLE AS $$
	SELECT make_interval(secs => oracle.width_seconds(tf))
$$;

CREATE FUNCTION oracle.at_second(unix_seconds numeric) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$
	SELECT (timestamp '1970-01-01'
		+ make_interval(days => floor(unix_seconds / 86400)::int)
		+ make_interval(secs => (unix_seconds - 86400 * floor(unix_seconds / 86400))::int)) AT TIME ZONE 'UTC'
$$;

-- The start of the window that holds t.
CREATE FUNCTION oracle.window_start(t timestamptz, tf text) RETURNS timestamptz LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
	origin numeric := CASE WHEN right(tf, 1) = 'w' THEN 4 * 86400 ELSE 0 END;
	width numeric := oracle.width_seconds(tf);
	windows_since_origin numeric := div(extract(epoch FROM t) - origin, width);
BEGIN
	IF origin + windows_since_origin * width > extract(epoch FROM t) THEN -- div() rounds towards zero
		windows_since_origin := windows_since_origin - 1;
	END IF;
	RETURN oracle.at_second(origin + windows_since_origin * width);
END
$$;

-- The first window start at or after t.
CREATE FUNCTION oracle.next_boundary(t timestamptz, tf text) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE WHEN oracle.window_start(t, tf) = t THEN t ELSE oracle.window_start(t, tf) + oracle.width(tf) END
$$;

-- What a timeframe is made of unless its task says otherwise: the widest of these that is smaller and divides it.
CREATE FUNCTION oracle.default_source(tf text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
	SELECT candidate
	FROM unnest(ARRAY['1m', '5m', '1h', '1d']) AS candidate
	WHERE oracle.width_seconds(candidate) < oracle.width_seconds(tf) AND oracle.width_seconds(tf) % oracle.width_seconds(candidate) = 0
	ORDER BY oracle.width_seconds(candidate) DESC
	LIMIT 1
$$;

CREATE FUNCTION oracle.source_of(symbol text, tf text) RETURNS text LANGUAGE sql STABLE AS $$
	SELECT coalesce(
		(SELECT task.source_timeframe FROM data_agg_state AS task WHERE task.canonical_symbol = symbol AND task.timeframe = tf),
		oracle.default_source(tf))
$$;
