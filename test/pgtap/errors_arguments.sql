-- Bad arguments: every function, every argument. Each is refused with its SQLSTATE, a message that names symbol and timeframe where there are
-- any, and a hint; nothing is written.
\ir include/tap.psql
\ir include/refusals.psql
DO $$ BEGIN PERFORM agg_setup(); END $$;
\ir include/market.psql
SELECT no_plan();
SELECT world.task('EURUSD', tf) FROM unnest(ARRAY['5m', '1h']) AS tf;
SELECT world.minutes('EURUSD', '2025-07-01 00:00+00', 20);

-- NULL for each argument that has no meaning for it (22004). p_now_utc of catch-up and of the engine, and agg_finish's cursor, stats, kind,
-- error and token may be NULL. (The dollar index answers its errors: see dxy_errors.)
CREATE TABLE calls (function text, arguments text[], may_be_null text[]);
INSERT INTO calls VALUES
	('agg_bootstrap_cursor', ARRAY['p_symbol => ''EURUSD''', 'p_to_tf => ''5m''', 'p_now_utc => ''2025-07-02'''], '{}'),
	('catchup_aggregation_range', ARRAY['p_symbol => ''EURUSD''', 'p_to_tf => ''5m''', 'p_start_cursor_utc => ''2025-07-01''', 'p_max_windows => 1', 'p_now_utc => ''2025-07-02''', 'p_derivation_version => 1', 'p_ignore_confirmation => false'], '{p_now_utc}'),
	('agg_get_due_tasks', ARRAY['p_env_name => ''prod''', 'p_now_utc => ''2025-07-02''', 'p_limit => 1', 'p_running_stale_seconds => 1'], '{}'),
	('agg_start', ARRAY['p_symbol => ''EURUSD''', 'p_tf => ''5m''', 'p_now_utc => ''2025-07-02'''], '{}'),
	('agg_finish', ARRAY['p_symbol => ''EURUSD''', 'p_tf => ''5m''', 'p_success => true', 'p_new_cursor_utc => ''2025-07-02''', 'p_stats => ''{}''', 'p_fail_kind => ''hard''', 'p_error => ''x''', 'p_now_utc => ''2025-07-02''',
		'p_auto_disable_hard_fail_threshold => 3', 'p_claim_token => gen_random_uuid()'], '{p_new_cursor_utc,p_stats,p_fail_kind,p_error,p_claim_token}'),
	('sync_agg_state_from_registry', ARRAY['p_env_name => ''prod''', 'p_agg_start_utc => ''2025-07-01'''], '{}'),
	('aggregate_1m_to_5m_window', ARRAY['p_symbol => ''EURUSD''', 'p_from_utc => ''2025-07-01 00:00+00''', 'p_to_utc => ''2025-07-01 00:05+00''', 'p_derivation_version => 1'], '{}'),
	('aggregate_5m_to_1h_window', ARRAY['p_symbol => ''EURUSD''', 'p_from_utc => ''2025-07-01 00:00+00''', 'p_to_utc => ''2025-07-01 01:00+00''', 'p_derivation_version => 1'], '{}'),
	('aggregate_window', ARRAY['p_symbol => ''EURUSD''', 'p_to_tf => ''5m''', 'p_from_utc => ''2025-07-01 00:00+00''', 'p_to_utc => ''2025-07-01 00:05+00''', 'p_derivation_version => 1'], '{}'),
	('agg_aggregate_tasks', ARRAY['p_symbols => ARRAY[''EURUSD'']', 'p_timeframes => ARRAY[''5m'']', 'p_max_windows => 1', 'p_now_utc => ''2025-07-02''', 'p_derivation_version => 1'], '{p_now_utc}'),
	('agg_setup', ARRAY['dry_run => true'], '{}');
SELECT probe.refuses(format('SELECT * FROM %s(%s)', function, (SELECT string_agg(CASE k WHEN n THEN regexp_replace(a, '=>.*', '=> NULL') ELSE a END, ', ' ORDER BY k) FROM unnest(arguments) WITH ORDINALITY AS each (a, k))),
	'22004', NULL, '_%', function || ': NULL for ' || split_part(argument, ' ', 1))
FROM calls, unnest(arguments) WITH ORDINALITY AS list (argument, n) WHERE split_part(argument, ' ', 1) <> ALL (may_be_null) ORDER BY function, n;

