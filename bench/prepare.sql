-- Makes an empty database ready to be measured in: the extension's own tables, the same tables once more for each baseline that writes,
-- and a place to keep the samples. Every table of a baseline is defined LIKE the one that agg_setup() made, so that all pay for the same
-- columns, defaults, checks and indexes.
--
--   public      what the extension reads and writes; the 1-minute bars that all contenders read
--   seed        the PL/pgSQL functions and their tables
--   set_based   the plain SQL statement's table
--   floor       tables with nothing but what must be there: the columns and the one unique index
--   bench       the generator of data, the samples, the report

SET client_min_messages = warning;
SELECT to_regprocedure('agg_setup(boolean)') IS NULL AS missing \gset
\if :missing
CREATE EXTENSION aggregation;
\endif
SELECT count(*) FROM agg_setup() \g /dev/null

CREATE SCHEMA seed;
CREATE TABLE seed.data_bars (LIKE public.data_bars INCLUDING ALL);
CREATE TABLE seed.derived_data_bars (LIKE public.derived_data_bars INCLUDING ALL);
CREATE TABLE seed.data_agg_state (LIKE public.data_agg_state INCLUDING ALL);

CREATE SCHEMA set_based;
CREATE TABLE set_based.derived_data_bars (LIKE public.derived_data_bars INCLUDING ALL);
CREATE TABLE set_based.data_agg_state (LIKE public.data_agg_state INCLUDING ALL);

CREATE SCHEMA floor;
CREATE TABLE floor.derived_data_bars (LIKE public.derived_data_bars INCLUDING DEFAULTS);
CREATE UNIQUE INDEX ON floor.derived_data_bars (canonical_symbol, timeframe, ts_utc) WHERE deleted_at IS NULL;
-- What is the same in all bars comes from a default: the row is as wide as everybody's, but nobody parses a JSON text for each of them.
ALTER TABLE floor.derived_data_bars ALTER raw SET DEFAULT
	'{"rule": "ohlcv", "source": "data_bars", "window": "5m", "source_timeframe": "1m"}'::jsonb;
CREATE TABLE floor.data_agg_state (LIKE public.data_agg_state INCLUDING ALL);

-- Autovacuum would wake up in the middle of somebody's turn; the rows below vacuum between the turns instead.
SELECT format('ALTER TABLE %s SET (autovacuum_enabled = off)', c.oid::regclass)
FROM pg_class c
WHERE c.relkind = 'r' AND c.relname IN ('data_bars', 'derived_data_bars', 'data_agg_state') \gexec

