-- Tables that are distributed by symbol: the engine works on a group of shards as on the tables of a single node. A random feed, once on the
-- plain tables and once on groups, some of which leave the node, come back or are split while tasks are due: the same bars, bit by bit.
\ir include/tap.psql
DO $$ BEGIN PERFORM agg_setup(); END $$;
SELECT no_plan();
\ir include/seeds.psql
\ir include/shards.psql
\ir include/refusals.psql
SELECT seed FROM seeds ORDER BY seed LIMIT 1 \gset

-- ---- the feed: what comes, changes and goes with each tick of two hours ----
\set start '2025-03-07 18:00+00'
SELECT start_of_random(:seed) \g /dev/null
CREATE TABLE fed AS SELECT (extract(epoch FROM t - :'start') / 7200)::int + 1 + (random() < 0.02)::int AS tick, 'SYM' || s AS symbol, t, 100 + s + random() AS price, random() AS up, random() AS down
FROM generate_series(1, 40) AS s, generate_series(:'start'::timestamptz, :'start'::timestamptz + interval '1 day' - interval '1 minute', '1 minute') AS t
WHERE random() < 0.93;
CREATE TABLE changed AS SELECT tick + 1 + (random() * 3)::int AS tick, symbol, t, random() AS up FROM fed WHERE random() < 0.01;
CREATE TABLE removed AS SELECT tick + 1 + (random() * 3)::int AS tick, symbol, t FROM fed WHERE random() < 0.003;
CREATE PROCEDURE run_all(p_now timestamptz) LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN 1 .. 100 LOOP
		EXIT WHEN NOT (agg_run_batch(p_max_tasks => 1000, p_max_windows => 100, p_now_utc => p_now) -> 'continue')::boolean;
		COMMIT;
	END LOOP;
END $$;
CREATE PROCEDURE play() LANGUAGE plpgsql AS $$
DECLARE
	distributed boolean := EXISTS (SELECT FROM pg_dist_shard);
BEGIN
	FOR n IN 1 .. 18 LOOP
		INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol, vwap, trade_count)
		SELECT symbol, '1m', t, price, price + up, price - down, price - down + up, up * 1e4, price + down / 7, (up * 50)::int FROM fed WHERE tick = n ORDER BY down;
		CALL on_table('data_bars', format('UPDATE %%I AS b SET high = high + c.up FROM changed AS c WHERE c.tick = %s AND b.canonical_symbol = c.symbol AND b.ts_utc = c.t', n));
		CALL on_table('data_bars', format('DELETE FROM %%I AS b USING removed AS r WHERE r.tick = %s AND b.canonical_symbol = r.symbol AND b.ts_utc = r.t', n));
		IF n = 10 THEN CALL on_table('agg_calendar_exceptions', 'INSERT INTO %I (calendar, trading_date, closed, opens, closes) VALUES (''fx'', ''2025-03-07'', false, ''17:00'', ''14:00'')'); END IF;
		IF n = 12 THEN CALL on_table('agg_calendar_exceptions', 'UPDATE %I SET opens = ''18:30'' WHERE calendar = ''fx'' AND trading_date = ''2025-03-07'''); END IF;
		COMMIT;
		IF distributed AND n = 4 THEN CALL move_group(1, 2); END IF;
		IF distributed AND n = 6 THEN CALL move_group(1, 1); END IF;
		IF distributed AND n = 8 THEN CALL split_group(2); END IF;
		COMMIT;
		CALL run_all(timestamptz '2025-03-07 18:00+00' + n * interval '2 hours' + interval '31 seconds');
		COMMIT;
	END LOOP;
END $$;
INSERT INTO core_asset_registry_all (canonical_symbol, metadata)
SELECT 'SYM' || s, jsonb_build_object('agg', jsonb_build_object('optional', '["4h", "1d"]'::jsonb, 'start_utc', '2025-03-07T18:00:00Z') || CASE WHEN s % 3 > 0 THEN '{"source": "1m"}' ELSE '{}' END::jsonb
	|| CASE WHEN s % 3 = 2 THEN '{"calendar": "fx"}' ELSE '{}' END::jsonb)
FROM generate_series(1, 40) AS s;

-- ---- on the plain tables ----
SELECT sync_agg_state_from_registry('prod') AS plain_sync \gset
CALL play();
CREATE TABLE plain_bars AS SELECT * FROM derived_data_bars;
CREATE TABLE plain_tasks AS SELECT * FROM data_agg_state;
SELECT cmp_ok(count(*)::int, '>', 10000, 'there are bars to compare') FROM plain_bars WHERE deleted_at IS NULL;
SET aggregation.tracking = off;
TRUNCATE data_bars, derived_data_bars, data_agg_state, agg_change_log, agg_dirty_ranges, agg_recent_tasks, agg_sealed_ranges, agg_refused_ranges;
RESET aggregation.tracking;
DELETE FROM agg_calendar_exceptions WHERE calendar = 'fx' AND trading_date = '2025-03-07';

