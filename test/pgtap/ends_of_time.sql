-- timestamptz reaches further than the times that there are: a window of 5,200 weeks and an interval of any length still fit behind them. So no time is
-- stored that a dump could not bring back, whatever a feed delivers and a worker says.
\ir include/tap.psql
\ir include/refusals.psql
DO $$ BEGIN PERFORM agg_setup(); END $$;
\ir include/market.psql
SELECT no_plan();

-- Every time that is stored can be read again.
CREATE FUNCTION unreadable() RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	c record;
	t text;
BEGIN
	FOR c IN SELECT k.relname, a.attname, a.atttypid = 'timestamptz[]'::regtype AS is_array FROM pg_class k JOIN pg_attribute a ON a.attrelid = k.oid AND a.attnum > 0
		WHERE k.relnamespace = 'public'::regnamespace AND k.relkind = 'r' AND a.atttypid IN ('timestamptz'::regtype, 'timestamptz[]'::regtype) LOOP
		FOR t IN EXECUTE format(CASE WHEN c.is_array THEN 'SELECT u::text FROM %I, unnest(%I) AS u' ELSE 'SELECT %2$I::text FROM %1$I' END, c.relname, c.attname) LOOP
			BEGIN
				PERFORM t::timestamptz;
			EXCEPTION WHEN OTHERS THEN
				RETURN NEXT c.relname || '.' || c.attname || ' ' || t;
			END;
		END LOOP;
	END LOOP;
END
$$;

SELECT world.task('A', '5m');
SELECT world.task('A', '5200w', '-infinity');
UPDATE data_agg_state SET source_timeframe = '1m' WHERE timeframe = '5200w';
SELECT world.minutes('A', '2025-07-01 00:00+00', 10);
SELECT agg_run_batch(p_now_utc => '2025-07-02') \g /dev/null

-- A feed with bars where there are no times.
SELECT count(*) AS logged FROM agg_change_log \gset
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) SELECT 'A', '1m', t, 1, 1, 1, 1
FROM unnest('{294276-12-31 23:59+00,290000-01-01 00:00+00,4714-11-24 00:00+00 BC,4601-12-31 23:59+00 BC}'::timestamptz[]) AS t;
SELECT is(count(*), :logged::bigint, 'bars where there are no times are not noted') FROM agg_change_log;
SELECT is_empty('SELECT * FROM unreadable()', 'nothing is stored that could not be read again');
SELECT lives_ok('SELECT * FROM v_aggregation_frontier_health', 'the health view can be read');
SELECT is(max(max_source_ts), '2025-07-01 00:09+00'::timestamptz, 'and does not count them') FROM v_aggregation_frontier_health;
SELECT probe.answers(agg_run_batch(p_now_utc => '289999-12-31 00:00+00'), '{"success": true}', 'nor does a run, whenever');
SELECT is(max(last_agg_bar_ts_utc) FILTER (WHERE timeframe = '5m'), '2025-07-01 00:10+00'::timestamptz, 'no cursor goes there') FROM data_agg_state;
SELECT probe.answers(catchup_aggregation_range('A', '5m', '2025-07-01 00:10+00', 10, '289999-12-31 00:00+00'), '{"reason": "cursor_beyond_source_data"}', 'there is no source ahead');
SELECT is_empty('SELECT * FROM agg_verify() WHERE explanation IS NULL', 'and the proof misses none');
TRUNCATE data_bars;
SELECT is_empty('SELECT * FROM unreadable()', 'a table that is emptied');
SELECT is(max(u), '2025-07-01 00:10+00'::timestamptz, 'is noted up to its last bar') FROM agg_change_log, unnest(to_utc) AS u;
SELECT agg_run_batch(p_now_utc => '2025-07-03') \g /dev/null

-- The first and the last times that there are, in the widest windows.
SELECT world.task('B', '5200w', '-infinity');
SELECT world.task('B', '7m', '-infinity');
UPDATE data_agg_state SET source_timeframe = '1m' WHERE canonical_symbol = 'B';
SELECT world.minutes('B', '4600-01-01 00:00+00 BC', 10);
SELECT world.minutes('B', '289999-12-31 23:50+00', 10);
SELECT agg_run_batch(p_now_utc => '289999-12-31 23:59:59+00') \g /dev/null
UPDATE data_bars SET close = close + 1 WHERE canonical_symbol = 'B';
SELECT agg_mark_changed('B', '4600-01-01 00:00+00 BC', '289999-12-31 23:59:59+00') \g /dev/null
SELECT agg_run_batch(p_now_utc => '289999-12-31 23:59:59+00') \g /dev/null
SELECT agg_finish('B', '5200w', false, p_fail_kind => 'transient', p_error => 'x', p_now_utc => '289999-12-31 23:59:59+00') \g /dev/null
SELECT is_empty('SELECT * FROM unreadable()', 'the ends of time leave nothing that could not be read again');

-- Clocks, cursors and starts.
SELECT probe.refuses(call, '22008', '%4600 BC and 290000 AD%', '%', call) FROM unnest(ARRAY[
	$$SELECT agg_finish('A', '5m', true, '294276-12-31 23:59:59.999999+00', p_now_utc => '294276-12-31 23:59:59.999999+00')$$, $$SELECT agg_set_start('A', '5m', '294276-12-31 23:59:59.999999+00')$$,
	$$SELECT agg_set_start('A', '5m', '4714-11-24 00:00+00 BC')$$, $$SELECT agg_run_batch(p_now_utc => '290000-01-01 00:00+00')$$, $$SELECT agg_mark_changed('A', '2025-01-01', '294276-12-31 23:59+00')$$]) AS call;
UPDATE data_agg_state SET agg_start_utc = '294276-12-31 23:59:59.999999+00' WHERE canonical_symbol = 'A' AND timeframe = '5m';
SELECT probe.refuses($$SELECT agg_bootstrap_cursor('A', '5m')$$, '22008', 'agg\_start\_utc of task A/5m is 294276-12-31%', '%290000%', 'a start by hand after the end of time');
UPDATE data_agg_state SET agg_start_utc = '4714-11-24 00:00+00 BC', last_agg_bar_ts_utc = NULL WHERE canonical_symbol = 'A' AND timeframe = '5m';
SELECT is(agg_bootstrap_cursor('A', '5m'), '4600-01-01 00:00+00 BC'::timestamptz, 'one before all times is the first of them');

SELECT * FROM finish();
