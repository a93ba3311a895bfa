-- What the proof of an index's minutes costs: rows that its statements look at, as EXPLAIN ANALYZE counts them, node by node. Four times as many
-- minutes are four times as much work, with statistics and without; a join of prices with prices would make it sixteen times.
\ir include/tap.psql
DO $$ BEGIN PERFORM agg_setup(); END $$;
SELECT no_plan();
SET timezone = 'UTC';
\setenv PGDATABASE :DBNAME
\setenv PGHOST :HOST
\setenv PGPORT :PORT
\setenv PGUSER :USER
\setenv PGOPTIONS '-c TimeZone=UTC -c session_preload_libraries=auto_explain -c auto_explain.log_min_duration=0 -c auto_explain.log_nested_statements=on -c auto_explain.log_analyze=on -c auto_explain.log_timing=off -c client_min_messages=log'
\setenv ROWS 's/.*rows=([0-9.]+) loops=([0-9]+)\\).*/\\1 \\2/p; s/.*Rows Removed by [A-Za-z ]+: ([0-9]+)/\\1/p'
\setenv SUM 'NF == 2 { loops = $2; sum += $1 * $2 } NF == 1 { sum += $1 * loops } END { printf "%d", sum }'
\setenv WORK 'psql -X -q -o /dev/null -c "SELECT agg_verify($0)" 2>&1 | sed -nE "$ROWS" | awk "$SUM"'

INSERT INTO agg_indexes (canonical_symbol, components, exponents, carry_minutes) VALUES ('CARRIED', '{A,B,C}', '{1,-1,0.5}', 7), ('PLAIN', '{A,B,C}', '{1,-1,0.5}', 0);
INSERT INTO data_agg_state (canonical_symbol, timeframe, source_timeframe, agg_start_utc) VALUES ('CARRIED', '1h', '1m', '2025-07-01'), ('PLAIN', '1h', '1m', '2025-07-01');
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close)
SELECT s.symbol, '1m', t, 1, 1, 1, 1 + extract(minute FROM t) / 64
FROM generate_series('2025-07-01'::timestamptz, '2025-07-04 00:00', '1 minute') WITH ORDINALITY AS t(t, i)
JOIN (VALUES ('A', 3), ('B', 4), ('C', 5)) AS s(symbol, every) ON i % every <> 0;
SELECT * FROM agg_aggregate_tasks('{CARRIED,PLAIN}', '{1h,1h}', 1000, '2025-07-04 00:01') \g /dev/null
SELECT cmp_ok((SELECT count(*) FROM data_bars WHERE canonical_symbol = 'CARRIED'), '>', 4000::bigint, 'minutes of every kind');
SELECT is_empty('SELECT * FROM agg_verify()', 'are proved');

\set carried_short `sh -c "$WORK" "'CARRIED', NULL, '2025-07-01 00:00', '2025-07-01 17:00'"`
\set carried_long `sh -c "$WORK" "'CARRIED', NULL, '2025-07-01 00:00', '2025-07-03 20:00'"`
\set plain_short `sh -c "$WORK" "'PLAIN', NULL, '2025-07-01 00:00', '2025-07-01 17:00'"`
\set plain_long `sh -c "$WORK" "'PLAIN', NULL, '2025-07-01 00:00', '2025-07-03 20:00'"`
ANALYZE data_bars;
\set known_short `sh -c "$WORK" "'CARRIED', NULL, '2025-07-01 00:00', '2025-07-01 17:00'"`
\set known_long `sh -c "$WORK" "'CARRIED', NULL, '2025-07-01 00:00', '2025-07-03 20:00'"`
SELECT cmp_ok(:carried_short, '>', 1020 * 3, 'the rows are counted');
SELECT cmp_ok(:carried_long, '<', 6 * :carried_short, format('four times the carried minutes: %s rows, then %s', :carried_short, :carried_long));
SELECT cmp_ok(:plain_long, '<', 6 * :plain_short, format('minutes without carry: %s, then %s', :plain_short, :plain_long));
SELECT cmp_ok(:known_long, '<', 6 * :known_short, format('with statistics: %s, then %s', :known_short, :known_long));
SELECT * FROM finish();
