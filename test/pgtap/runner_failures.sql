-- A failing task takes nobody with it: the others of its batch are done, and it is recorded by the class of its SQLSTATE.
\ir include/tap.psql
\ir include/refusals.psql
DO $$ BEGIN PERFORM agg_setup(); END $$;
\ir include/market.psql
SELECT no_plan();
CREATE FUNCTION state(p_symbol text) RETURNS text LANGUAGE sql AS $$
	SELECT concat_ws(' | ', status, hard_fail_streak, coalesce(last_error, 'NULL'), to_char(next_run_at AT TIME ZONE 'UTC', 'HH24:MI:SS')) FROM data_agg_state WHERE canonical_symbol = p_symbol
$$;
CREATE TABLE poison (symbol text, sqlstate text, message text);
CREATE FUNCTION bite() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
	p record;
BEGIN
	SELECT * INTO p FROM public.poison WHERE symbol = NEW.canonical_symbol;
	IF FOUND THEN
		RAISE EXCEPTION USING ERRCODE = p.sqlstate, MESSAGE = p.message;
	END IF;
	RETURN NEW;
END
$$;
CREATE TRIGGER bite BEFORE INSERT OR UPDATE ON derived_data_bars FOR EACH ROW EXECUTE FUNCTION bite();

SELECT world.task('S' || i, '5m', mandatory => i <> 60), world.minutes('S' || i, '2025-07-01 00:00+00', 100) FROM generate_series(10, 60) AS i;
INSERT INTO poison VALUES ('S17', 'P0001', 'no such price'), ('S33', '55P03', 'somebody holds a lock'), ('S60', '23514', 'a check'), ('S41', '40P01', 'deadlock');
UPDATE data_agg_state SET timeframe = 'five' WHERE canonical_symbol = 'S20';
UPDATE data_agg_state SET source_timeframe = '3m' WHERE canonical_symbol = 'S21';
UPDATE data_agg_state SET agg_start_utc = 'infinity' WHERE canonical_symbol = 'S22';
CALL agg_run(p_now_utc => '2025-07-01 01:00:40+00');

SELECT is(count(*), 44::bigint, 'all others are done') FROM data_agg_state WHERE last_agg_bar_ts_utc = '2025-07-01 01:00+00' AND hard_fail_streak = 0 AND last_error IS NULL;
SELECT is(count(*), 44 * 12::bigint, 'their bars are there, and no others') FROM derived_data_bars;
SELECT is(state('S17'), 'idle | 1 | P0001 no such price | 01:05:40', 'P0001 is hard: tried again after the run interval');
SELECT is(state('S33'), 'idle | 0 | 55P03 somebody holds a lock | 01:01:40', '55P03 is transient: tried again within a minute');
SELECT is(state('S41'), 'idle | 0 | 40P01 deadlock | 01:01:40', '40P01, too');
SELECT is(state('S60'), 'idle | 1 | 23514 a check | 01:05:40', 'a check is hard');
SELECT matches(state('S20'), 'idle \| 1 \| 22023 unknown timeframe "five" \(S20\).* \| 01:05:40', 'a timeframe that is none');
SELECT matches(state('S21'), 'idle \| 1 \| 22023 task S21/5m cannot be built .*3m', 'a source that does not fit');
SELECT matches(state('S22'), 'idle \| 1 \| 22008 agg_start_utc of task S22/5m is infinite', 'a start that never comes');
SELECT is(total_runs, 1::bigint, 'a failed run is a run') FROM data_agg_state WHERE canonical_symbol = 'S17';

-- The third hard failure parks it.
UPDATE data_agg_state SET next_run_at = NULL WHERE hard_fail_streak > 0;
CALL agg_run(p_now_utc => '2025-07-01 01:00:40+00');
UPDATE data_agg_state SET next_run_at = NULL WHERE hard_fail_streak > 0;
CALL agg_run(p_now_utc => '2025-07-01 01:00:40+00');
SELECT is(state('S17'), 'hard_failed | 3 | P0001 no such price | 01:05:40', 'a mandatory task is hard_failed');
SELECT is(state('S60'), 'disabled | 3 | 23514 a check | 01:05:40', 'an optional one disabled');
UPDATE data_agg_state SET next_run_at = NULL;
CALL agg_run(p_now_utc => '2025-07-01 01:10:40+00');
SELECT is(state('S17'), 'hard_failed | 3 | P0001 no such price', 'and left alone');

-- What is cured goes on where it stopped.
DELETE FROM poison;
UPDATE data_agg_state SET status = 'idle', hard_fail_streak = 0 WHERE canonical_symbol = 'S17';
CALL agg_run(p_now_utc => '2025-07-01 01:10:40+00');
SELECT is(state('S17'), 'idle | 0 | NULL | 01:15:30', 'a reset task starts again');
SELECT is(count(*), 14::bigint, 'from its first window') FROM derived_data_bars WHERE canonical_symbol = 'S17';

-- What a task is told is read by monitors, who may read no bar.
ALTER TABLE derived_data_bars ADD CONSTRAINT no_more CHECK (canonical_symbol <> 'S17' OR ts_utc < '2025-07-01 01:10+00');
CALL agg_run(p_now_utc => '2025-07-01 01:15:40+00');
SELECT is(regexp_replace(state('S17'), '"derived_\w+"', '"derived_data_bars"'), 'idle | 1 | 23514 new row for relation "derived_data_bars" violates check constraint "no_more" | 01:20:40', 'a check is named, and the refused row is not shown');
ALTER TABLE derived_data_bars DROP CONSTRAINT no_more;

