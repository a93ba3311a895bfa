-- Whatever values the tables hold, each view can be read, and agg_health() answers: who looks at them wants to know what is wrong.
\ir include/tap.psql
DO $$ BEGIN PERFORM agg_setup(); END $$;
\ir include/market.psql
SELECT no_plan();
SET timezone = 'UTC';
SET jit = off;

-- Which views fail, and how.
CREATE FUNCTION unreadable() RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	query text;
BEGIN
	FOR query IN SELECT format('SELECT count(v::text) FROM %I AS v', relname) FROM pg_class WHERE relkind = 'v' AND relname ~ '^v_aggregation_'
		UNION ALL SELECT 'SELECT count(h::text) FROM agg_health() AS h' LOOP
		BEGIN
			EXECUTE query;
		EXCEPTION WHEN OTHERS THEN
			RETURN NEXT query || ': ' || SQLERRM;
		END;
	END LOOP;
END
$$;
-- Each column of times and numbers, and timeframes, with each odd value: in all rows of its table, or of bars, where that would be a key twice,
-- in one; as far as the table takes it.
CREATE FUNCTION unreadable_with_odd_values(OUT told text[], OUT tried int) LANGUAGE plpgsql AS $$
DECLARE
	c record;
	odd text;
	failure text;
BEGIN
	told := '{}';
	tried := 0;
	FOR c IN SELECT k.relname, a.attname, format_type(a.atttypid, NULL) AS type FROM pg_class AS k JOIN pg_attribute AS a ON a.attrelid = k.oid AND a.attnum > 0
		WHERE k.relnamespace = 'public'::regnamespace AND k.relkind = 'r' AND NOT a.attisdropped AND a.attidentity = ''
			AND (a.atttypid IN ('timestamptz'::regtype, 'int4'::regtype, 'int8'::regtype, 'float8'::regtype, 'date'::regtype) OR a.attname ~ 'timeframe$') LOOP
		FOR odd IN SELECT v FROM unnest(CASE c.type
			WHEN 'text' THEN '{"",99999y,0m}'
			WHEN 'integer' THEN '{-2147483648,-1,0,2147483647}'
			WHEN 'bigint' THEN '{-4611686018427387904,-1,0,4611686018427387904}'
			WHEN 'double precision' THEN '{-Infinity,Infinity,NaN,1e308}'
			ELSE '{-infinity,infinity,4714-11-24 BC,294276-12-31}' END::text[]) AS v LOOP
			BEGIN
				EXECUTE format('UPDATE %1$I SET %2$I = %3$L WHERE %4$s', c.relname, c.attname, odd,
					CASE WHEN c.relname ~ 'data_bars$' THEN format('ctid = (SELECT min(ctid) FROM %I)', c.relname) ELSE 'true' END);
				FOR failure IN SELECT unreadable() LOOP
					told := told || format('%s.%s = %s: %s', c.relname, c.attname, odd, failure);
				END LOOP;
				tried := tried + 1;
				RAISE 'undo' USING ERRCODE = 'UNDO0';
			EXCEPTION WHEN OTHERS THEN NULL; -- undone, or refused
			END;
		END LOOP;
	END LOOP;
END
$$;

-- Something in every table.
SELECT world.task('A', '5m', now() - interval '1 day');
SELECT world.task('A', '15m', '-infinity');
SELECT agg_subscribe('c') \g /dev/null
INSERT INTO agg_partitions (table_name, months_ahead, last_error, failing_since) VALUES ('data_bars', 4, 'x', now());
SELECT agg_set_keep_revisions('A', '5m', true) \g /dev/null
CREATE TABLE ticks (ts timestamptz, symbol text, price float8, size float8);
SELECT agg_add_tick_source('ticks') \g /dev/null
SELECT world.minutes('A', date_bin('5 minutes', now(), '2000-01-01') - interval '10 minutes', 10);
CALL agg_run();
UPDATE data_agg_state SET last_agg_bar_ts_utc = NULL WHERE timeframe = '15m';
INSERT INTO ticks VALUES ('2025-07-01', 'B', 1, 1);
INSERT INTO agg_change_log (logged_at, symbols, from_utc, to_utc, row_counts) VALUES (now(), '{A}', ARRAY[now()], ARRAY[now()], '{1}');
INSERT INTO agg_dirty_ranges (canonical_symbol, timeframe, from_utc, to_utc, marked_at) VALUES ('A', '5m', now() - interval '1 day', now(), now());
SELECT agg_verify_sample(1) \g /dev/null
SELECT is_empty('SELECT unreadable()', 'nothing odd');
SELECT told, tried > 200 AS many FROM unreadable_with_odd_values() \gset
SELECT is(:'told'::text, '{}', 'one odd value');
SELECT ok(:'many', 'many of them were tried');

-- The first bar that a task may read, of a task that has not run.
CREATE FUNCTION lag_with(first timestamptz, OUT source_from timestamptz, OUT lag_seconds numeric, OUT alerts text, OUT late bigint) LANGUAGE plpgsql AS $$
BEGIN
	UPDATE data_bars SET ts_utc = first WHERE ts_utc = (SELECT min(ts_utc) FROM data_bars);
	SELECT l.source_from, l.lag_seconds INTO STRICT source_from, lag_seconds FROM v_aggregation_lag AS l WHERE timeframe = '15m';
	SELECT string_agg(alert || ' ' || timeframe, ', ') INTO alerts FROM v_aggregation_alerts WHERE timeframe = '15m';
	SELECT h.late INTO late FROM agg_health() AS h;
END
$$;
DELETE FROM data_bars WHERE ts_utc > (SELECT min(ts_utc) FROM data_bars);
UPDATE data_agg_state SET source_timeframe = '1m' WHERE timeframe = '15m';
SELECT is(lag_with(t)::text, '(,0.0,,0)', t || ' is no time that is read') FROM unnest('{-infinity,infinity,4714-11-24 BC,294276-12-31}'::timestamptz[]) AS t;
SELECT is(lag_with('4599-01-01 BC')::text, '("4599-01-01 00:00:00+00 BC",99999999999.9,"late 15m",1)', 'a lag of 6,600 years is as much as can be told');
SELECT * FROM finish();
