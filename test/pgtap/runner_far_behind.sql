-- What of a batch is run at once where many tasks are far behind: some 100,000 windows, of few tasks instead of a little of all.
\ir include/tap.psql
\ir include/refusals.psql
DO $$ BEGIN PERFORM agg_setup(); END $$;
\ir include/market.psql
SELECT no_plan();

-- 150 symbols are 1,000 windows behind, ten others one window; those ten are the least urgent. A window has too few minutes for a bar here,
-- which is looked at all the same.
SELECT world.task('FAR' || i, '5m') FROM generate_series(1, 150) AS i;
SELECT world.task('NEW' || i, '5m', mandatory => false) FROM generate_series(1, 10) AS i;
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol)
SELECT 'FAR' || i, '1m', timestamptz '2025-07-01 00:00+00' + m * interval '5 minutes', 1, 1, 1, 1, 1 FROM generate_series(1, 150) AS i, generate_series(0, 999) AS m;
SELECT world.minutes('NEW' || i, '2025-07-04 11:15+00', 5) FROM generate_series(1, 10) AS i;
UPDATE data_agg_state SET last_agg_bar_ts_utc = '2025-07-04 11:15+00' WHERE canonical_symbol LIKE 'NEW%';

CREATE FUNCTION reached() RETURNS TABLE (who text, windows bigint, tasks bigint) LANGUAGE sql AS $$
	SELECT left(canonical_symbol, 3), (extract(epoch FROM coalesce(last_agg_bar_ts_utc, agg_start_utc) - agg_start_utc) / 300)::bigint, count(*)
	FROM data_agg_state GROUP BY 1, 2 ORDER BY 1, 2
$$;

SELECT probe.answers(agg_run_batch(p_now_utc => '2025-07-04 11:21+00'), '{"continue": true, "task_runs": 110, "tasks": 110, "windows_processed": 100010, "bars_created": 10}',
	'a batch stops at 100,000 windows');
SELECT results_eq('SELECT * FROM reached()', $$VALUES ('FAR', 0::bigint, 50::bigint), ('FAR', 1000, 100), ('NEW', 1000, 10)$$,
	'each of its tasks went as far as it may, and all that were nearly up to date are among them');
SELECT probe.answers(agg_run_batch(p_now_utc => '2025-07-04 11:21+00'), '{"continue": false, "task_runs": 50, "windows_processed": 50000}', 'the next one takes the others');
SELECT results_eq('SELECT * FROM reached()', $$VALUES ('FAR', 1000::bigint, 150::bigint), ('NEW', 1000, 10)$$, 'which are at the end then');

-- What is far behind by its cursor alone costs no windows: all of it is in one batch.
UPDATE data_agg_state SET last_agg_bar_ts_utc = NULL, next_run_at = NULL;
DELETE FROM data_bars WHERE canonical_symbol LIKE 'FAR%' AND ts_utc <> '2025-07-04 11:15+00';
SELECT probe.answers(agg_run_batch(p_now_utc => '2025-07-04 11:21+00'), '{"continue": false, "task_runs": 160, "windows_processed": 160}',
	'tasks far behind without source do not fill a batch');

-- Hours that are more urgent than the 5m bars that they are made of, and whose list is never done in one batch: they come again until they
-- are done.
TRUNCATE data_bars, derived_data_bars, data_agg_state;
SELECT world.task('FAR' || i, '5m', mandatory => false), world.task('FAR' || i, '1h') FROM generate_series(1, 60) AS i;
SELECT world.minutes('FAR' || i, '2025-07-01 00:00+00', 4 * 1440) FROM generate_series(1, 60) AS i;
CALL agg_run(p_now_utc => '2025-07-05 00:01+00');
SELECT results_eq('SELECT timeframe, count(*), min(source_candles), max(last_agg_bar_ts_utc) FROM derived_data_bars JOIN data_agg_state USING (canonical_symbol, timeframe) GROUP BY timeframe ORDER BY timeframe',
	$$VALUES ('1h', 5760::bigint, 12, timestamptz '2025-07-05 00:00+00'), ('5m', 69120, 5, '2025-07-05 00:00+00')$$, 'all of it is made');
SELECT * FROM finish();
