-- The baseline to beat: window aggregation in PL/pgSQL, as it runs where the extension has not been installed yet. One query and one
-- upsert a window, driven by a loop. The window function and the catch-up are the old system's own, the upsert that they call is written
-- in their manner. One thing is repaired: the catch-up read its cursor as the start of the last window and moved it as the start of the
-- next one, and so left out every second window; here it is the start of the next one throughout, and every window is made.
-- The source is public.data_bars; everything written is in schema seed. Names are qualified instead of a SET search_path on the functions,
-- which would cost the baseline a setting and a resetting at each call.

CREATE FUNCTION seed._upsert_derived_bar(
	p_symbol text, p_tf text, p_ts timestamptz,
	p_open double precision, p_high double precision, p_low double precision, p_close double precision,
	p_vol double precision, p_vwap double precision, p_trade_count bigint,
	p_source_tf text, p_source_candles int, p_expected_candles int, p_quality_score int, p_derivation_version int
)
RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
	INSERT INTO seed.derived_data_bars AS d (
		canonical_symbol, timeframe, ts_utc, open, high, low, close, vol, vwap, trade_count, source, raw,
		source_timeframe, source_candles, expected_candles, quality_score, derivation_version
	) VALUES (
		p_symbol, p_tf, p_ts, p_open, p_high, p_low, p_close, p_vol, p_vwap, p_trade_count, 'agg', bench.provenance(),
		p_source_tf, p_source_candles, p_expected_candles, p_quality_score, p_derivation_version
	)
	ON CONFLICT (canonical_symbol, timeframe, ts_utc) WHERE deleted_at IS NULL DO UPDATE SET
		open = EXCLUDED.open, high = EXCLUDED.high, low = EXCLUDED.low, close = EXCLUDED.close,
		vol = EXCLUDED.vol, vwap = EXCLUDED.vwap, trade_count = EXCLUDED.trade_count, raw = EXCLUDED.raw,
		source_timeframe = EXCLUDED.source_timeframe, source_candles = EXCLUDED.source_candles,
		expected_candles = EXCLUDED.expected_candles, quality_score = EXCLUDED.quality_score,
		derivation_version = EXCLUDED.derivation_version, updated_at = now();
END;
$$;

CREATE FUNCTION seed.aggregate_1m_to_5m_window(
	p_symbol text, p_from_utc timestamptz, p_to_utc timestamptz, p_derivation_version int DEFAULT 1
)
RETURNS jsonb
LANGUAGE plpgsql
AS $$
DECLARE
	v_cnt int;
	v_o double precision; v_h double precision; v_l double precision; v_c double precision;
	v_vol double precision; v_vwap double precision; v_tc bigint;
	v_q int;
BEGIN
	WITH src AS (
		SELECT ts_utc, open, high, low, close, vol, vwap, trade_count
		FROM public.data_bars
		WHERE canonical_symbol = p_symbol AND timeframe = '1m' AND ts_utc >= p_from_utc AND ts_utc < p_to_utc
	),
	agg AS (
		SELECT
			COUNT(*) AS cnt,
			(array_agg(open ORDER BY ts_utc))[1] AS first_open,
			MAX(high) AS max_high,
			MIN(low) AS min_low,
			(array_agg(close ORDER BY ts_utc DESC))[1] AS last_close,
			SUM(vol) AS sum_vol,
			CASE WHEN SUM(vol) > 0 THEN SUM(vwap * vol) / SUM(vol) ELSE NULL END AS weighted_vwap,
			SUM(trade_count) AS sum_tc
		FROM src
	)
	SELECT cnt, first_open, max_high, min_low, last_close, sum_vol, weighted_vwap, sum_tc
	INTO v_cnt, v_o, v_h, v_l, v_c, v_vol, v_vwap, v_tc
	FROM agg;

	IF v_cnt IS NULL OR v_cnt = 0 THEN
		RETURN jsonb_build_object('success', true, 'stored', false, 'source_count', 0, 'reason', 'insufficient_source_bars');
	END IF;

	IF v_cnt >= 5 THEN v_q := 2;
	ELSIF v_cnt = 4 THEN v_q := 1;
	ELSIF v_cnt = 3 THEN v_q := 0;
	ELSE
		RETURN jsonb_build_object('success', true, 'stored', false, 'source_count', v_cnt, 'reason', 'insufficient_source_bars');
	END IF;

	PERFORM seed._upsert_derived_bar(
		p_symbol, '5m', p_from_utc, v_o, v_h, v_l, v_c, v_vol, v_vwap, v_tc, '1m', v_cnt, 5, v_q, p_derivation_version
	);

	RETURN jsonb_build_object('success', true, 'stored', true, 'source_count', v_cnt, 'quality_score', v_q);
