-- agg_partition_by_month(): tables of bars become partitioned by month, and runs keep making partitions.
\ir include/tap.psql
\ir include/refusals.psql
DO $$ BEGIN PERFORM agg_setup(); END $$;
SELECT no_plan();
SET timezone = 'America/New_York'; -- months are UTC's
SET client_min_messages = warning;
CREATE FUNCTION parts(whole text) RETURNS TABLE (part text, bound text) LANGUAGE sql SET timezone = 'UTC' AS $$
	SELECT c.relname::text COLLATE "default", pg_get_expr(c.relpartbound, c.oid) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = whole::regclass ORDER BY 1 $$;
CREATE PROCEDURE run(at timestamptz) LANGUAGE plpgsql AS $$
BEGIN
	UPDATE data_agg_state SET next_run_at = NULL;
	UPDATE agg_partitions SET next_look_at = '-infinity';
	COMMIT;
	CALL agg_run(p_now_utc => at, p_max_windows => 100000);
END $$;

-- Empty tables, with what somebody has added to them.
ALTER TABLE data_bars ADD COLUMN venue text DEFAULT 'here', ADD CONSTRAINT positive CHECK (vol >= 0);
CREATE INDEX by_venue ON data_bars (venue, ts_utc);
CREATE ROLE partition_reader;
GRANT SELECT ON data_bars, derived_data_bars TO partition_reader;
BEGIN;
SELECT probe.answers(agg_partition_by_month('data_bars'), '{"success": true, "converted": true}', 'from now on, if nothing else is said');
ROLLBACK;
SELECT probe.answers(agg_partition_by_month('data_bars', 2, '2025-06-15 00:00+00'), '{"success": true, "converted": true}', 'an empty table is replaced');
SELECT probe.answers(agg_partition_by_month('derived_data_bars', 2, '2025-06-01 00:00+00'), '{"success": true, "converted": true}', 'and the other');
SELECT is((SELECT count(*) FROM agg_setup(true)), 0::bigint, 'nothing is missing');
SELECT results_eq($$SELECT * FROM parts('data_bars') LIMIT 3$$, $$VALUES ('data_bars_default', 'DEFAULT'), ('data_bars_p20250601', 'FOR VALUES FROM (''2025-06-01 00:00:00+00'') TO (''2025-07-01 00:00:00+00'')'), ('data_bars_p20250701', 'FOR VALUES FROM (''2025-07-01 00:00:00+00'') TO (''2025-08-01 00:00:00+00'')')$$, 'months of UTC');
SELECT ok(has_table_privilege('partition_reader', 'data_bars', 'SELECT'), 'rights went over');
SELECT results_eq($$SELECT conname::text COLLATE "default" FROM pg_constraint WHERE conrelid = 'data_bars'::regclass ORDER BY 1$$, $$VALUES ('data_bars_source_check'), ('data_bars_unique_idx'), ('positive')$$, 'and keys and checks');
SELECT results_eq($$SELECT indexrelid::regclass::text COLLATE "default" FROM pg_index WHERE indrelid = 'data_bars'::regclass ORDER BY 1$$, $$VALUES ('by_venue'), ('data_bars_time_idx'), ('data_bars_unique_idx')$$, 'and indexes');
SELECT set_eq($$SELECT tgrelid::regclass::text, tgname::text FROM pg_trigger WHERE tgname LIKE 'aggregation_capture%' AND tgrelid::regclass::text IN ('data_bars', 'data_bars_p20250601', 'data_bars_default')$$,
	$$SELECT t, n FROM unnest('{data_bars,data_bars_p20250601,data_bars_default}'::text[]) AS t, unnest('{aggregation_capture,aggregation_capture_truncate}'::text[]) AS n$$, 'triggers are there');
SELECT probe.answers(agg_partition_by_month('data_bars', 2, '2025-06-15 00:00+00'), '{"success": true, "converted": false, "partitions_made": 0}', 'the second time there is nothing to do');

\ir include/market.psql
SELECT world.task('A', tf, '2025-04-01 00:00+00') FROM unnest('{5m,1h}'::text[]) AS tf;
SELECT world.minutes('A', '2025-06-30 22:00+00', 240);
CALL run('2025-07-01 02:01+00');
SELECT is((SELECT count(*) FROM derived_data_bars_p20250601) || ' ' || (SELECT count(*) FROM derived_data_bars_p20250701), '26 26', 'bars go to their months');
SELECT is_empty('SELECT * FROM agg_verify()', 'all right');

