-- Two days of a market as the older system has left them: bars of both timeframes, hours that it made too early, DXY's minutes where it kept
-- them, and what the operators have hung on the tables.
\ir ../shapes/deployed.sql
\ir old_system.sql
CREATE TABLE minutes_of_market AS
SELECT s AS symbol, t AS ts, 1 + (hashint4(extract(epoch FROM t)::int / 60 + length(s) * ascii(s)) % 1000) / 10000.0::float8 AS price
FROM unnest('{EURUSD,GBPUSD,USDJPY,USDCAD,USDSEK,USDCHF}'::text[]) AS s, generate_series('2025-07-01 00:00+00'::timestamptz, '2025-07-04 23:59+00', '1 minute') AS t
WHERE hashint4(extract(epoch FROM t)::int / 60 + ascii(substr(s, 3))) % 40 <> 0;
INSERT INTO core_asset_registry_all (canonical_symbol, active, test_active, asset_class) SELECT s, true, false, 'fx' FROM unnest('{EURUSD,GBPUSD,USDJPY,USDCAD,USDSEK,USDCHF,DXY}'::text[]) AS s;
INSERT INTO data_agg_state (canonical_symbol, timeframe, run_interval_minutes, aggregation_delay_seconds, source_timeframe, is_mandatory, last_agg_bar_ts_utc)
SELECT s, tf, CASE tf WHEN '5m' THEN 5 ELSE 60 END, 30, CASE tf WHEN '5m' THEN '1m' ELSE '5m' END, true, '2025-07-01 00:00+00'
FROM unnest('{EURUSD,GBPUSD,DXY}'::text[]) AS s, unnest('{5m,1h}'::text[]) AS tf;

CREATE FUNCTION feed(until timestamptz) RETURNS bigint LANGUAGE sql AS $$
	WITH fed AS (
		INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol, is_partial, source, ingested_at, raw)
		SELECT symbol, '1m', ts, price, price + 0.01, price - 0.01, price, 10, false, 'ingest', now(), '{}' FROM minutes_of_market WHERE ts < until
		ON CONFLICT DO NOTHING RETURNING 1)
	SELECT count(*) FROM fed
$$;
-- The older system's own index, to eight decimals, in the table of derived bars.
CREATE FUNCTION old_index(until timestamptz) RETURNS void LANGUAGE sql AS $$
	INSERT INTO derived_data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol, trade_count, is_partial, source, ingested_at, created_at, updated_at, raw)
	SELECT 'DXY', '1m', ts, i, i, i, i, 0, 0, false, 'agg', now(), now(), now(), '{"by": "the older system"}'
	FROM (SELECT ts_utc AS ts, (50.14348112 * exp(sum(ln(close) * CASE canonical_symbol WHEN 'EURUSD' THEN -0.576 WHEN 'USDJPY' THEN 0.136 WHEN 'GBPUSD' THEN -0.119
			WHEN 'USDCAD' THEN 0.091 WHEN 'USDSEK' THEN 0.042 ELSE 0.036 END)))::numeric(20, 8)::float8 AS i
		FROM data_bars WHERE timeframe = '1m' AND ts_utc < until GROUP BY ts_utc HAVING count(*) = 6) AS m
	ON CONFLICT DO NOTHING
$$;
SELECT feed('2025-07-02 12:00+00'), old_index('2025-07-02 12:00+00') \g /dev/null
CALL old_worker('2025-07-02 11:40+00');
-- An hour from the parts that were there, before the others came.
SELECT aggregate_window_by_hand('EURUSD', '1h', '2025-07-02 11:00+00', '2025-07-02 12:00+00') \g /dev/null
UPDATE data_agg_state SET last_agg_bar_ts_utc = '2025-07-02 12:00+00' WHERE canonical_symbol = 'EURUSD' AND timeframe = '1h';
CALL old_worker('2025-07-02 12:00+00');
-- A bar that somebody has edited, a cursor that ran away, one that names its last bar.
UPDATE derived_data_bars SET high = 9 WHERE canonical_symbol = 'GBPUSD' AND timeframe = '5m' AND ts_utc = '2025-07-01 03:00+00';
UPDATE data_agg_state SET last_agg_bar_ts_utc = '2025-07-09 00:00+00' WHERE canonical_symbol = 'GBPUSD' AND timeframe = '5m';
UPDATE data_agg_state SET last_agg_bar_ts_utc = last_agg_bar_ts_utc - interval '1 hour' WHERE canonical_symbol = 'GBPUSD' AND timeframe = '1h';

-- The operators' own.
DO $$ BEGIN IF to_regrole('service_role') IS NULL THEN CREATE ROLE service_role; END IF; IF to_regrole('adoption_app') IS NULL THEN CREATE ROLE adoption_app; END IF; END $$;
GRANT EXECUTE ON FUNCTION agg_get_due_tasks TO service_role, adoption_app;
GRANT SELECT ON derived_data_bars TO adoption_app;
ALTER TABLE data_bars ENABLE ROW LEVEL SECURITY;
CREATE POLICY only_pairs ON data_bars FOR SELECT TO adoption_app USING (canonical_symbol <> 'DXY');
ALTER TABLE derived_data_bars ADD COLUMN desk_note text DEFAULT 'none';
CREATE TABLE seen (symbol text, n int);
CREATE FUNCTION note_task() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE TRIGGER desk BEFORE UPDATE ON data_agg_state FOR EACH ROW EXECUTE FUNCTION note_task();
CREATE VIEW hours AS SELECT canonical_symbol, ts_utc, close FROM derived_data_bars WHERE timeframe = '1h' AND deleted_at IS NULL;
CREATE VIEW due AS SELECT * FROM agg_get_due_tasks('prod');
CREATE VIEW v_aggregation_frontier_health AS SELECT canonical_symbol AS sym, 42 AS mine FROM data_agg_state;
GRANT SELECT ON v_aggregation_frontier_health TO adoption_app;
