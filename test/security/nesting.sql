-- What an operation fires cannot run another one: a trigger that runs tasks while a run stores theirs nested a run in each row, and no budget ended it.
\ir ../pgtap/include/tap.psql
\ir ../pgtap/include/refusals.psql
DO $$ BEGIN PERFORM agg_setup(); END $$;
\ir ../pgtap/include/market.psql
SELECT no_plan();
SELECT world.task('S' || i, '5m'), world.minutes('S' || i, '2025-07-01 00:00+00', 20) FROM generate_series(1, 8) AS i;
CREATE TABLE said (state text, message text, hint text);
CREATE FUNCTION again() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM public.agg_run_batch(p_now_utc => '2025-07-02'); RETURN NEW; END $$;
CREATE TRIGGER again BEFORE UPDATE ON data_agg_state FOR EACH ROW EXECUTE FUNCTION again();
CALL agg_run(p_now_utc => '2025-07-02', p_time_budget => '0 seconds');
SELECT is(count(*), 0::bigint, 'a run that nests gets nowhere') FROM derived_data_bars;
CALL agg_run(p_now_utc => '2025-07-02');
SELECT is(count(*), 0::bigint, 'nor without haste') FROM derived_data_bars;
SELECT matches(agg_run_batch(p_now_utc => '2025-07-02') ->> 'failures', 'cannot be called by code that another function of the extension fires.*55000', 'it says why');
DROP TRIGGER again ON data_agg_state;

-- Each operation that works, tried by a trigger that catches what it is told.
CREATE FUNCTION try_all() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
	s text;
	a record;
BEGIN
	IF EXISTS (SELECT FROM public.said) THEN
		RETURN NEW;
	END IF;
	FOREACH s IN ARRAY ARRAY['agg_run_batch()', 'catchup_aggregation_range(''S1'', ''5m'', ''2025-07-01'')', 'agg_aggregate_tasks(''{S1}'', ''{5m}'')', 'calc_dxy_range_1m(''2025-07-01'', ''2025-07-02'')',
		'sync_agg_state_from_registry()', 'agg_setup()', 'agg_start(''S1'', ''5m'')', 'agg_finish(''S1'', ''5m'', true)', 'agg_get_due_tasks(''prod'')', 'agg_verify()', 'agg_verify_sample()',
		'derived_rebuild_range(''S1'', ''5m'', ''2025-07-01'', ''2025-07-02'')', 'aggregate_window(''S1'', ''5m'', ''2025-07-01 00:00+00'', ''2025-07-01 00:05+00'')', 'agg_retire_source(''2025-07-01'')',
		'agg_reset_cursor()', 'ops_runlog_prune(''a'', ''b'')'] LOOP
		a := public.probe_attempt('SELECT public.' || s);
		INSERT INTO public.said VALUES (a.state, a.message, a.hint);
	END LOOP;
	PERFORM public.agg_mark_changed('S1', '2025-07-01 00:00+00', '2025-07-01 00:05+00'), public.agg_wake();
	RETURN NEW;
END
$$;
CREATE FUNCTION probe_attempt(statement text, OUT state text, OUT message text, OUT hint text) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
END
$$;
CREATE TRIGGER try_all BEFORE INSERT ON derived_data_bars FOR EACH ROW EXECUTE FUNCTION try_all();
CALL agg_run(p_now_utc => '2025-07-03');
SELECT is(count(*), 16::bigint, 'all were tried') FROM said;
SELECT is_empty($$SELECT * FROM said WHERE state IS DISTINCT FROM '55000' OR message NOT LIKE '"%" cannot be called by code that another function of the extension fires' OR hint IS NULL$$, 'each is refused, and named');
SELECT is(count(*), 32::bigint, 'and the run that fired them goes on') FROM derived_data_bars;
DROP TRIGGER try_all ON derived_data_bars;
SELECT is(agg_run_batch(p_now_utc => '2025-07-04') ->> 'success', 'true', 'the session is free again');

-- A failing batch is halved until the time is up, and down to one task in any case.
CREATE FUNCTION always_fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$;
SELECT world.minutes('S' || i, '2025-07-01 00:20+00', 20) FROM generate_series(1, 8) AS i;
CREATE TRIGGER fail BEFORE INSERT ON derived_data_bars FOR EACH ROW EXECUTE FUNCTION always_fail();
CALL agg_run(p_now_utc => '2025-07-05', p_time_budget => '0 seconds');
SELECT is(count(*), 1::bigint, 'without a budget one task is tried alone') FROM data_agg_state WHERE last_error LIKE '%no%';
CALL agg_run(p_now_utc => '2025-07-05', p_time_budget => '0 seconds');
SELECT is(sum(hard_fail_streak), 2::bigint, 'one more by the next call') FROM data_agg_state;
CALL agg_run(p_now_utc => '2025-07-05');
SELECT is(count(*), 8::bigint, 'with one, all') FROM data_agg_state WHERE last_error LIKE '%no%';
SELECT * FROM finish();