-- A bar of a month that has no partition goes to the default one, and moves when the partition is made, unnoticed.
SELECT world.minutes('A', '2025-05-01 00:00+00', 60);
CALL run('2025-07-01 02:01+00');
SELECT is((SELECT count(*) FROM data_bars_default) || ' ' || (SELECT count(*) FROM derived_data_bars_default), '60 13', 'a late bar of an old month is stored');
SELECT is_empty('SELECT * FROM agg_verify()', 'and made');
SELECT is(agg_partition_by_month(t, 2, '2025-05-01 00:00+00') ->> 'partitions_made', '1', 'its month gets a partition') FROM unnest('{data_bars,derived_data_bars}'::text[]) AS t;
SELECT is((SELECT count(*) FROM data_bars_default) || ' ' || (SELECT count(*) FROM data_bars_p20250501) || ' ' || (SELECT count(*) FROM derived_data_bars_p20250501), '0 60 13', 'which takes it along');
SELECT is((SELECT count(*) FROM agg_change_log), 0::bigint, 'that is no change');
SELECT is_empty('SELECT * FROM agg_verify()', 'all right');

-- Runs make partitions ahead, with the bars that are there already.
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) SELECT 'A', '1m', date_trunc('month', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' + interval '450 days', 1, 1, 1, 1;
SELECT is((SELECT count(*) FROM data_bars_default), 1::bigint, 'far ahead there is no partition');
SELECT count(*) AS partitions FROM parts('data_bars') \gset
CALL run(now() + interval '400 days');
SELECT cmp_ok((SELECT count(*) FROM parts('data_bars')), '>', :partitions::bigint, 'a run makes them');
SELECT is((SELECT count(*) FROM data_bars_default), 0::bigint, 'and moves what lies there');
SELECT is_empty('SELECT last_error FROM agg_partitions WHERE last_error IS NOT NULL', 'without an error');
-- What is in the DEFAULT partition moves as its owner would move it: nobody else's code may be there.
CREATE SCHEMA strange;
CREATE FUNCTION strange.noted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'I am %', current_user; END $$;
ALTER FUNCTION strange.noted() OWNER TO partition_reader;
CREATE TRIGGER noted BEFORE DELETE ON data_bars_default FOR EACH ROW EXECUTE FUNCTION strange.noted();
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) SELECT 'A', '1m', '2024-01-01 00:00+00', 1, 1, 1, 1;
SELECT probe.refuses($$SELECT agg_partition_by_month('data_bars', 2, '2024-01-01 00:00+00')$$, '55000', '%', '%', 'a stranger''s trigger');
DROP TRIGGER noted ON data_bars_default;
DROP FUNCTION strange.noted();
DROP SCHEMA strange;
SELECT is(agg_partition_by_month('data_bars', 2, '2024-01-01 00:00+00') -> 'success', 'true', 'without it all goes well');
SELECT agg_partition_by_month('data_bars', NULL) \g /dev/null
SELECT results_eq('SELECT table_name FROM agg_partitions', $$VALUES ('derived_data_bars')$$, 'no more of them');
-- What is dropped is sealed, and a late bar of it refused.
DROP TABLE data_bars_p20250501;
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) VALUES ('A', '1m', '2025-05-01 00:10+00', 9, 9, 9, 9);
CALL run('2025-07-01 02:01+00');
SELECT is((SELECT count(*) FROM derived_data_bars_p20250501), 13::bigint, 'a month that is dropped leaves its bars');
SELECT is_empty('SELECT * FROM agg_verify()', 'all right');

