-- Twice is once: a re-run over source that did not change reports the same numbers and writes nothing, not a row, not a byte of WAL.
\ir include/tap.psql
\ir include/refusals.psql
DO $$ BEGIN PERFORM agg_setup(); END $$;
\ir include/market.psql
SELECT no_plan();

SELECT world.task('EURUSD', tf) FROM unnest(ARRAY['5m', '15m', '30m', '1h', '4h', '1d', '1w']) AS tf;
SELECT world.minutes('EURUSD', '2025-07-01 00:00+00', 20 * 1440);
DELETE FROM data_bars WHERE extract(minute FROM ts_utc) IN (7, 8, 33, 51, 52, 53); -- fair, poor and missing windows
UPDATE data_bars SET vwap = 'NaN' WHERE extract(minute FROM ts_utc) = 11;
CREATE TABLE runs (run int, tf text, answer jsonb);
CREATE PROCEDURE run_all(run int) LANGUAGE plpgsql AS $$
DECLARE
	tf text;
	answer jsonb;
BEGIN
	FOREACH tf IN ARRAY ARRAY['5m', '15m', '30m', '1h', '4h', '1d', '1w'] LOOP
		answer := catchup_aggregation_range('EURUSD', tf, '2025-07-01', 100000, '2026-01-01');
		INSERT INTO runs VALUES (run, tf, answer);
		UPDATE data_agg_state AS t SET last_agg_bar_ts_utc = (answer ->> 'cursor_advanced_to')::timestamptz WHERE t.timeframe = tf;
	END LOOP;
END
$$;
CALL run_all(1);
VACUUM ANALYZE;
CREATE TABLE places AS SELECT canonical_symbol, timeframe, ts_utc, ctid AS place, xmin::text AS writer, updated_at FROM derived_data_bars;
CALL run_all(2);
SELECT is((two.answer ->> 'bars_created')::int, (one.answer ->> 'bars_created')::int, 'the same number of bars of ' || tf)
FROM runs AS one JOIN runs AS two USING (tf) WHERE one.run = 1 AND two.run = 2 ORDER BY one.answer ->> 'bars_created';
SELECT probe.answers(answer, jsonb_build_object('bars_inserted', 0, 'bars_updated', 0, 'bars_deleted', 0, 'bars_unchanged', answer -> 'bars_created'), 'all of them unchanged: ' || tf) FROM runs WHERE run = 2 ORDER BY tf;
SELECT is_empty($$(SELECT canonical_symbol, timeframe, ts_utc, ctid, xmin::text, updated_at FROM derived_data_bars EXCEPT ALL TABLE places)
	UNION ALL (TABLE places EXCEPT ALL SELECT canonical_symbol, timeframe, ts_utc, ctid, xmin::text, updated_at FROM derived_data_bars)$$, 'every row in its place, by its writer, with its time');

-- WAL, as this backend counts it.
CREATE FUNCTION wal_bytes_of(statement text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE 'EXPLAIN (ANALYZE, WAL, FORMAT JSON) ' || statement INTO plan;
	RETURN (plan -> 0 -> 'Plan' ->> 'WAL Bytes')::bigint;
END
$$;
SELECT cmp_ok(wal_bytes_of($$SELECT catchup_aggregation_range('EURUSD', '5m', '2025-07-01', 100000, '2026-01-01', 2)$$), '>', 1000::bigint, 'a new version writes (this measure can fail)');
-- Dead rows that VACUUM had to leave, because another session of the cluster could still see them, are pruned by the first session that reads them.
VACUUM;
SELECT is(min(wal_bytes_of($$SELECT catchup_aggregation_range('EURUSD', '5m', '2025-07-01', 100000, '2026-01-01', 2)$$)), 0::bigint, 'a re-run writes no WAL')
FROM generate_series(1, 3);
SELECT is(wal_bytes_of($$SELECT aggregate_window('EURUSD', '5m', '2025-07-01 00:00+00', '2025-07-01 00:05+00', 2)$$), 0::bigint, 'nor does a window that is as it was');

-- One changed minute is one changed bar, and only its updated_at moves.
UPDATE data_bars SET high = 1e6 WHERE ts_utc = '2025-07-09 10:02+00';
DROP TABLE places;
CREATE TABLE places AS SELECT ts_utc, ctid AS place, updated_at FROM derived_data_bars WHERE timeframe = '5m' AND deleted_at IS NULL;
SELECT probe.answers(catchup_aggregation_range('EURUSD', '5m', '2025-07-01', 100000, '2026-01-01', 2), '{"bars_updated": 1, "bars_inserted": 0}', 'one bar is rewritten');
SELECT results_eq($$SELECT b.ts_utc, b.updated_at > p.updated_at FROM derived_data_bars AS b JOIN places AS p USING (ts_utc) WHERE b.timeframe = '5m' AND b.deleted_at IS NULL AND (b.ctid, b.updated_at) IS DISTINCT FROM (p.place, p.updated_at)$$,
	$$VALUES ('2025-07-09 10:00+00'::timestamptz, true)$$, 'that one');

-- The engine, with its cursors set back.
CREATE TABLE state_before AS SELECT probe.fingerprint() AS digest;
UPDATE data_agg_state SET last_agg_bar_ts_utc = NULL;
DROP TABLE places;
CREATE TABLE places AS SELECT canonical_symbol, timeframe, ts_utc, ctid AS place, xmin::text AS writer, updated_at FROM derived_data_bars;
SELECT results_eq($$SELECT bars_unchanged = bars_created, bars_inserted + bars_updated + bars_deleted FROM agg_aggregate_tasks(ARRAY['EURUSD'], ARRAY['5m'], 100000, '2026-01-01', 2)$$, 'VALUES (true, 0::bigint)', 'the engine finds everything as it was');
SELECT is_empty($$SELECT canonical_symbol, timeframe, ts_utc, ctid, xmin::text, updated_at FROM derived_data_bars EXCEPT ALL TABLE places$$, 'and writes no bar');

SELECT * FROM finish();
