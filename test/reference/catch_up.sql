-- Catching up: windows in order from a cursor, until something says stop. One SELECT a question; the cursor is the start of the next window.

-- Has the task that writes the bars of `tf` (a source timeframe) still work to do before `until`? Minutes are ingested: nobody's task.
-- Where a timeframe has no task, nobody will ever write it, and nothing waits.
CREATE FUNCTION oracle.source_is_late(symbol text, tf text, until timestamptz) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
DECLARE
	task data_agg_state;
	below text := oracle.source_of(symbol, tf);
	done_to timestamptz;
BEGIN
	SELECT * INTO task FROM data_agg_state AS t WHERE t.canonical_symbol = symbol AND t.timeframe = tf;
	IF tf = '1m' OR NOT FOUND THEN
		RETURN false;
	END IF;
	done_to := coalesce(task.last_agg_bar_ts_utc, oracle.next_boundary(task.agg_start_utc, tf));
	RETURN done_to < until AND (
		coalesce(oracle.next_source(symbol, below, done_to) < until, false)
		OR oracle.source_is_late(symbol, below, until));
END
$$;

CREATE FUNCTION oracle.catch_up(symbol text, tf text, start_cursor timestamptz, max_windows int, now_utc timestamptz,
	version int DEFAULT 1, ignore_confirmation boolean DEFAULT false)
RETURNS jsonb LANGUAGE plpgsql SET TimeZone = 'UTC' AS $$
DECLARE
	task data_agg_state;
	source_tf text := oracle.source_of(symbol, tf);
	width interval := oracle.width(tf);
	delay interval;
	next_window timestamptz; -- the cursor
	this_window timestamptz; -- the window at hand: the cursor's, or the one behind a gap
	next_source timestamptz;
	last_source timestamptz := oracle.last_source(symbol, source_tf);
	stop_reason text;
	did record;
	processed int := 0;
	skipped int := 0;
	poor int := 0;
	refused int := 0;
	vanished int := 0; -- bars in a gap: they have no source any more
	n jsonb := '{"inserted": 0, "updated": 0, "unchanged": 0, "deleted": 0, "none": 0}';
BEGIN
	SELECT * INTO STRICT task FROM data_agg_state AS t WHERE t.canonical_symbol = symbol AND t.timeframe = tf;
	delay := CASE WHEN ignore_confirmation THEN interval '0' ELSE make_interval(secs => coalesce(task.aggregation_delay_seconds, 0)) END;
	next_window := oracle.next_boundary(greatest(start_cursor, task.agg_start_utc), tf);

	IF last_source IS NULL OR next_window > last_source THEN
		stop_reason := CASE
			WHEN oracle.source_is_late(symbol, source_tf, next_window + width) THEN 'waiting_for_source'
			WHEN last_source IS NULL THEN 'no_source_data_anywhere'
			ELSE 'cursor_beyond_source_data'
		END;
	END IF;

	WHILE stop_reason IS NULL LOOP
		IF processed = max_windows THEN
			stop_reason := 'max_windows';
			EXIT;
		END IF;
		next_source := oracle.next_source(symbol, source_tf, next_window);
		this_window := next_window;
		stop_reason := oracle.why_not_ready(symbol, source_tf, this_window + width, now_utc, delay);
		EXIT WHEN stop_reason IS NOT NULL;
		IF next_source IS NULL THEN
			stop_reason := 'frontier';
			EXIT;
		ELSIF next_source >= this_window + width THEN -- an empty window, and later source behind it
			vanished := vanished + oracle.remove_bars(symbol, tf, this_window, oracle.window_start(next_source, tf));
			IF processed > 0 THEN
				stop_reason := 'gap';
				EXIT;
			END IF;
			this_window := oracle.window_start(next_source, tf);
			stop_reason := oracle.why_not_ready(symbol, source_tf, this_window + width, now_utc, delay);
			EXIT WHEN stop_reason IS NOT NULL;
		END IF;

		did := oracle.aggregate_window(symbol, tf, this_window, version);
		processed := processed + 1;
		next_window := this_window + width;
		n := jsonb_set(n, ARRAY[did.written], to_jsonb((n ->> did.written)::int + 1));
		refused := refused + (did.answer ->> 'refused')::int;
		IF NOT (did.answer ->> 'stored')::boolean THEN
			skipped := skipped + 1;
		ELSIF (did.answer ->> 'quality_score')::int <= 0 THEN
			poor := poor + 1;
		END IF;
	END LOOP;

	RETURN jsonb_build_object(
		'success', true,
		'reason', stop_reason,
		'continue', stop_reason IN ('max_windows', 'gap'),
		'windows_processed', processed,
		'cursor_advanced_to', next_window,
		'bars_created', processed - skipped,
		'bars_inserted', n -> 'inserted', 'bars_updated', n -> 'updated', 'bars_unchanged', n -> 'unchanged', 'bars_deleted', (n ->> 'deleted')::int + vanished,
		'bars_quality_poor', poor,
		'bars_skipped', skipped,
		'source_rows_refused', refused,
		'max_source_ts', last_source,
		'agg_start_enforced', task.agg_start_utc);
END
$$;

CREATE FUNCTION oracle.why_not_ready(symbol text, source_tf text, window_end timestamptz, now_utc timestamptz, delay interval)
RETURNS text LANGUAGE sql STABLE AS $$
	SELECT CASE
		WHEN now_utc < window_end + delay THEN 'not_confirmed'
		WHEN oracle.source_is_late(symbol, source_tf, window_end) THEN 'waiting_for_source'
	END
$$;