END;
$$;

CREATE FUNCTION seed.catchup_aggregation_range(
	p_symbol text, p_to_tf text, p_start_cursor_utc timestamptz, p_max_windows integer DEFAULT 100,
	p_until_utc timestamptz DEFAULT NOW(), p_derivation_version integer DEFAULT 1, p_stop_on_zero_source boolean DEFAULT true
)
RETURNS jsonb
LANGUAGE plpgsql
AS $$
DECLARE
	v_interval_min integer;
	v_delay_sec integer;
	v_src_tf text;
	v_agg_start_utc timestamptz;
	v_cursor timestamptz;
	v_max_source_ts timestamptz;
	v_frontier_utc timestamptz;
	v_ws timestamptz; v_we timestamptz;
	v_res jsonb;
	v_source_rows integer;
	v_stored boolean;
	v_processed integer := 0;
	v_total_bars integer := 0;
	v_poor_bars integer := 0;
	v_stopped_reason text := 'max_windows';
BEGIN
	SELECT run_interval_minutes, aggregation_delay_seconds, source_timeframe, agg_start_utc
	INTO v_interval_min, v_delay_sec, v_src_tf, v_agg_start_utc
	FROM seed.data_agg_state
	WHERE canonical_symbol = p_symbol AND timeframe = p_to_tf;

	IF v_interval_min IS NULL THEN
		RAISE EXCEPTION 'Missing agg config for %/%', p_symbol, p_to_tf;
	END IF;

	v_cursor := GREATEST(p_start_cursor_utc, v_agg_start_utc);
	v_frontier_utc := p_until_utc - (v_delay_sec || ' seconds')::interval;

	IF v_src_tf = '1m' THEN
		SELECT MAX(ts_utc) INTO v_max_source_ts
		FROM public.data_bars
		WHERE canonical_symbol = p_symbol AND timeframe = v_src_tf;
	ELSE
		SELECT MAX(ts_utc) INTO v_max_source_ts
		FROM (
			SELECT ts_utc FROM public.data_bars
			WHERE canonical_symbol = p_symbol AND timeframe = v_src_tf
			UNION ALL
			SELECT ts_utc FROM seed.derived_data_bars
			WHERE canonical_symbol = p_symbol AND timeframe = v_src_tf AND deleted_at IS NULL
		) x;
	END IF;

	IF v_max_source_ts IS NOT NULL AND v_cursor >= v_max_source_ts THEN
		RETURN jsonb_build_object('success', true, 'windows_processed', 0, 'bars_created', 0,
			'stopped_reason', 'cursor_at_frontier', 'cursor_position', v_cursor, 'max_source_ts', v_max_source_ts);
	END IF;

	WHILE v_processed < p_max_windows LOOP
		v_ws := v_cursor;
		v_we := v_ws + (v_interval_min || ' minutes')::interval;

		IF v_ws < v_agg_start_utc THEN
			v_cursor := v_we;
			v_processed := v_processed + 1;
			CONTINUE;
		END IF;

		IF v_we > v_frontier_utc THEN
			v_stopped_reason := 'frontier';
			EXIT;
		END IF;

		IF p_to_tf = '5m' THEN
			v_res := seed.aggregate_1m_to_5m_window(p_symbol, v_ws, v_we, p_derivation_version);
		ELSE
			RAISE EXCEPTION 'Unsupported target timeframe: %', p_to_tf;
		END IF;

		v_source_rows := COALESCE((v_res->>'source_count')::int, 0);
		v_stored := COALESCE((v_res->>'stored')::boolean, false);

		IF p_stop_on_zero_source AND v_source_rows = 0 THEN
			v_stopped_reason := 'no_source_data';
			EXIT;
		END IF;

		IF v_stored THEN
			v_total_bars := v_total_bars + 1;
			IF (v_res->>'quality_score')::int = 0 THEN
				v_poor_bars := v_poor_bars + 1;
			END IF;
		END IF;

		v_cursor := v_we;
		v_processed := v_processed + 1;
	END LOOP;

	RETURN jsonb_build_object('success', true, 'windows_processed', v_processed, 'bars_created', v_total_bars,
		'bars_quality_poor', v_poor_bars, 'new_cursor', v_cursor, 'stopped_reason', v_stopped_reason,
		'agg_start_enforced', v_agg_start_utc);
END;
$$;
