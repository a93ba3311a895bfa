-- What is fed, how it is fed, and what must hold whatever is killed.
CREATE EXTENSION aggregation;
DO $$ BEGIN PERFORM agg_setup(); END $$;
SELECT setseed(:seed);

-- Four days of minutes of four symbols, some missing, fed four hours at a time: a multiple of every window here, so that what a runner sees of a
-- window is all of it.
CREATE TABLE feed AS
SELECT s AS canonical_symbol, t AS ts_utc, 1 + random() AS open, 3.0::float8 AS high, 0.5::float8 AS low, 1 + random() AS close, random() AS vol
FROM unnest('{AAA,BBB,CCC,DDD}'::text[]) AS s, generate_series('2025-07-01 00:00+00'::timestamptz, '2025-07-04 23:59+00', '1 minute') AS t
WHERE random() > 0.03;
CREATE TABLE fed (until timestamptz);

CREATE PROCEDURE start_over() LANGUAGE sql AS $$
	TRUNCATE data_bars, derived_data_bars, data_agg_state, core_asset_registry_all, ops_runlog, fed;
	INSERT INTO fed VALUES ('2025-07-01 00:00+00');
	INSERT INTO core_asset_registry_all (canonical_symbol) VALUES ('AAA'), ('BBB'), ('CCC'), ('DDD');
	INSERT INTO data_agg_state (canonical_symbol, timeframe, is_mandatory, agg_start_utc)
	SELECT s, tf, true, '2025-07-01 00:00+00' FROM unnest('{AAA,BBB,CCC,DDD}'::text[]) AS s, unnest('{5m,15m,1h,4h}'::text[]) AS tf;
$$;

-- The next four hours, exactly once: what was fed and how far are written together. Whoever waits for bars is due.
CREATE FUNCTION feed_more() RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	at timestamptz;
BEGIN
	SELECT until INTO at FROM fed FOR UPDATE;
	INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol)
	SELECT canonical_symbol, '1m', ts_utc, open, high, low, close, vol FROM feed WHERE ts_utc >= at AND ts_utc < at + interval '4 hours';
	UPDATE fed SET until = at + interval '4 hours';
	UPDATE data_agg_state SET next_run_at = NULL;
	PERFORM agg_wake();
	RETURN at + interval '4 hours' < '2025-07-05 00:00+00';
END
$$;

CREATE VIEW outcome AS
SELECT canonical_symbol, timeframe, ts_utc, open, high, low, close, vol, vwap, trade_count, source_candles, expected_candles, quality_score, derivation_version
FROM derived_data_bars WHERE deleted_at IS NULL;
-- Totals count each bar once only if each window was processed once.
CREATE VIEW task_outcome AS
SELECT canonical_symbol, timeframe, status, hard_fail_streak, last_error, last_agg_bar_ts_utc, total_bars_created, total_bars_quality_poor FROM data_agg_state;

-- What is wrong at any moment: a bar that is missing before a cursor, a task that nobody runs and that is not idle.
CREATE VIEW wrong AS
SELECT 'missing bar' AS what, w.canonical_symbol, w.ts_utc FROM (
	SELECT canonical_symbol, date_bin('5 minutes', ts_utc, '2000-01-01 00:00+00') AS ts_utc FROM data_bars GROUP BY 1, 2 HAVING count(*) > 2
) AS w JOIN data_agg_state AS s ON s.canonical_symbol = w.canonical_symbol AND s.timeframe = '5m' AND w.ts_utc < s.last_agg_bar_ts_utc
WHERE NOT EXISTS (SELECT FROM derived_data_bars AS d WHERE d.canonical_symbol = w.canonical_symbol AND d.timeframe = '5m' AND d.ts_utc = w.ts_utc)
UNION ALL
SELECT 'bar without its cursor', d.canonical_symbol, d.ts_utc FROM derived_data_bars AS d JOIN data_agg_state AS s USING (canonical_symbol, timeframe)
WHERE d.ts_utc >= s.last_agg_bar_ts_utc OR s.last_agg_bar_ts_utc IS NULL
UNION ALL
SELECT 'status ' || status, canonical_symbol, last_agg_bar_ts_utc FROM data_agg_state WHERE status <> 'idle';
