-- Minutes in a plain table and in TimescaleDB's columnstore: size, a month's scan, a point read, a late bar. For a database with both extensions
-- whose data_bars, a plain table, holds minutes of :symbol from :from to :to, written in the order of time:
--
--   psql -d DATABASE -v symbol=USDJPY -v from=2021-02-01 -v to=2021-03-01 -f bench/storage.sql
\set ON_ERROR_STOP 1
SET client_min_messages = warning;
SET timezone = 'UTC';
SET max_parallel_workers_per_gather = 0;
DROP TABLE IF EXISTS columnstore;
CREATE TABLE columnstore (LIKE data_bars INCLUDING ALL);
SELECT create_hypertable('columnstore', 'ts_utc', chunk_time_interval => interval '1 month', create_default_indexes => false) \g /dev/null
INSERT INTO columnstore SELECT * FROM data_bars ORDER BY ts_utc, canonical_symbol;
ALTER TABLE columnstore SET (timescaledb.compress, timescaledb.compress_segmentby = 'canonical_symbol, timeframe', timescaledb.compress_orderby = 'ts_utc');
SELECT count(compress_chunk(c)) AS chunks FROM show_chunks('columnstore') AS c;
VACUUM (FREEZE, ANALYZE) data_bars;
VACUUM (FREEZE, ANALYZE) columnstore;
SELECT count(*) AS minutes, pg_size_pretty(pg_table_size('data_bars')) AS heap, pg_size_pretty(pg_indexes_size('data_bars')) AS its_indexes,
	pg_size_pretty(hypertable_size('columnstore')) AS columnstore, round(100.0 * hypertable_size('columnstore') / pg_table_size('data_bars'), 1) AS percent_of_heap,
	round(100.0 * hypertable_size('columnstore') / pg_total_relation_size('data_bars'), 1) AS percent_of_table
FROM data_bars;

-- Milliseconds, the median of n.
CREATE OR REPLACE FUNCTION pg_temp.median_of(query text, n int) RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE
	began timestamptz;
	took float8[] := '{}';
BEGIN
	FOR i IN 1 .. n LOOP
		began := clock_timestamp();
		EXECUTE query;
		took := took || extract(epoch FROM clock_timestamp() - began)::float8 * 1000;
	END LOOP;
	RETURN round((SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY t) FROM unnest(took) AS t)::numeric, 2);
END $$;
SELECT w.what, pg_temp.median_of(replace(w.query, '@', 'data_bars'), w.n) AS heap, pg_temp.median_of(replace(w.query, '@', 'columnstore'), w.n) AS columnstore
FROM (VALUES
	('a month of all symbols', format('SELECT sum(close), max(high), min(low), sum(vol) FROM @ WHERE timeframe = ''1m'' AND ts_utc >= %L AND ts_utc < %L', :'from', :'to'), 9),
	('a month of one symbol', format('SELECT sum(close), max(high), min(low), sum(vol) FROM @ WHERE canonical_symbol = %L AND timeframe = ''1m'' AND ts_utc >= %L AND ts_utc < %L', :'symbol', :'from', :'to'), 25),
	('its rows, in order', format('SELECT count(close) FROM (SELECT * FROM @ WHERE canonical_symbol = %L AND timeframe = ''1m'' AND ts_utc >= %L AND ts_utc < %L ORDER BY ts_utc OFFSET 0) AS b', :'symbol', :'from', :'to'), 25),
	('one minute', format('SELECT close FROM @ WHERE canonical_symbol = %L AND timeframe = ''1m'' AND ts_utc = %L::timestamptz + interval ''10 days 10 hours''', :'symbol', :'from'), 201),
	('a late bar', format('UPDATE @ SET high = high WHERE canonical_symbol = %L AND timeframe = ''1m'' AND ts_utc = %L::timestamptz + interval ''11 days 10 hours''', :'symbol', :'from'), 25)
) AS w (what, query, n);
DROP TABLE columnstore;
