-- What it costs to look at ten thousand tasks: health, metrics and the views, with ten million bars. For an empty database with the extension:
--
--   psql -d DATABASE -f bench/health.sql
\set ON_ERROR_STOP 1
SET client_min_messages = warning;
SET timezone = 'UTC';
SELECT count(*) FROM agg_setup() \g /dev/null
SET aggregation.tracking = off;
-- 5,000 symbols with two tasks each, whose last bar has just ended; all but a hundred are up to date.
SELECT date_bin('1 hour', now(), '2000-01-01 00:00+00') AS now \gset
INSERT INTO core_asset_registry_all (canonical_symbol) SELECT 'S' || s FROM generate_series(1, 5000) AS s;
SELECT sync_agg_state_from_registry('prod', :'now'::timestamptz - interval '30 hours') \g /dev/null
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol, vwap, trade_count)
SELECT 'S' || s, '1m', :'now'::timestamptz - m * interval '1 minute', 100, 101, 99, 100, 10, 100, 3 FROM generate_series(1680, 1, -1) AS m, generate_series(1, 5000) AS s;
INSERT INTO derived_data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol, vwap, trade_count, source_timeframe, source_candles, expected_candles, quality_score)
SELECT 'S' || s, '5m', :'now'::timestamptz - m * interval '5 minutes', 100, 101, 99, 100, 50, 100, 15, '1m', 5, 5, 2 FROM generate_series(336, 1, -1) AS m, generate_series(1, 5000) AS s
UNION ALL SELECT 'S' || s, '1h', :'now'::timestamptz - m * interval '1 hour', 100, 101, 99, 100, 600, 100, 180, '5m', 12, 12, 2 FROM generate_series(28, 1, -1) AS m, generate_series(1, 5000) AS s;
UPDATE data_agg_state SET last_agg_bar_ts_utc = :'now'::timestamptz - CASE WHEN canonical_symbol LIKE 'S%00' THEN interval '6 hours' ELSE interval '0' END, last_successful_at_utc = now(), next_run_at = now() + interval '1 minute';
VACUUM (FREEZE, ANALYZE);
SELECT (SELECT count(*) FROM data_agg_state) AS tasks, (SELECT count(*) FROM data_bars) + (SELECT count(*) FROM derived_data_bars) AS bars;

-- Milliseconds, the median of eleven and the slowest.
CREATE FUNCTION pg_temp.times_of(query text, OUT median numeric, OUT slowest numeric) LANGUAGE plpgsql AS $$
DECLARE
	began timestamptz;
	took float8[] := '{}';
BEGIN
	FOR i IN 1 .. 11 LOOP
		began := clock_timestamp();
		EXECUTE query;
		took := took || extract(epoch FROM clock_timestamp() - began)::float8 * 1000;
	END LOOP;
	SELECT round(percentile_cont(0.5) WITHIN GROUP (ORDER BY t)::numeric, 1), round(max(t)::numeric, 1) INTO median, slowest FROM unnest(took) AS t;
END $$;
SELECT w.what, t.median, t.slowest FROM unnest('{agg_health(),agg_metrics(),v_aggregation_alerts,v_aggregation_lag,v_aggregation_quality,v_aggregation_frontier_health,v_aggregation_unread_bars,v_aggregation_truth,v_aggregation_metrics}'::text[]) AS w(what)
CROSS JOIN LATERAL pg_temp.times_of('SELECT count(*) FROM (SELECT * FROM ' || w.what || ' OFFSET 0) AS x') AS t;
