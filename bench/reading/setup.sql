-- A symbol with :minutes of minutes among a hundred that have their last five weeks, and nine hundred with their last day; all bars of 5m, 15m and
-- 1h are made but those of the window that is open. Rows lie as a feed writes them: all symbols of a minute, then the next minute.
SET client_min_messages = warning;
TRUNCATE public.data_bars, public.derived_data_bars, public.data_agg_state, public.core_asset_registry_all CASCADE;
SET aggregation.tracking = off;

-- A minute of each symbol is the same walk at another price: what is read costs the same, and the world is there in a minute.
CREATE TEMP TABLE walk AS
SELECT n, 1 + 0.001 * sin(n / 300.0) + 0.0001 * ((n * 7919) % 13) AS price, 1 + (n * 31) % 900 AS vol FROM generate_series(0::bigint, :minutes - 1) AS n;
CREATE TEMP TABLE who AS
SELECT 'YEAR' AS symbol, 0 AS first, 1 AS scale
UNION ALL SELECT 'WEEK' || lpad(i::text, 2, '0'), greatest(0, :minutes - 50400), 1 + i FROM generate_series(1, 99) AS i
UNION ALL SELECT 'DAY' || lpad(i::text, 3, '0'), greatest(0, :minutes - 1440), 1 + i % 50 FROM generate_series(1, 900) AS i;
INSERT INTO public.data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol, vwap, trade_count)
SELECT w.symbol, '1m', timestamptz '2025-07-01 00:03+00' - (:minutes - 1 - m.n) * interval '1 minute', round((w.scale * m.price)::numeric, 5), round((w.scale * m.price * 1.0003)::numeric, 5),
	round((w.scale * m.price * 0.9997)::numeric, 5), round((w.scale * m.price * 1.0001)::numeric, 5), m.vol, round((w.scale * m.price)::numeric, 6), m.vol / 9
FROM walk AS m JOIN who AS w ON m.n >= w.first
ORDER BY m.n, w.symbol;

INSERT INTO public.core_asset_registry_all (canonical_symbol, metadata)
SELECT symbol, jsonb_build_object('agg', jsonb_build_object('optional', '["15m"]'::jsonb, 'start_utc', to_char(min(ts_utc) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T00:00:00Z"')))
FROM who JOIN public.data_bars AS b ON b.canonical_symbol = symbol GROUP BY symbol;
SELECT public.sync_agg_state_from_registry('prod') \g /dev/null
VACUUM ANALYZE public.data_bars, public.data_agg_state, public.core_asset_registry_all;
CALL public.agg_run(p_now_utc => '2025-07-01 00:03:20+00', p_time_budget => '1 hour', p_sync_minutes => NULL);
VACUUM ANALYZE public.derived_data_bars, public.data_agg_state;

DROP TABLE IF EXISTS bench.watchlist;
CREATE TABLE bench.watchlist AS SELECT array_agg(symbol ORDER BY symbol) AS symbols FROM who;
ANALYZE bench.watchlist;