CREATE SCHEMA bench;
CREATE TABLE bench.sample (
	measure text, contender text, round int, seconds double precision,
	PRIMARY KEY (measure, contender, round)
);
CREATE TABLE bench.fact (
	measure text, fact text, round int, value numeric,
	PRIMARY KEY (measure, fact, round)
);
CREATE TABLE bench.target (
	place serial, measure text, ratio text, samples text, over text, under text, must text, bound numeric
);
INSERT INTO bench.target (measure, ratio, samples, over, under, must, bound) VALUES
	('one_year',  'PL/pgSQL / ours',            'one_year',  'plpgsql',           'ours',  '>=', 25),
	('one_year',  'set-based SQL / ours',       'one_year',  'set_based',         'ours',  NULL, NULL),
	('one_year',  'TimescaleDB default / ours', 'one_year',  'timescale_default', 'ours',  NULL, NULL),
	('one_year',  'TimescaleDB best / ours',    'one_year',  'timescale_best',    'ours',  '>=', 2),
	('one_year',  'ours / floor',               'one_year',  'ours',              'floor', '<=', 1.3),
	('unchanged', 'ours again / ours first',    'one_year',  'ours_again',        'ours',  '<=', 0.5),
	('due_tasks', 'PL/pgSQL / ours',            'due_tasks', 'plpgsql',           'ours',  '>=', 5),
	('due_tasks', 'set-based SQL / ours',       'due_tasks', 'set_based',         'ours',  NULL, NULL),
	('due_tasks', 'ours / floor',               'due_tasks', 'ours',              'floor', '<=', 1.5),
	('runner',    'PL/pgSQL / ours',            'runner',    'plpgsql',           'one',   '>=', 5),
	('runner',    'PL/pgSQL with claims / ours', 'runner',   'plpgsql_claims',    'one',   NULL, NULL),
	('runner',    'ours / floor',               'runner',    'one',               'floor', '<=', 1.5),
	('runner',    'one runner / two',           'runner',    'one',               'two',   '>=', 1.6),
	('dxy',       'old SQL / ours',             'dxy',       'seed_sql',          'ours',  '>=', 5),
	('ingest',    'COPY with capture / without', 'ingest',   'copy_with',         'copy_without', '<=', 1.1),
	('ingest',    'live batch with / without',  'ingest',    'live_with',         'live_without', '<=', 1.15),
	('ingest',    'single rows with / without', 'ingest',    'single_with',       'single_without', NULL, NULL),
	('month',     'corrected / first',          'month',     'corrected',         'first', '<=', 1.3),
	('month',     'all corrected / first',      'month',     'all_corrected',     'first', NULL, NULL),
	('calendars', 'FX calendar / UTC',          'calendars', 'fx',                'utc',   '<=', 1.05),
	('calendars', 'exact / chained',            'calendars', 'exact',             'chained', '<=', 1.3),
	('tick',      'ours / TimescaleDB, the better call', 'tick', 'ours',          'timescale', '<=', 1.0),
	('tick',      'ours / floor',               'tick',      'ours',              'floor', '<=', 1.25),
	('tick',      'ours / floor with probes',   'tick',      'ours',              'probes_floor', NULL, NULL),
	('tick',      'one runner / two',           'tick',      'ours',              'two',   '>=', 1.8),
	('hour',      'chained, two sessions: s',   'hour',      'chained_two',       NULL,    '<=', 1.5),
	('hour',      'exact, two sessions: s',     'hour',      'exact_two',         NULL,    '<=', 1.5),
	('hour',      'chained, one session / two', 'hour',      'chained_one',       'chained_two', NULL, NULL),
	('hour',      'exact, one session / two',   'hour',      'exact_one',         'exact_two', NULL, NULL),
	('backfill',  'one session / two',          'backfill',  'one',               'two',   NULL, NULL),
	('backfill',  'one session / four',         'backfill',  'one',               'four',  NULL, NULL),
	('reading',   'a week of 15m: ours / index scan', 'reading_week', 'ours',      'scan',  '<=', 1.5),
	('reading',   'a week of 15m: TimescaleDB / ours', 'reading_week', 'timescale', 'ours', '>=', 1),
	('reading',   'the newest 500 of 5m: s',    'reading_newest', 'ours',         NULL,    '<=', 0.002),
	('reading',   'the newest 500 of 5m: TimescaleDB / ours', 'reading_newest', 'timescale', 'ours', '>=', 1),
	('reading',   'a month of 45m, on the fly: ours / index scan of its source', 'reading_month_45m', 'ours', 'scan', '<=', 3),
	('reading',   'a month of 45m, on the fly: TimescaleDB / ours', 'reading_month_45m', 'timescale', 'ours', '>=', 1),
	('reading',   'watchlist of 1,000: s',      'reading_watchlist', 'ours',      NULL,    '<=', 0.02),
	('reading',   'watchlist of 1,000: TimescaleDB / ours', 'reading_watchlist', 'timescale', 'ours', '>=', 1),
	('candlestick', 'candlestick / count, min, max, sum', 'candlestick', 'ours', 'four', '<=', 1.3),
	('candlestick', 'arrays / candlestick',     'candlestick', 'by_hand',         'ours',  '>=', 1),
	('candlestick', 'by minute: candlestick / count, min, max, sum', 'candlestick', 'minutes_ours', 'minutes_four', '<=', 1.3),
	('candlestick', 'by minute: arrays / candlestick', 'candlestick', 'minutes_by_hand', 'minutes_ours', '>=', 1);