-- ---- on groups of shards ----
CALL distribute(4);
SELECT sync_agg_state_from_registry('prod') AS sync \gset
SELECT is(:'sync'::jsonb - '{timestamp_utc}'::text[], :'plain_sync'::jsonb - '{timestamp_utc}'::text[], 'the registry is synchronized as on the plain tables');
SELECT is((SELECT count(*) FROM rows_of(NULL::data_agg_state))::int, 160, 'each task once');
CALL play();
SELECT is((SELECT count(*) FROM pg_dist_shard WHERE logicalrelid = 'data_bars'::regclass)::int, 5, 'of four groups one was split');
SELECT is_empty($$
	WITH bars AS (SELECT 'plain' AS way, to_jsonb(b) AS bar FROM plain_bars AS b UNION ALL SELECT 'groups', to_jsonb(b) FROM rows_of(NULL::derived_data_bars) AS b),
	compared AS (SELECT way, bar - '{ingested_at,created_at,updated_at,deleted_at,revision}'::text[] AS bar FROM bars WHERE bar ->> 'deleted_at' IS NULL)
	SELECT bar, min(way) FROM compared GROUP BY bar HAVING count(*) <> 2 LIMIT 5
$$, 'the same bars, bit by bit');
SELECT is_empty($$
	SELECT canonical_symbol, timeframe, last_agg_bar_ts_utc FROM plain_tasks EXCEPT SELECT canonical_symbol, timeframe, last_agg_bar_ts_utc FROM rows_of(NULL::data_agg_state)
$$, 'the same cursors');
SELECT is_empty('SELECT * FROM agg_verify() LIMIT 5', 'and the proof finds nothing');
SELECT is_empty('SELECT FROM rows_of(NULL::agg_change_log)', 'nothing is left in the logs');
SELECT is_empty('SELECT FROM rows_of(NULL::agg_dirty_ranges) WHERE due = ''now''', 'and no mark');
SELECT is_empty('SELECT FROM data_bars UNION ALL SELECT FROM derived_data_bars', 'nothing is written into the tables that have shards');

-- ---- days are the node's, and so for all of its groups ----
SELECT 'agg_calendar_days_' || shardid AS days FROM pg_dist_shard WHERE logicalrelid = 'agg_calendar_days'::regclass \gset
UPDATE :days SET opens = '{}', closes = '{}' WHERE calendar = 'fx' AND trading_date = '2025-03-07';
SELECT is(agg_refresh_calendars() ->> 'tasks_marked', '52', 'where days are not those of the rules the tasks of all groups are marked');
CALL run_all('2025-03-09 06:00:31+00');
SELECT is_empty('SELECT * FROM agg_verify() LIMIT 5', 'and their bars made anew');
SELECT is(agg_refresh_calendars() ->> 'tasks_marked', '0', 'once');

-- ---- what is asked of all groups ----
SELECT is((SELECT count(*) FROM agg_registry_sync WHERE env_name = 'prod' AND shards <> '')::int, 4, 'each group was synced for itself');
SELECT set_eq($$
	SELECT node, canonical_symbol, timeframe, bars FROM agg_rows_of_nodes('v_aggregation_quality')
	AS r(node text, canonical_symbol text, timeframe text, bars bigint, good_bars bigint, good_percent numeric, worst_score int)
$$, $$
	SELECT 'here:5432', canonical_symbol, timeframe, 0::bigint FROM rows_of(NULL::data_agg_state)
$$, 'a view has the rows of all groups, and the name of their node');
SELECT is((SELECT sum(things)::int FROM agg_rows_of_nodes('alarms') AS r(node text, alert text, severity text, canonical_symbol text, timeframe text, since timestamptz, things bigint, detail text, remedy text)
	WHERE alert = 'no_runner'), (SELECT count(*) FROM rows_of(NULL::data_agg_state) WHERE enabled AND status = 'idle' AND next_run_at < now() - interval '5 minutes')::int, 'what is counted is counted in each group');
SELECT probe.refuses($$SELECT * FROM agg_rows_of_nodes('alarms') AS r(node text, alert int, severity text, canonical_symbol text, timeframe text, since timestamptz, things bigint, detail text, remedy text)$$,
	'42804', '%alert%text%integer%', '%', 'columns of other types are refused');
SELECT probe.refuses($$SELECT * FROM agg_rows_of_nodes('pg_authid') AS r(node text)$$, '22023', '%pg_authid%', '%v_aggregation_%', 'and what is no view');
SELECT canonical_symbol AS first, (array_agg(canonical_symbol) OVER ())[7] AS second FROM rows_of(NULL::data_agg_state) WHERE timeframe = '5m' LIMIT 1 \gset
SELECT bag_eq(format($$SELECT canonical_symbol, ts_utc, close FROM agg_latest(ARRAY[%1$L, %2$L], '5m', false)$$, :'first', :'second'),
	format($$SELECT DISTINCT ON (canonical_symbol) canonical_symbol, ts_utc, close FROM plain_bars WHERE canonical_symbol IN (%1$L, %2$L) AND timeframe = '5m' AND deleted_at IS NULL ORDER BY canonical_symbol, ts_utc DESC$$, :'first', :'second'),
	'a list of symbols is asked of their groups');
BEGIN;
SELECT agg_verify_sample(p_fraction => 0.2, p_seed => 1) AS audit \gset
SELECT shards_changed() \g /dev/null
COMMIT; -- looks whether the groups are still here
SELECT is((SELECT count(*) FROM agg_audit)::int, 1, 'an audit of all groups is one');
SELECT is((SELECT windows FROM agg_audit)::text, :'audit'::jsonb ->> 'windows', 'of all their windows');

-- ---- who is not here is not touched ----
CALL move_group(0, 2);
SELECT canonical_symbol AS away FROM rows_of(NULL::data_agg_state) WHERE hashtext(canonical_symbol) < -1073741824 LIMIT 1 \gset
SELECT canonical_symbol AS here FROM rows_of(NULL::data_agg_state) WHERE hashtext(canonical_symbol) > 0 LIMIT 1 \gset
SELECT probe.refuses(format('SELECT agg_start(%L, ''5m'')', :'away'), '55000', '%' || :'away' || '%another node%', '%again%', 'a symbol of another node is left to that');
SELECT ok((agg_start(:'here', '5m', '2026-01-01') -> 'success')::boolean, 'one of this node is worked on');
SELECT ok((agg_finish(:'here', '5m', true, p_now_utc => '2026-01-01') -> 'success')::boolean, 'in its group');
SELECT * FROM finish();
