-- A system as the extension replaces it, small but at work: PL/pgSQL functions of the same names over the tables of test/shapes/deployed.sql.
-- It makes 5m bars of minutes and hours of whatever 5m bars are there, so an hour that it makes early stays as it is.

CREATE FUNCTION aggregate_window_by_hand(p_symbol text, p_tf text, p_from timestamptz, p_to timestamptz) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	source_tf text := CASE p_tf WHEN '5m' THEN '1m' ELSE '5m' END;
	expected int := CASE p_tf WHEN '5m' THEN 5 ELSE 12 END;
	bar record;
BEGIN
	SELECT count(*)::int AS candles, (array_agg(s.open ORDER BY s.ts_utc))[1] AS open, max(s.high) AS high, min(s.low) AS low,
		(array_agg(s.close ORDER BY s.ts_utc DESC))[1] AS close, sum(s.vol) AS vol
	INTO bar FROM (
		SELECT d.ts_utc, d.open, d.high, d.low, d.close, d.vol FROM data_bars AS d
		WHERE source_tf = '1m' AND d.canonical_symbol = p_symbol AND d.timeframe = '1m' AND d.ts_utc >= p_from AND d.ts_utc < p_to
		UNION ALL
		SELECT d.ts_utc, d.open, d.high, d.low, d.close, d.vol FROM derived_data_bars AS d
		WHERE d.canonical_symbol = p_symbol AND d.timeframe = source_tf AND d.deleted_at IS NULL AND d.ts_utc >= p_from AND d.ts_utc < p_to
	) AS s;
	IF bar.candles <= expected / 2 THEN
		RETURN false;
	END IF;
	INSERT INTO derived_data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol, trade_count, is_partial, source, ingested_at,
		source_timeframe, source_candles, expected_candles, quality_score, derivation_version, created_at, updated_at, raw)
	VALUES (p_symbol, p_tf, p_from, bar.open, bar.high, bar.low, bar.close, bar.vol, NULL, false, 'agg', now(), source_tf, bar.candles, expected,
		CASE WHEN bar.candles >= expected THEN 2 WHEN bar.candles >= expected * 0.8 THEN 1 WHEN bar.candles >= expected * 0.6 THEN 0 ELSE -1 END,
		1, now(), now(), '{}')
	ON CONFLICT (canonical_symbol, timeframe, ts_utc) WHERE deleted_at IS NULL DO NOTHING;
	RETURN true;
END
$$;

CREATE FUNCTION catchup_aggregation_range(p_symbol text, p_to_tf text, p_start_cursor_utc timestamptz, p_max_windows int DEFAULT 100,
	p_now_utc timestamptz DEFAULT NULL, p_derivation_version int DEFAULT 1, p_ignore_confirmation boolean DEFAULT false)
RETURNS jsonb LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE
	width interval := CASE p_to_tf WHEN '5m' THEN interval '5 minutes' ELSE interval '1 hour' END;
	position timestamptz := p_start_cursor_utc;
	windows int := 0;
	made int := 0;
BEGIN
	WHILE windows < p_max_windows AND position + width <= coalesce(p_now_utc, now()) LOOP
		IF aggregate_window_by_hand(p_symbol, p_to_tf, position, position + width) THEN
			made := made + 1;
		END IF;
		position := position + width;
		windows := windows + 1;
	END LOOP;
	RETURN jsonb_build_object('success', true, 'windows_processed', windows, 'bars_created', made, 'cursor_advanced_to', position, 'old', true);
END
$$;
-- An older form of it.
CREATE FUNCTION catchup_aggregation_range(p_symbol text, p_to_tf text, p_start_cursor_utc timestamptz) RETURNS jsonb LANGUAGE sql AS $$
	SELECT catchup_aggregation_range($1, $2, $3, 10, NULL, 1, true)
$$;

CREATE FUNCTION agg_finish(p_symbol text, p_tf text, p_success boolean, p_new_cursor_utc timestamptz DEFAULT NULL, p_stats jsonb DEFAULT NULL,
	p_fail_kind text DEFAULT NULL, p_error text DEFAULT NULL, p_now_utc timestamptz DEFAULT now(), p_auto_disable_hard_fail_threshold int DEFAULT 3)
RETURNS jsonb LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
	UPDATE data_agg_state SET last_agg_bar_ts_utc = p_new_cursor_utc, total_runs = total_runs + 1,
		total_bars_created = total_bars_created + (p_stats ->> 'bars_created')::int, last_successful_at_utc = p_now_utc, status = 'idle'
	WHERE canonical_symbol = p_symbol AND timeframe = p_tf;
	RETURN '{"success": true, "old": true}';
END
$$;
CREATE FUNCTION agg_get_due_tasks(p_env_name text, p_now_utc timestamptz DEFAULT now(), p_limit int DEFAULT 20, p_running_stale_seconds int DEFAULT 900)
RETURNS TABLE (canonical_symbol text, timeframe text) LANGUAGE sql SECURITY DEFINER SET search_path = public AS $$
	SELECT s.canonical_symbol, s.timeframe FROM data_agg_state AS s ORDER BY 1, s.run_interval_minutes LIMIT p_limit
$$;
REVOKE ALL ON FUNCTION catchup_aggregation_range(text, text, timestamptz, int, timestamptz, int, boolean), agg_finish, agg_get_due_tasks FROM PUBLIC;

-- The worker's loop.
CREATE PROCEDURE old_worker(now_utc timestamptz) LANGUAGE plpgsql AS $$
DECLARE
	task record;
	answer jsonb;
BEGIN
	FOR task IN SELECT s.* FROM agg_get_due_tasks('prod', p_limit => 1000) AS t JOIN data_agg_state AS s USING (canonical_symbol, timeframe) LOOP
		answer := catchup_aggregation_range(task.canonical_symbol, task.timeframe, task.last_agg_bar_ts_utc, 100000, now_utc, 1, true);
		PERFORM agg_finish(task.canonical_symbol, task.timeframe, true, (answer ->> 'cursor_advanced_to')::timestamptz, answer);
	END LOOP;
END
$$;