-- A table that has rows.
DROP TABLE data_bars CASCADE;
DO $$ BEGIN PERFORM agg_setup(); END $$;
SELECT world.minutes('A', '2025-06-30 22:00+00', 240);
SELECT md5(string_agg(d::text, E'\n' ORDER BY d.ts_utc)) AS before, pg_relation_filenode('data_bars') AS file FROM data_bars d \gset
SELECT probe.refuses($$SELECT agg_partition_by_month('data_bars')$$, '55000', 'table "data_bars" has rows', '%p_from_utc%', 'rows need a month');
SELECT probe.refuses($$SELECT agg_partition_by_month('data_bars', 4, '2025-07-01 00:00+00')$$, '23514', 'table "data_bars" has bars from 2025-07-01%', '%p_from_utc%', 'after all of them');
SELECT probe.refuses($$SELECT agg_partition_by_month('data_bars', 4, '2025-08-01 00:00-04')$$, '22023', '%beginning of a month in UTC (data_bars)%2025-08-01T04:00:00%', '%2025-08-01 00:00+00%', 'as UTC has it: else a month would have no partition');
SELECT probe.refuses($$SELECT agg_partition_by_month('data_bars', 4, '2025-07-31 22:00+00')$$, '22023', '%beginning of a month%', '%2025-08-01 00:00+00%', 'from either side');
SELECT probe.refuses($$SELECT agg_partition_by_month('data_bars', 4, '0205-01-01 00:00+00')$$, '22023', '%100 years%', '%', 'thousands of months');
SELECT is((SELECT count(*) FROM pg_class WHERE relname = 'data_bars' AND relkind = 'r'), 1::bigint, 'nothing has happened');
ALTER TABLE data_bars ADD CONSTRAINT data_bars_before CHECK (ts_utc < '2025-08-01 00:00+00') NOT VALID;
ALTER TABLE data_bars VALIDATE CONSTRAINT data_bars_before;
TRUNCATE agg_change_log;
SELECT probe.answers(agg_partition_by_month('data_bars', 4, '2025-08-01 00:00+00'), '{"success": true, "converted": true}', 'they become the partition for all before');
SELECT is((SELECT md5(string_agg(d::text, E'\n' ORDER BY d.ts_utc)) FROM data_bars d), :'before', 'all of them');
SELECT is(pg_relation_filenode('data_bars_before'), :file::oid, 'where they were');
SELECT is((SELECT bound FROM parts('data_bars') WHERE part = 'data_bars_before'), 'FOR VALUES FROM (MINVALUE) TO (''2025-08-01 00:00:00+00'')', 'up to the month');
SELECT is((SELECT count(*) FROM pg_constraint WHERE conname = 'data_bars_before'), 0::bigint, 'the check has gone');
SELECT is((SELECT count(*) FROM agg_change_log), 0::bigint, 'that is no change');
SELECT is((SELECT count(*) FROM agg_setup(true)), 0::bigint, 'nothing is missing');
UPDATE data_bars SET close = close + 1 WHERE ts_utc = '2025-06-30 23:00+00';
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) SELECT 'A', '1m', '2025-08-01 00:00+00'::timestamptz + make_interval(mins => i), 1, 1, 1, 1 FROM generate_series(0, 59) i;
SELECT is((SELECT count(*) FROM data_bars_p20250801), 60::bigint, 'new months have partitions');
CALL run('2025-08-01 02:01+00');
SELECT is_empty('SELECT * FROM agg_verify() WHERE explanation IS NULL', 'all right');

