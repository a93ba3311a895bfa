-- The session's limits: a read-only transaction, a time-out in mid-call, as little work_mem as there can be, a transaction that fails later.
\ir include/tap.psql
\ir include/refusals.psql
DO $$ BEGIN PERFORM agg_setup(); END $$;
\ir include/market.psql
SELECT no_plan();
SELECT world.task('EURUSD', tf, '2020-01-01 00:00+00') FROM unnest(ARRAY['5m', '1h']) AS tf;
SELECT world.minutes('EURUSD', '2020-01-01 00:00+00', 600000);
ANALYZE;

-- Read-only. What only reads, works; what writes, says so.
CREATE FUNCTION read_only_attempt(statement text, OUT state text, OUT message text) LANGUAGE plpgsql AS $$
BEGIN
	SET LOCAL transaction_read_only = on;
	EXECUTE statement;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT;
END
$$;
CREATE TABLE writers (statement text);
INSERT INTO writers VALUES ($$SELECT catchup_aggregation_range('EURUSD', '5m', '2020-01-01 00:00+00', 10, '2022-01-01')$$), ($$SELECT agg_start('EURUSD', '5m', '2022-01-01')$$),
	($$SELECT agg_finish('EURUSD', '5m', true, '2020-01-01 00:05+00', NULL, NULL, NULL, '2022-01-01')$$), ($$SELECT sync_agg_state_from_registry('prod', '2020-02-01')$$),
	($$SELECT aggregate_window('EURUSD', '5m', '2020-01-01 00:00+00', '2020-01-01 00:05+00')$$), ($$SELECT * FROM agg_aggregate_tasks(ARRAY['EURUSD'], ARRAY['5m'], 10, '2022-01-01')$$), ($$SELECT * FROM agg_setup()$$);
DROP INDEX idx_agg_state_due_priority; -- something for agg_setup to do
CREATE TABLE read_only AS SELECT statement, NULL::text AS state, NULL::text AS message FROM writers WHERE false;
DO $$
DECLARE
	w text;
	outcome record;
BEGIN
	FOR w IN SELECT statement FROM writers LOOP
		outcome := read_only_attempt(w); -- its subtransaction ends read-only mode again
		INSERT INTO read_only VALUES (w, outcome.state, outcome.message);
	END LOOP;
END
$$;
SELECT is(state, '25006', 'read-only: ' || statement) FROM read_only;
SELECT is((SELECT count(*) FROM derived_data_bars), 0::bigint, 'nothing was written');
DO $$ BEGIN PERFORM agg_setup(); END $$;
BEGIN READ ONLY;
SELECT agg_bootstrap_cursor('EURUSD', '5m') AS boundary, (SELECT count(*) FROM agg_setup(true)) AS steps \gset
COMMIT;
SELECT is(:'boundary'::timestamptz, '2020-01-01 00:00+00', 'bootstrap only reads');
SELECT is(:steps, 0, 'so does a dry run');

-- A time-out in the middle of a long call. 600,000 minutes take longer than this on any machine.
CREATE TABLE long_calls (statement text);
INSERT INTO long_calls VALUES ($$SELECT catchup_aggregation_range('EURUSD', '5m', '2020-01-01 00:00+00', 1000000, '2022-01-01')$$), ($$SELECT * FROM agg_aggregate_tasks(ARRAY['EURUSD', 'EURUSD'], ARRAY['5m', '1h'], 1000000, '2022-01-01')$$);
CREATE TABLE timed_out (statement text, state text, message text);
SET statement_timeout = '40ms'; -- a statement each: the time runs anew
INSERT INTO timed_out SELECT statement, a.state, a.message FROM long_calls, probe.attempt(statement) AS a WHERE statement LIKE '%catchup%';
INSERT INTO timed_out SELECT statement, a.state, a.message FROM long_calls, probe.attempt(statement) AS a WHERE statement LIKE '%tasks%';
RESET statement_timeout;
SELECT is(state || ' ' || message, '57014 canceling statement due to statement timeout', 'timed out: ' || statement) FROM timed_out;
SELECT is(count(*), 2::bigint, 'both') FROM timed_out;

SELECT is((SELECT count(*) FROM derived_data_bars), 0::bigint, 'a time-out leaves nothing behind');
SELECT probe.answers(catchup_aggregation_range('EURUSD', '5m', '2020-01-01 00:00+00', 10, '2022-01-01'), '{"windows_processed": 10, "bars_inserted": 10}', 'and the backend goes on');

-- As little memory as there can be.
SET work_mem = '64kB';
SET maintenance_work_mem = '1MB';
SELECT probe.answers(catchup_aggregation_range('EURUSD', '5m', '2020-01-01 00:00+00', 1000000, '2022-01-01'), '{"windows_processed": 120000, "bars_created": 120000, "bars_unchanged": 10}', 'work_mem of 64 kB is enough');
SELECT is(count(*), 120000::bigint, 'for 120,000 bars') FROM derived_data_bars;
RESET work_mem;
RESET maintenance_work_mem;

-- A huge number of windows is only a limit.
SELECT probe.answers(catchup_aggregation_range('EURUSD', '5m', '2021-02-20 00:00+00', 2147483647, '2022-01-01'), '{"reason": "frontier"}', 'as many windows as an int can say');

-- A transaction that fails later takes everything back: bars, cursor and totals go together.
UPDATE data_agg_state SET last_agg_bar_ts_utc = '2020-01-01 00:00+00';
CREATE TABLE before AS SELECT count(*) AS bars, (SELECT jsonb_agg(to_jsonb(t) ORDER BY timeframe) FROM data_agg_state AS t) AS tasks FROM derived_data_bars;
BEGIN;
SELECT sum(bars_created) FROM agg_aggregate_tasks(ARRAY['EURUSD'], ARRAY['1h'], 100, '2022-01-01') \g /dev/null
ROLLBACK;
SELECT is(count(*), bars, 'the bars of a transaction that was taken back') FROM derived_data_bars, before GROUP BY bars;
SELECT is((SELECT jsonb_agg(to_jsonb(t) ORDER BY timeframe) FROM data_agg_state AS t), tasks, 'and its tasks') FROM before;

SELECT * FROM finish();
