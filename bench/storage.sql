-- Minutes in a plain table, in TimescaleDB's columnstore and in Citus's columnar access method: size, a month's scan, a point read, a late bar. For a
-- database with the three extensions whose data_bars, a plain table, holds minutes of :symbol from :from to :to, written in the order of time:
--
--   psql -d DATABASE -v symbol=USDJPY -v from=2021-02-01 -v to=2021-03-01 -f bench/storage.sql
\set ON_ERROR_STOP 1
SET client_min_messages = warning;
SET timezone = 'UTC';
SET max_parallel_workers_per_gather = 0;
DROP TABLE IF EXISTS columnstore, columnar;
CREATE TABLE columnstore (LIKE data_bars INCLUDING ALL);
SELECT create_hypertable('columnstore', 'ts_utc', chunk_time_interval => interval '1 month', create_default_indexes => false) \g /dev/null
INSERT INTO columnstore SELECT * FROM data_bars ORDER BY ts_utc, canonical_symbol;
ALTER TABLE columnstore SET (timescaledb.compress, timescaledb.compress_segmentby = 'canonical_symbol, timeframe', timescaledb.compress_orderby = 'ts_utc');
SELECT count(compress_chunk(c)) AS chunks FROM show_chunks('columnstore') AS c;
-- As CLUSTER and ALTER TABLE … SET ACCESS METHOD make it of a month.
CREATE TABLE columnar (LIKE data_bars) USING columnar;
INSERT INTO columnar SELECT * FROM data_bars ORDER BY canonical_symbol, timeframe, ts_utc;
ALTER TABLE columnar ADD PRIMARY KEY (canonical_symbol, timeframe, ts_utc);
VACUUM (FREEZE, ANALYZE) data_bars;
VACUUM (FREEZE, ANALYZE) columnstore;
ANALYZE columnar;
SELECT s.what, pg_size_pretty(s.rows_size) AS rows, pg_size_pretty(s.all_size) AS all, round(100.0 * s.rows_size / pg_table_size('data_bars'), 1) AS percent_of_heap,
	round(100.0 * s.all_size / pg_total_relation_size('data_bars'), 1) AS percent_of_table, round(s.all_size::numeric / n.minutes, 1) AS bytes_per_minute
FROM (VALUES ('heap', pg_table_size('data_bars'), pg_total_relation_size('data_bars')), ('columnstore', hypertable_size('columnstore'), hypertable_size('columnstore')),
	('columnar', pg_table_size('columnar'), pg_total_relation_size('columnar'))) AS s (what, rows_size, all_size),
	(SELECT count(*) AS minutes FROM data_bars) AS n;

-- What a minute takes in the columnstore, by column.
DROP TABLE IF EXISTS column_size;
CREATE TEMPORARY TABLE column_size (name text, bytes numeric);
SELECT format('INSERT INTO column_size SELECT %L, sum(pg_column_size(%I)) FROM %s', a.attname, a.attname, a.attrelid::regclass)
FROM _timescaledb_catalog.chunk c JOIN _timescaledb_catalog.hypertable h ON h.id = c.hypertable_id AND h.table_name = 'columnstore'
JOIN _timescaledb_catalog.chunk z ON z.id = c.compressed_chunk_id
JOIN pg_attribute a ON a.attrelid = format('%I.%I', z.schema_name, z.table_name)::regclass AND a.attnum > 0 AND NOT a.attisdropped \gexec
SELECT name, round(sum(bytes) / (SELECT count(*) FROM data_bars), 2) AS bytes FROM column_size GROUP BY 1 HAVING sum(bytes) > 0 ORDER BY 2 DESC LIMIT 12;

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
SELECT w.what, pg_temp.median_of(replace(w.query, '@', 'data_bars'), w.n) AS heap, pg_temp.median_of(replace(w.query, '@', 'columnstore'), w.n) AS columnstore,
	CASE WHEN w.what <> 'a late bar' THEN pg_temp.median_of(replace(w.query, '@', 'columnar'), w.n) END AS columnar
FROM (VALUES
	('a month of all symbols', format('SELECT sum(close), max(high), min(low), sum(vol) FROM @ WHERE timeframe = ''1m'' AND ts_utc >= %L AND ts_utc < %L', :'from', :'to'), 9),
	('a month of one symbol', format('SELECT sum(close), max(high), min(low), sum(vol) FROM @ WHERE canonical_symbol = %L AND timeframe = ''1m'' AND ts_utc >= %L AND ts_utc < %L', :'symbol', :'from', :'to'), 25),
	('its rows, in order', format('SELECT count(close) FROM (SELECT * FROM @ WHERE canonical_symbol = %L AND timeframe = ''1m'' AND ts_utc >= %L AND ts_utc < %L ORDER BY ts_utc OFFSET 0) AS b', :'symbol', :'from', :'to'), 25),
	('one minute', format('SELECT close FROM @ WHERE canonical_symbol = %L AND timeframe = ''1m'' AND ts_utc = %L::timestamptz + interval ''10 days 10 hours''', :'symbol', :'from'), 201),
	('a late bar', format('UPDATE @ SET high = high WHERE canonical_symbol = %L AND timeframe = ''1m'' AND ts_utc = %L::timestamptz + interval ''11 days 10 hours''', :'symbol', :'from'), 25)
) AS w (what, query, n);
DROP TABLE columnstore, columnar;
