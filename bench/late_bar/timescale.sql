-- The same for TimescaleDB, where it is installed and preloaded: a hypertable, a continuous aggregate for each timeframe on top of the one
-- below, and one late bar at the far end of the history. A refresh cannot run in a procedure, so psql is given one statement after the other.
-- Page accesses are those of the whole database, divided by the number of late bars.
SET client_min_messages = warning;
\ir ../timescale/hypertable.sql
INSERT INTO timescale.data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol, vwap, trade_count)
SELECT 'N' || s, '1m', '2010-07-01 00:00+00'::timestamptz + make_interval(mins => m), 1 + m % 7, 2 + m % 11, 0.5, 1 + m % 5, m % 90, 1 + m % 3, m % 9
FROM generate_series(1, :symbols) AS s, generate_series(0, :minutes - 1) AS m;

CREATE TABLE timescale.levels (place int, name text, source text, width text, filter text);
INSERT INTO timescale.levels VALUES (1, 'bars_5m', 'data_bars', '5 minutes', 'WHERE timeframe = ''1m'''), (2, 'bars_15m', 'bars_5m', '15 minutes', ''),
	(3, 'bars_1h', 'bars_5m', '1 hour', ''), (4, 'bars_4h', 'bars_1h', '4 hours', ''), (5, 'bars_1d', 'bars_1h', '1 day', ''), (6, 'bars_1w', 'bars_1d', '1 week', '');
SELECT format($$CREATE MATERIALIZED VIEW timescale.%I WITH (timescaledb.continuous) AS
	SELECT canonical_symbol, time_bucket(%L, %I) AS bucket, first(open, %3$I) AS open, max(high) AS high, min(low) AS low, last(close, %3$I) AS close, sum(vol) AS vol
	FROM timescale.%I %s GROUP BY canonical_symbol, time_bucket(%2$L, %3$I) WITH NO DATA$$,
	name, width, CASE WHEN place = 1 THEN 'ts_utc' ELSE 'bucket' END, source, filter) FROM timescale.levels ORDER BY place \gexec
SELECT format('CALL refresh_continuous_aggregate(%L, NULL, NULL)', 'timescale.' || name) FROM timescale.levels ORDER BY place \gexec
VACUUM ANALYZE;

CREATE TABLE timescale.clock (late_bar int, at timestamptz);
SELECT pg_stat_force_next_flush() \g /dev/null
SELECT blks_hit + blks_read AS blocks FROM pg_stat_database WHERE datname = current_database() \gset
SELECT statement FROM generate_series(1, 15) AS i, LATERAL (
	SELECT 0 AS step, format('INSERT INTO timescale.clock VALUES (%s, clock_timestamp())', i) AS statement
	UNION ALL SELECT 1, format('UPDATE timescale.data_bars SET high = high + %s WHERE canonical_symbol = ''N1'' AND timeframe = ''1m'' AND ts_utc = %L', i, '2010-07-01 00:10+00'::timestamptz + make_interval(mins => i))
	UNION ALL SELECT 1 + place, format('CALL refresh_continuous_aggregate(%L, NULL, NULL)', 'timescale.' || name) FROM timescale.levels
	UNION ALL SELECT 9, format('INSERT INTO timescale.clock VALUES (%s, clock_timestamp())', i)) AS s
ORDER BY i, step \gexec
SELECT pg_stat_force_next_flush() \g /dev/null
INSERT INTO bench.fact
SELECT 'late_bar', 'TimescaleDB, ' || :'world' || ': ms', 1, round(percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM span) * 1000)::numeric, 1)
FROM (SELECT max(at) - min(at) AS span FROM timescale.clock GROUP BY late_bar) AS spans
UNION ALL
SELECT 'late_bar', 'TimescaleDB, ' || :'world' || ': page accesses', 1, round((blks_hit + blks_read - :blocks) / 15.0) FROM pg_stat_database WHERE datname = current_database();
DROP SCHEMA timescale CASCADE;
