-- When a finished task runs next, against the reference: soon after its next window closes, at most one run interval later; a late source is
-- asked again soon, a dead one seldom.
\ir include/tap.psql
\ir include/refusals.psql
DO $$ BEGIN PERFORM agg_setup(); END $$;
\ir ../reference/oracle.sql
\ir include/market.psql
SELECT no_plan();

CREATE FUNCTION next_run(tf text, run_minutes int, delay_s int, old_cursor timestamptz, new_cursor timestamptz, windows int, now_utc timestamptz) RETURNS timestamptz LANGUAGE plpgsql AS $$
BEGIN
	DELETE FROM data_agg_state;
	PERFORM world.task('T', next_run.tf, '1900-01-01 00:00+00', delay_s);
	UPDATE data_agg_state SET run_interval_minutes = run_minutes, last_agg_bar_ts_utc = old_cursor;
	PERFORM agg_start('T', next_run.tf, now_utc);
	PERFORM agg_finish('T', next_run.tf, true, new_cursor, jsonb_build_object('windows_processed', windows, 'bars_created', windows), NULL, NULL, now_utc);
	RETURN (SELECT next_run_at FROM data_agg_state);
END
$$;

CREATE TABLE cases (why text, tf text, run_minutes int, delay_s int, old_cursor timestamptz, windows int, now_utc timestamptz);
INSERT INTO cases VALUES
	('on time: when the next window is confirmed', '5m', 5, 30, '2025-07-01 10:00+00', 1, '2025-07-01 10:05:31+00'),
	('an hour: the run interval comes first', '1h', 5, 30, '2025-07-01 09:00+00', 1, '2025-07-01 10:00:31+00'),
	('an hour that runs hourly', '1h', 60, 30, '2025-07-01 09:00+00', 1, '2025-07-01 10:00:31+00'),
	('nothing to do, not yet time', '5m', 5, 30, '2025-07-01 10:05+00', 0, '2025-07-01 10:07:00+00'),
	('nothing to do at the very moment', '5m', 5, 30, '2025-07-01 10:00+00', 0, '2025-07-01 10:05:30+00'),
	('nothing to do, late by a second', '5m', 5, 30, '2025-07-01 10:00+00', 0, '2025-07-01 10:05:31+00'),
	('late by ten seconds', '5m', 5, 30, '2025-07-01 10:00+00', 0, '2025-07-01 10:05:40+00'),
	('late by eleven', '5m', 5, 30, '2025-07-01 10:00+00', 0, '2025-07-01 10:05:41+00'),
	('late by four minutes', '5m', 5, 30, '2025-07-01 10:00+00', 0, '2025-07-01 10:09:30+00'),
	('late by a weekend', '5m', 5, 30, '2025-07-04 21:55+00', 0, '2025-07-06 20:00:00+00'),
	('late by a weekend, a day''s bars', '1d', 1440, 30, '2025-07-04 00:00+00', 0, '2025-07-06 20:00:00+00'),
	('a week', '1w', 60, 0, '2025-06-30 00:00+00', 1, '2025-07-07 00:00:00+00'),
	('no delay', '15m', 15, 0, '2025-07-01 10:00+00', 1, '2025-07-01 10:15:00.5+00');
SELECT is(next_run(tf, run_minutes, delay_s, old_cursor, old_cursor + windows * oracle.width(tf), windows, now_utc),
	oracle.next_run_after_success(now_utc, tf, old_cursor + windows * oracle.width(tf), make_interval(secs => delay_s), make_interval(mins => run_minutes), windows > 0), why) FROM cases;
SELECT cmp_ok(next_run('5m', 5, 30, '2025-07-01 10:00+00', '2025-07-01 10:05+00', 1, '2025-07-01 18:00+00'), '<=', '2025-07-01 18:00+00'::timestamptz, 'work was done and more is confirmed: due at once');
SELECT is(next_run('5m', 5, 30, '2025-07-01 10:05+00', NULL, 0, '2025-07-01 10:07:00+00'), '2025-07-01 10:10:30+00', 'a finish without a cursor goes by the stored one');

-- After a failure.
SELECT world.task('F', '1h', '1900-01-01 00:00+00');
SELECT agg_finish('F', '1h', false, NULL, NULL, 'transient', 'x', '2025-07-01 10:00+00') \g /dev/null
SELECT is(next_run_at, '2025-07-01 10:01+00', 'a transient failure: a minute') FROM data_agg_state WHERE canonical_symbol = 'F';
SELECT agg_finish('F', '1h', false, NULL, NULL, 'hard', 'x', '2025-07-01 10:00+00') \g /dev/null
SELECT is(next_run_at, '2025-07-01 11:00+00', 'any other: the run interval') FROM data_agg_state WHERE canonical_symbol = 'F';
UPDATE data_agg_state SET run_interval_minutes = 0;
SELECT agg_finish('F', '1h', false, NULL, NULL, 'transient', 'x', '2025-07-01 10:00+00') \g /dev/null
SELECT cmp_ok(next_run_at, '>=', '2025-07-01 10:00+00'::timestamptz, 'a run interval of zero is not the past') FROM data_agg_state WHERE canonical_symbol = 'F';

-- The engine schedules as agg_finish does.
DELETE FROM data_agg_state;
SELECT world.task('E', '5m');
SELECT world.minutes('E', '2025-07-01 00:00+00', 7);
SELECT reason FROM agg_aggregate_tasks(ARRAY['E'], ARRAY['5m'], 10, '2025-07-01 00:05:31+00') \g /dev/null
SELECT is(next_run_at, '2025-07-01 00:10:30+00', 'the engine: when the next window is confirmed') FROM data_agg_state;
SELECT reason FROM agg_aggregate_tasks(ARRAY['E'], ARRAY['5m'], 10, '2025-07-01 00:10:30+00') \g /dev/null
SELECT reason FROM agg_aggregate_tasks(ARRAY['E'], ARRAY['5m'], 10, '2025-07-01 00:16:30+00') \g /dev/null
SELECT is(next_run_at, '2025-07-01 00:17:00+00', 'the engine: late by a minute, half of it') FROM data_agg_state;

-- Behind a gap it waits for the window of the next source, and not for the empty one at its cursor, which is over for long.
DELETE FROM data_agg_state;
SELECT world.task('G', '5m');
SELECT world.minutes('G', '2025-07-01 00:20+00', 2);
CALL agg_run(p_now_utc => '2025-07-01 00:22+00');
SELECT results_eq('SELECT next_run_at, waiting_since_utc, total_runs FROM data_agg_state', $$VALUES ('2025-07-01 00:25:30+00'::timestamptz, NULL::timestamptz, 1::bigint)$$, 'behind a gap: when the window of the next source is confirmed');
CALL agg_run(p_now_utc => '2025-07-01 00:23+00');
SELECT is(total_runs, 1::bigint, 'it is not run in vain until then') FROM data_agg_state;
SELECT world.minutes('G', '2025-07-01 00:22+00', 3);
CALL agg_run(p_now_utc => '2025-07-01 00:25:30+00');
SELECT is(last_agg_bar_ts_utc, '2025-07-01 00:25+00', 'and then it is made') FROM data_agg_state;

SELECT * FROM finish();