-- A batch says what failed.
INSERT INTO poison VALUES ('S10', 'P0001', 'it''s "quoted"'), ('S11', '22P02', 'again');
SELECT probe.answers(agg_run_batch(p_now_utc => '2025-07-01 01:20:40+00') , '{"success": true, "tasks_failed": 2}', 'a batch counts failures');
SELECT is(state('S10'), 'idle | 1 | P0001 it''s "quoted" | 01:25:40', 'and records them');
UPDATE data_agg_state SET next_run_at = NULL WHERE canonical_symbol = 'S10';
SELECT probe.answers(agg_run_batch(p_now_utc => '2025-07-01 01:20:40+00'), '{"failures": [{"canonical_symbol": "S10", "timeframe": "5m", "sqlstate": "P0001", "error": "it''s \"quoted\"", "recorded": true}]}',
	'and names them');

-- A trigger on the tasks themselves: the failure cannot even be recorded. The others are done, and the call comes to its end.
TRUNCATE poison;
CREATE TRIGGER bite BEFORE UPDATE ON data_agg_state FOR EACH ROW EXECUTE FUNCTION bite();
UPDATE data_agg_state SET next_run_at = NULL WHERE canonical_symbol IN ('S12', 'S13', 'S14');
INSERT INTO poison VALUES ('S13', 'P0001', 'not this row');
SELECT probe.answers(agg_run_batch(p_now_utc => '2025-07-01 01:30:40+00'), '{"success": true, "tasks_failed": 1, "failures": [{"canonical_symbol": "S13", "timeframe": "5m", "sqlstate": "P0001", "error": "not this row", "recorded": false}]}',
	'a task whose row cannot be written is named');
UPDATE poison SET symbol = 'S14';
CALL agg_run(p_now_utc => '2025-07-01 01:40:40+00');
SELECT is(last_agg_bar_ts_utc, '2025-07-01 01:40+00', 'the others of the call are done') FROM data_agg_state WHERE canonical_symbol = 'S12';
TRUNCATE poison;
DROP TRIGGER bite ON data_agg_state;

-- A row that makes no sense, whatever is wrong with it, concerns nobody else: not while its task waits for source either, and not the proof.
UPDATE data_agg_state SET status = 'idle', hard_fail_streak = 0, last_error = NULL, next_run_at = NULL;
CALL agg_run(p_now_utc => '2025-07-01 01:50:40+00');
CREATE FUNCTION odd(what text, change text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	UPDATE data_agg_state SET status = 'idle', hard_fail_streak = 0, last_error = NULL, next_run_at = '2025-07-01 03:00+00', waiting_since_utc = '2025-07-01 01:50+00' WHERE canonical_symbol = 'S30';
	EXECUTE 'UPDATE data_agg_state SET ' || change || ' WHERE canonical_symbol = ''S30''';
	UPDATE data_bars SET close = close + 0.001 WHERE canonical_symbol = 'S31' AND ts_utc = '2025-07-01 00:04+00';
	RETURN NEXT lives_ok('SELECT agg_run_batch(p_now_utc => ''2025-07-01 02:00+00'')', what || ': the others are done');
	RETURN NEXT is((SELECT count(*) FROM agg_verify('S31') WHERE explanation IS NULL), 0::bigint, what || ': which is true');
	RETURN NEXT lives_ok('SELECT count(*) FROM agg_verify()', what || ': the proof of all of them is made');
	RETURN NEXT lives_ok('SELECT agg_verify_sample(1)', what || ': the audit, too');
	RETURN NEXT lives_ok('SELECT agg_reset_cursor()', what || ': and all cursors are looked at');
	UPDATE data_agg_state SET (timeframe, source_timeframe, agg_start_utc, last_agg_bar_ts_utc) = ('5m', '1m', '2025-07-01', '2025-07-01 01:50+00') WHERE canonical_symbol = 'S30';
END
$$;
SET client_min_messages = warning;
SELECT odd(what, change) FROM (VALUES ('a source that does not fit', 'source_timeframe = ''2h'''), ('no source at all', 'source_timeframe = ''bogus'''), ('an empty one', 'source_timeframe = '''''),
	('itself', 'source_timeframe = ''5m'''), ('no cursor ever', 'last_agg_bar_ts_utc = ''infinity'''), ('no start ever', 'agg_start_utc = ''infinity'''), ('what is ingested', 'timeframe = ''1m''')) AS odd (what, change);
INSERT INTO data_agg_state (canonical_symbol, timeframe, waiting_since_utc, next_run_at) VALUES (repeat('S', 300), '5m', '2025-07-01', '2025-07-01 03:00+00'), (repeat('T', 300), '5m', NULL, NULL);
SELECT odd('a symbol that is too long', 'source_timeframe = ''1m''');
UPDATE data_agg_state SET source_timeframe = '2h', next_run_at = '2025-07-01 03:00+00', waiting_since_utc = '2025-07-01 01:50+00' WHERE canonical_symbol = 'S30';
CALL agg_run(p_now_utc => '2025-07-01 02:10+00');
SELECT cmp_ok(count(*), '>', 40::bigint, 'a whole run comes to its end') FROM data_agg_state WHERE next_run_at > '2025-07-01 02:10+00' AND last_error IS NULL;
RESET client_min_messages;
SELECT * FROM finish();
