-- By which way the source of many tasks is read: by key, a probe for each task, or by time, one pass over what they share. Shown are the scans
-- of source tables that a call runs, as auto_explain sees them; the bars are compared in test/pgtap/read_by_time.sql.
SET client_min_messages = warning;
SET timezone = 'UTC';
CREATE SCHEMA reading;
CREATE EXTENSION IF NOT EXISTS aggregation SCHEMA public;
SELECT count(*) >= 0 AS ready FROM agg_setup();
\setenv PGDATABASE :DBNAME
\setenv PGHOST :HOST
\setenv PGPORT :PORT
\setenv PGUSER :USER
\setenv PGOPTIONS '-c session_preload_libraries=auto_explain -c auto_explain.log_min_duration=0 -c auto_explain.log_nested_statements=on -c client_min_messages=log -c timezone=UTC'
\setenv SCANS 'psql -X -q -o /dev/null -c "$0" 2>&1 | sed -nE "/(Bitmap|Seq|Index) .*Scan.* (d|d_[0-9]) |Bitmap Index/{/Only/d; /derived/d; s/^ *(-> +)?//; s/ +[(]cost=.*//; p}" | uniq'
-- 3,000 symbols, 20 minutes, as a feed writes them
CREATE FUNCTION reading.feed(p_symbols int, p_from timestamptz, p_minutes int) RETURNS void LANGUAGE sql AS $$
	INSERT INTO public.data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close)
	SELECT 'SYM' || s, '1m', p_from + m * interval '1 minute', 1, 1, 1, 1
	FROM generate_series(0, p_minutes - 1) AS m CROSS JOIN generate_series(1, p_symbols) AS s
$$;
CREATE FUNCTION reading.tasks(p_symbols int) RETURNS void LANGUAGE sql AS $$
	TRUNCATE public.data_agg_state, public.derived_data_bars;
	INSERT INTO public.data_agg_state (canonical_symbol, timeframe, agg_start_utc, last_agg_bar_ts_utc)
	SELECT 'SYM' || s, '5m', '2025-07-01 00:00+00', '2025-07-01 00:10+00' FROM generate_series(1, p_symbols) AS s;
	TRUNCATE public.agg_change_log, public.agg_dirty_ranges, public.agg_recent_tasks
$$;
-- one window of each task
CREATE FUNCTION reading.tick() RETURNS bigint LANGUAGE sql AS $$
	SELECT count(*) FROM (SELECT array_agg(canonical_symbol ORDER BY canonical_symbol) AS symbols, array_agg(timeframe) AS timeframes
		FROM public.data_agg_state) AS t
	CROSS JOIN LATERAL public.agg_aggregate_tasks(t.symbols, t.timeframes, 1, '2025-07-01 00:15:31') AS done
$$;
SELECT reading.feed(3000, '2025-07-01 00:00+00', 20);
VACUUM ANALYZE data_bars;
-- all of them: by time
SELECT reading.tasks(3000);
\! sh -c "$SCANS" "SELECT reading.tick()"
-- a hundred of 3,000: by key
SELECT reading.tasks(100);
\! sh -c "$SCANS" "SELECT reading.tick()"
-- a fourth of them: by time, since each of their rows is on a page of its own
SELECT reading.tasks(800);
\! sh -c "$SCANS" "SELECT reading.tick()"
-- as the session has set it
SELECT reading.tasks(100);
\! sh -c "$SCANS" "SET aggregation.read_source = by_time; SELECT reading.tick()"
SELECT reading.tasks(3000);
\! sh -c "$SCANS" "SET aggregation.read_source = by_key; SELECT reading.tick()"
-- all of them, but each at a time of its own: by key
SELECT reading.tasks(3000);
UPDATE data_agg_state SET last_agg_bar_ts_utc = '2025-07-01 00:00+00'::timestamptz + hashtext(canonical_symbol) % 3 * interval '5 minutes';
\! sh -c "$SCANS" "SELECT reading.tick()"
-- one that is far behind is read by key, the others by time
SELECT reading.tasks(3000);
UPDATE data_agg_state SET last_agg_bar_ts_utc = '2025-07-01 00:00+00' WHERE canonical_symbol = 'SYM7';
\! sh -c "$SCANS" "SELECT reading.tick()"
-- an index on the time that is a btree
DROP INDEX data_bars_time_idx;
CREATE INDEX data_bars_time_idx ON data_bars (ts_utc);
SELECT reading.tasks(3000);
\! sh -c "$SCANS" "SELECT reading.tick()"
-- none: by key, since a pass would look at everything
DROP INDEX data_bars_time_idx;
SELECT reading.feed(3000, '2025-07-01 00:20+00', 20);
SELECT reading.tasks(3000);
\! sh -c "$SCANS" "SELECT reading.tick()"
-- an index, but rows that lie symbol by symbol: a pass would look at everything, too
CREATE TABLE reading.copy AS SELECT * FROM data_bars ORDER BY canonical_symbol, ts_utc;
SET aggregation.tracking = off;
TRUNCATE data_bars;
INSERT INTO data_bars SELECT * FROM reading.copy;
CREATE INDEX data_bars_time_idx ON data_bars USING brin (ts_utc) WITH (pages_per_range = 32);
VACUUM ANALYZE data_bars;
SELECT reading.tasks(3000);
\! sh -c "$SCANS" "SELECT reading.tick()"
-- partitions by time need no index
DROP EXTENSION aggregation CASCADE;
DROP TABLE data_bars CASCADE;
CREATE TABLE data_bars (LIKE reading.copy) PARTITION BY RANGE (ts_utc);
ALTER TABLE data_bars ADD PRIMARY KEY (canonical_symbol, timeframe, ts_utc), ALTER source SET DEFAULT 'ingest', ALTER is_partial SET DEFAULT false;
CREATE TABLE minutes_0 PARTITION OF data_bars FOR VALUES FROM ('2025-07-01 00:00+00') TO ('2025-07-01 00:10+00');
CREATE TABLE minutes_1 PARTITION OF data_bars FOR VALUES FROM ('2025-07-01 00:10+00') TO ('2025-07-01 00:20+00');
CREATE TABLE minutes_2 PARTITION OF data_bars DEFAULT;
CREATE EXTENSION aggregation SCHEMA public;
SELECT count(*) >= 0 AS ready FROM agg_setup();
-- offered, but not made, where the table was there
SELECT object, action, detail FROM agg_setup(true);
SELECT count(*) FROM agg_setup();
INSERT INTO data_bars SELECT * FROM reading.copy;
ANALYZE data_bars;
SELECT reading.tasks(3000);
\! sh -c "$SCANS" "SELECT reading.tick()"
-- 5m bars into hours: derived bars have no index by time, and most of them are others'
DROP SCHEMA reading CASCADE;
DROP EXTENSION aggregation CASCADE;
DROP TABLE data_bars, derived_data_bars, data_agg_state, core_asset_registry_all CASCADE;