-- Everything else.
CREATE TABLE refusals (statement text, state text, message text, description text, hint text);
INSERT INTO refusals SELECT statement, state, message, description, coalesce(hint, '_%') FROM (VALUES
	-- tasks that do not exist: the messages are a contract
	($$SELECT agg_bootstrap_cursor('GBPUSD', '5m')$$, 'P0002', 'Missing config in data_agg_state for GBPUSD/5m', 'bootstrap of a missing task', '%sync_agg_state_from_registry()%'),
	($$SELECT catchup_aggregation_range('GBPUSD', '5m', '2025-07-01')$$, 'P0002', 'Missing agg config GBPUSD/5m', 'catch-up of a missing task', '%sync_agg_state_from_registry()%'),
	($$SELECT catchup_aggregation_range('EURUSD', '1d', '2025-07-01')$$, 'P0002', 'Missing agg config EURUSD/1d', 'catch-up of a missing timeframe', '%sync_agg_state_from_registry()%'),
	($$SELECT * FROM agg_aggregate_tasks(ARRAY['EURUSD', 'GBPUSD'], ARRAY['5m', '5m'])$$, 'P0002', '%GBPUSD/5m%', 'one missing task among others: nobody''s bars are written', '%sync_agg_state_from_registry()%'),
	-- cursors, counts
	($$SELECT catchup_aggregation_range('EURUSD', '5m', NULL)$$, '22004', '%EURUSD/5m%', 'a NULL start cursor', NULL),
	($$SELECT catchup_aggregation_range('EURUSD', '5m', '2025-07-01', 0)$$, '22023', '%EURUSD/5m%', 'no window at all', NULL),
	($$SELECT catchup_aggregation_range('EURUSD', '5m', '2025-07-01', -1)$$, '22023', '%EURUSD/5m%', 'fewer than none', NULL),
	($$SELECT catchup_aggregation_range('EURUSD', '5m', '2025-07-01', -2147483648)$$, '22023', '%EURUSD/5m%', 'as few as possible', NULL),
	($$SELECT * FROM agg_aggregate_tasks(ARRAY['EURUSD'], ARRAY['5m'], 0)$$, '22023', NULL, 'the engine: no window at all', NULL),
	($$SELECT * FROM agg_get_due_tasks('prod', '2025-07-02', -1)$$, '22023', NULL, 'a negative limit', NULL),
	($$SELECT * FROM agg_get_due_tasks('prod', '2025-07-02', 20, -1)$$, '22023', NULL, 'a negative allowance', NULL),
	($$SELECT agg_finish('EURUSD', '5m', false, NULL, NULL, 'hard', 'x', '2025-07-02', 0)$$, '22023', NULL, 'a threshold of zero', NULL),
	($$SELECT agg_finish('EURUSD', '5m', false, NULL, NULL, 'hard', 'x', '2025-07-02', -3)$$, '22023', NULL, 'a negative threshold', NULL),
	-- arrays
	($$SELECT * FROM agg_aggregate_tasks(ARRAY['EURUSD', 'EURUSD'], ARRAY['5m'])$$, '22023', NULL, 'arrays of different lengths', NULL),
	($$SELECT * FROM agg_aggregate_tasks(ARRAY['EURUSD', NULL], ARRAY['5m', '1h'])$$, '22004', NULL, 'a NULL symbol among others', NULL),
	($$SELECT * FROM agg_aggregate_tasks(ARRAY['EURUSD', 'EURUSD'], ARRAY['5m', NULL])$$, '22004', NULL, 'a NULL timeframe among others', NULL)) AS v (statement, state, message, description, hint);
-- windows that are none
INSERT INTO refusals SELECT format('SELECT %s(%s%s)', f, $$'EURUSD', $$ || tf, w), '22023', NULL, f || ': ' || why, '_%' FROM
	(VALUES ('aggregate_1m_to_5m_window', ''), ('aggregate_window', $$'5m', $$)) AS g (f, tf),
	(VALUES ($$'2025-07-01 00:01+00', '2025-07-01 00:06+00'$$, 'not aligned'), ($$'2025-07-01 00:00+00', '2025-07-01 00:10+00'$$, 'two windows wide'), ($$'2025-07-01 00:00+00', '2025-07-01 00:04+00'$$, 'too narrow'),
		($$'2025-07-01 00:00+00', '2025-07-01 00:00+00'$$, 'empty'), ($$'2025-07-01 00:05+00', '2025-07-01 00:00+00'$$, 'backwards'), ($$'2025-07-01 00:00:00.000001+00', '2025-07-01 00:05:00.000001+00'$$, 'a microsecond late')) AS v (w, why);
INSERT INTO refusals SELECT statement, state, message, description, coalesce(hint, '_%') FROM (VALUES
	($$SELECT aggregate_5m_to_1h_window('EURUSD', '2025-07-01 00:00+00', '2025-07-01 00:05+00')$$, '22023', NULL, 'an hour of five minutes', NULL),
	($$SELECT aggregate_window('EURUSD', '1w', '2025-07-01 00:00+00', '2025-07-08 00:00+00')$$, '22023', '%1w%', 'a week from Tuesday', NULL),
	($$SELECT aggregate_window('EURUSD', '1m', '2025-07-01 00:00+00', '2025-07-01 00:01+00')$$, '22023', '%1m%', 'a minute is not built from anything', NULL)) AS v (statement, state, message, description, hint);