-- An alarm where they are not made, or not there.
CREATE FUNCTION alarms() RETURNS text LANGUAGE sql AS $$ SELECT COALESCE(string_agg(severity || ': ' || detail, '; ' ORDER BY detail), 'none') FROM v_aggregation_alerts WHERE alert = 'partitions' $$;
CREATE FUNCTION bounded(days int) RETURNS text LANGUAGE sql AS $$ SELECT format('CREATE TABLE data_bars_mine PARTITION OF data_bars FOR VALUES FROM (%L) TO (%L)', now() - interval '1 year', now() + make_interval(days => days)) $$;
CREATE FUNCTION read_as(style text, zone text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('datestyle', style, true), set_config('timezone', zone, true);
	RETURN alarms();
END $$;
SELECT is(alarms(), 'none', 'all are there');
-- A failure: a lock that is taken away again is none.
CREATE SCHEMA strange;
CREATE FUNCTION strange.noted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN OLD; END $$;
ALTER FUNCTION strange.noted() OWNER TO partition_reader;
CREATE TRIGGER noted BEFORE DELETE ON data_bars_default FOR EACH ROW EXECUTE FUNCTION strange.noted();
CALL run(now());
SELECT matches(last_error, '^55000 ', 'a run fails') FROM agg_partitions WHERE table_name = 'data_bars';
SELECT is(alarms(), 'none', 'and may try again for an hour');
UPDATE agg_partitions SET failing_since = now() - interval '61 minutes' WHERE failing_since IS NOT NULL;
CALL run(now());
SELECT results_eq($$SELECT severity, canonical_symbol, timeframe, since < now() - interval '1 hour', detail, remedy FROM v_aggregation_alerts WHERE alert = 'partitions'$$,
	$$SELECT 'yellow', NULL::text, NULL::text, true, 'partitions of data_bars cannot be made: ' || last_error, 'SELECT agg_partition_by_month(''data_bars'', 4)' FROM agg_partitions WHERE table_name = 'data_bars'$$, 'then it is an alarm');
SELECT matches((SELECT reasons FROM agg_health()), 'partitions: partitions of data_bars cannot be made: 55000 .*', 'in words');
SELECT is((SELECT value FROM v_aggregation_metrics WHERE labels = '{"alarm": "partitions", "severity": "yellow"}'), 1::float8, 'and figures');
SELECT remedy AS remedy FROM v_aggregation_alerts WHERE alert = 'partitions' \gset
SELECT probe.refuses(:'remedy', '55000', '%', '%', 'what helps says what is wrong');
DROP SCHEMA strange CASCADE;
:remedy \g /dev/null
SELECT is(alarms(), 'none', 'and helps');
UPDATE agg_partitions SET last_error = '55P03', failing_since = now() - interval '2 hours' WHERE table_name = 'data_bars';
SELECT is(alarms(), 'yellow: partitions of data_bars cannot be made: 55P03', 'it comes');
CALL run(now());
SELECT is(alarms(), 'none', 'and a run that succeeds ends it');
-- No partition for the time to come, whoever does not make it.
SELECT format('DROP TABLE %I', part) FROM parts('data_bars') WHERE bound <> 'DEFAULT' \gexec
SELECT is(alarms(), 'yellow: data_bars has no partition for now', 'bars that go to the DEFAULT partition are not lost');
SELECT bounded(13) \gexec
SELECT is(alarms(), 'yellow: data_bars has no partition for two weeks from now', 'a time to mend it');
SELECT is(read_as(style, zone), 'yellow: data_bars has no partition for two weeks from now', style || ' ' || zone)
FROM unnest('{ISO,"SQL, DMY",German,"Postgres, MDY"}'::text[]) AS style, unnest('{UTC,Asia/Jakarta,Asia/Kolkata,America/Sao_Paulo}'::text[]) AS zone;
DROP TABLE data_bars_mine;
SELECT bounded(15) \gexec
SELECT is(alarms(), 'none', 'or no need to');
DROP TABLE data_bars_mine, data_bars_default;
SELECT is(alarms(), 'red: data_bars has no partition for now, and refuses bars', 'without a DEFAULT partition they are');
SELECT throws_ok($$INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) VALUES ('A', '1m', now(), 1, 1, 1, 1)$$, '23514', NULL, 'so it is');
SELECT remedy AS remedy FROM v_aggregation_alerts WHERE alert = 'partitions' \gset
:remedy \g /dev/null
SELECT is(alarms(), 'none', 'the same call helps');
CREATE TABLE data_bars_mine PARTITION OF data_bars FOR VALUES FROM ('infinity') TO (MAXVALUE);
CREATE TABLE data_bars_old PARTITION OF data_bars FOR VALUES FROM (MINVALUE) TO ('4000-01-01 BC');
SELECT is(read_as(style, 'Asia/Jakarta'), 'none', 'other bounds are read, too: ' || style) FROM unnest('{ISO,SQL,Postgres}'::text[]) AS style;
DROP TABLE data_bars_mine, data_bars_old;
-- Tables that nobody keeps partitioned, or not by time.
SELECT agg_partition_by_month('data_bars', NULL) \g /dev/null
SELECT format('DROP TABLE %I', part) FROM parts('data_bars') \gexec
SELECT is(alarms(), 'none', 'who wants no partitions is not told of them');

SELECT probe.refuses($$SELECT agg_partition_by_month('ops_runlog')$$, '22023', '%', '%', 'another table');
SELECT probe.refuses($$SELECT agg_partition_by_month('data_bars', 0)$$, '22023', '%', '%', 'no month');
SET ROLE partition_reader;
SELECT throws_ok($$SELECT agg_partition_by_month('data_bars')$$, '42501', NULL, 'nobody else');
RESET ROLE;
DROP OWNED BY partition_reader;
DROP ROLE partition_reader;
SELECT * FROM finish();