-- What a finished 5m bar says about its origin: the same bytes as the extension writes, so that all rows are equally wide.
CREATE FUNCTION bench.provenance() RETURNS jsonb LANGUAGE sql IMMUTABLE
RETURN '{"rule": "ohlcv", "source": "data_bars", "window": "5m", "source_timeframe": "1m"}'::jsonb;

-- The columns that differ from bar to bar: those in the floor's files.
CREATE FUNCTION bench.lean_columns() RETURNS text LANGUAGE sql IMMUTABLE
RETURN 'canonical_symbol, timeframe, ts_utc, open, high, low, close, vol, vwap, trade_count, source_timeframe, source_candles, expected_candles, '
	'quality_score';

CREATE FUNCTION bench.new_task(p_symbol text, p_start timestamptz) RETURNS public.data_agg_state LANGUAGE sql
RETURN jsonb_populate_record(NULL::public.data_agg_state, jsonb_build_object(
	'total_windows_skipped', 0, 'total_source_rows_refused', 0,
	'canonical_symbol', p_symbol, 'timeframe', '5m', 'source_timeframe', '1m', 'run_interval_minutes', 5,
	'aggregation_delay_seconds', 30, 'last_agg_bar_ts_utc', p_start, 'status', 'idle', 'is_mandatory', true,
	'hard_fail_streak', 0, 'total_runs', 0, 'total_bars_created', 0, 'total_bars_quality_poor', 0,
	'agg_start_utc', p_start, 'enabled', true, 'disabled_by_operator', false, 'task_priority', 100,
	'late_policy', 'recompute', 'keep_revisions', false, 'late_rows', 0, 'refused_rows', 0, 'derivation_version', 1, 'updated_at', now()));

-- CALL agg_run() until no task has a window that was confirmed at p_now, by a clock that goes on from there: a task that must wait for its source
-- is due again some seconds later. A call that finds everything claimed by others comes back at once and is repeated a little later.
CREATE PROCEDURE bench.run_until_current(p_now timestamptz) LANGUAGE plpgsql AS $$
DECLARE
	v_since timestamptz := clock_timestamp();
BEGIN
	LOOP
		CALL public.agg_run(p_now_utc => p_now + (clock_timestamp() - v_since));
		EXIT WHEN NOT EXISTS (SELECT FROM public.data_agg_state
			WHERE coalesce(last_agg_bar_ts_utc, agg_start_utc) + make_interval(mins => run_interval_minutes, secs => aggregation_delay_seconds) <= p_now);
		IF clock_timestamp() - v_since > interval '10 minutes' THEN
			RAISE 'tasks are behind after ten minutes';
		END IF;
		PERFORM pg_sleep(0.01);
		COMMIT;
	END LOOP;
END
$$;

-- Sessions that at_once.sql starts: all of them wait for its lock; all of them have noted their return. A session that fails ends the wait.
CREATE PROCEDURE bench.await_ready(p_sessions int) LANGUAGE plpgsql AS $$
DECLARE
	v_since timestamptz := clock_timestamp();
BEGIN
	WHILE (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 77 AND NOT granted) < p_sessions LOOP
		IF clock_timestamp() - v_since > interval '2 minutes' THEN
			RAISE 'not all of the % sessions are ready after two minutes', p_sessions;
		END IF;
		PERFORM pg_sleep(0.05);
	END LOOP;
END
$$;
CREATE PROCEDURE bench.await_returned(p_sessions int) LANGUAGE plpgsql AS $$
DECLARE
	v_still_there boolean;
BEGIN
	LOOP
		v_still_there := EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'bench_at_once');
		EXIT WHEN (SELECT count(*) FROM bench.returned) >= p_sessions;
		IF NOT v_still_there THEN
			RAISE 'not all of the % sessions came to their end', p_sessions;
		END IF;
		PERFORM pg_sleep(0.05);
		COMMIT; -- the list of sessions is read once a transaction
	END LOOP;
END
$$;
