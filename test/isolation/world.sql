-- The world of the specs: three symbols, each with a 5m task and fifteen minutes of bars, and the views that say at the end whether all is right.
CREATE EXTENSION aggregation;
DO $$ BEGIN PERFORM agg_setup(); END $$;

-- The bars that are there from the beginning are nobody's change.
CREATE FUNCTION make_world() RETURNS void LANGUAGE sql SET aggregation.tracking = off AS $$
	TRUNCATE core_asset_registry_all, data_agg_state, data_bars, derived_data_bars, agg_registry_sync, ops_runlog, agg_change_log, agg_dirty_ranges, agg_recent_tasks;
	INSERT INTO core_asset_registry_all (canonical_symbol) VALUES ('A'), ('B'), ('C');
	INSERT INTO data_agg_state (canonical_symbol, timeframe, source_timeframe, run_interval_minutes, aggregation_delay_seconds, agg_start_utc, is_mandatory)
	SELECT s, '5m', '1m', 5, 30, '2025-07-01 00:00+00', true FROM unnest('{A,B,C}'::text[]) AS s;
	INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol)
	SELECT s, '1m', t, 1, 2, 0.5, 1.5, 10
	FROM unnest('{A,B,C}'::text[]) AS s, generate_series('2025-07-01 00:00+00'::timestamptz, '2025-07-01 00:14+00', '1 minute') AS t;
$$;

-- Windows before a task's cursor without their bar, and bars that are not what their window comes to.
CREATE VIEW wrong AS
WITH windows AS (
	SELECT canonical_symbol, date_bin('5 minutes', ts_utc, '2000-01-01 00:00+00') AS ts_utc, sum(vol) AS vol, count(*)::int AS candles
	FROM data_bars WHERE timeframe = '1m' GROUP BY 1, 2
), processed AS (
	SELECT w.* FROM windows AS w JOIN data_agg_state AS s USING (canonical_symbol) WHERE w.ts_utc >= s.agg_start_utc AND w.ts_utc < s.last_agg_bar_ts_utc
), stored AS (
	SELECT canonical_symbol, ts_utc, vol, source_candles FROM derived_data_bars WHERE deleted_at IS NULL
)
(TABLE processed EXCEPT ALL TABLE stored) UNION ALL (TABLE stored EXCEPT ALL TABLE windows);

CREATE VIEW tasks AS
SELECT canonical_symbol AS symbol, to_char(last_agg_bar_ts_utc AT TIME ZONE 'UTC', 'HH24:MI') AS cursor, status, enabled, hard_fail_streak AS streak,
	total_runs AS runs, total_bars_created AS bars
FROM data_agg_state ORDER BY canonical_symbol;

-- What the proof finds.
CREATE VIEW proof AS
SELECT canonical_symbol AS symbol, timeframe, to_char(ts_utc AT TIME ZONE 'UTC', 'HH24:MI') AS window, difference, column_name, stored, expected, explanation FROM agg_verify();