-- timeframes that are none
INSERT INTO refusals SELECT format(call, tf), '22023', NULL, format('timeframe %s: %s', left(tf, 20), split_part(call, '(', 1)), '_%'
FROM unnest(ARRAY['', '5', 'm', '5x', '5M', '0m', '-5m', '+5m', ' 5m', '5 m', '5m ', '05m', '1.5h', '5mm', '1q', '1M', '1mon', '99999999999999999999m', '٥m', '5min', '1e2m', repeat('9', 50) || 'w']) AS tf,
	unnest(ARRAY[$$SELECT aggregate_window('EURUSD', '%s', '2025-07-01 00:00+00', '2025-07-01 00:05+00')$$, $$SELECT catchup_aggregation_range('EURUSD', '%s', '2025-07-01')$$, $$SELECT agg_bootstrap_cursor('EURUSD', '%s')$$]) AS call;
-- instants that are none
INSERT INTO refusals SELECT replace(call, '$', quote_literal(t)), '22008', NULL, format('%s: %s', t, call), '_%'
FROM unnest(ARRAY['infinity', '-infinity', '290000-01-01 00:00:00+00', '4601-12-31 23:59:59+00 BC']) AS t, unnest(ARRAY[
	$$SELECT catchup_aggregation_range('EURUSD', '5m', $)$$, $$SELECT catchup_aggregation_range('EURUSD', '5m', '2025-07-01', 1, $)$$, $$SELECT agg_bootstrap_cursor('EURUSD', '5m', $)$$,
	$$SELECT aggregate_1m_to_5m_window('EURUSD', $, '2025-07-01 00:05+00')$$, $$SELECT aggregate_1m_to_5m_window('EURUSD', '2025-07-01 00:00+00', $)$$, $$SELECT aggregate_window('EURUSD', '5m', $, $)$$,
	$$SELECT * FROM agg_get_due_tasks('prod', $)$$, $$SELECT agg_start('EURUSD', '5m', $)$$, $$SELECT agg_finish('EURUSD', '5m', true, $)$$, $$SELECT agg_finish('EURUSD', '5m', true, '2025-07-02', NULL, NULL, NULL, $)$$,
	$$SELECT sync_agg_state_from_registry('prod', $)$$, $$SELECT * FROM agg_aggregate_tasks(ARRAY['EURUSD'], ARRAY['5m'], 1, $)$$]) AS call;
SELECT probe.refuses(statement, state, message, hint, description) FROM refusals;

-- The ends of time: no crash, no overflow; an answer or a clear error.
CREATE TABLE ends (call text, t text, state text, message text, detail text, hint text);
SELECT world.task('END', '1w', '289999-12-31 23:59:59+00');
DO $$
DECLARE
	t text;
	call text;
	outcome record;
BEGIN
	FOREACH t IN ARRAY ARRAY['4600-01-01 00:00:00+00 BC', '289999-12-31 23:59:59.999999+00'] LOOP
		FOREACH call IN ARRAY ARRAY[
			$c$SELECT catchup_aggregation_range('EURUSD', '5m', $)$c$, $c$SELECT catchup_aggregation_range('EURUSD', '5m', '2025-07-01', 1, $)$c$, $c$SELECT agg_bootstrap_cursor('EURUSD', '5m', $)$c$,
			$c$SELECT agg_bootstrap_cursor('END', '1w')$c$, $c$SELECT catchup_aggregation_range('END', '1w', $)$c$, $c$SELECT aggregate_window('EURUSD', '1w', $, $)$c$,
			$c$SELECT * FROM agg_get_due_tasks('prod', $)$c$, $c$SELECT agg_start('EURUSD', '5m', $)$c$, $c$SELECT agg_finish('EURUSD', '5m', true, '2025-07-02', NULL, NULL, NULL, $)$c$, $c$SELECT agg_finish('EURUSD', '5m', true, $)$c$,
			$c$SELECT agg_finish('EURUSD', '5m', false, NULL, NULL, 'hard', 'x', $)$c$, $c$SELECT sync_agg_state_from_registry('prod', $)$c$, $c$SELECT * FROM agg_aggregate_tasks(ARRAY['EURUSD'], ARRAY['5m'], 1, $)$c$,
			$c$SELECT calc_dxy_range_1m('4600-01-01 00:00:00+00 BC', $)$c$] LOOP
			BEGIN
				outcome := probe.attempt(replace(call, '$', quote_literal(t)));
				INSERT INTO ends VALUES (call, t, outcome.state, outcome.message, outcome.detail, outcome.hint);
			END;
			UPDATE data_agg_state SET next_run_at = NULL, last_agg_bar_ts_utc = NULL, status = 'idle', agg_start_utc = '2025-07-01 00:00+00' WHERE canonical_symbol = 'EURUSD';
		END LOOP;
	END LOOP;
END
$$;
SELECT ok(state IS NULL OR state IN ('22008', '22023', 'P0002'), format('%s: %s', left(t, 12), call)) || CASE WHEN state NOT IN ('22008', '22023', 'P0002') THEN E'\n# ' || state || ' ' || message ELSE '' END FROM ends ORDER BY call, t;

SELECT * FROM finish();
