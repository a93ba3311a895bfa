-- A table whose rows another extension keeps elsewhere: what is written must be there for whoever reads the table; where it is not, the run
-- that lost it says so.
\ir ../pgtap/include/tap.psql
\ir ../pgtap/include/refusals.psql
DO $$ BEGIN PERFORM agg_setup(); END $$;
\ir ../pgtap/include/market.psql
SELECT no_plan();
\set module `echo "$TABLE_MANAGER"`
LOAD :'module';
SET session_replication_role = replica; -- as an extension makes its chunks: without a statement that anybody sees
CREATE TABLE derived_chunk (LIKE derived_data_bars INCLUDING ALL) INHERITS (derived_data_bars);
CREATE TABLE minutes_chunk (LIKE data_bars INCLUDING ALL) INHERITS (data_bars);
CREATE TRIGGER aggregation_capture AFTER INSERT OR UPDATE OR DELETE ON minutes_chunk FOR EACH ROW EXECUTE FUNCTION agg_capture_changes();
RESET session_replication_role;
SET table_manager.tables = 'public.derived_data_bars>public.derived_chunk,public.data_bars>public.minutes_chunk';
CREATE FUNCTION run() RETURNS void LANGUAGE plpgsql AS $$ BEGIN WHILE (agg_run_batch(p_max_windows => 100000, p_now_utc => '2025-08-01 00:00+00') ->> 'continue')::boolean LOOP NULL; END LOOP; END $$;

SELECT world.task('EURUSD', tf) FROM unnest(ARRAY['5m', '1h', '1d']) AS tf;
SELECT world.minutes('EURUSD', '2025-07-01 00:00+00', 28 * 1440);
SELECT run() \g /dev/null
SELECT results_eq($$SELECT tableoid::regclass::text, timeframe, count(*) FROM derived_data_bars GROUP BY 1, 2 ORDER BY 3$$,
	$$VALUES ('derived_chunk', '1d', 28::bigint), ('derived_chunk', '1h', 672), ('derived_chunk', '5m', 8064)$$, 'every bar is where the extension keeps it');
SELECT is_empty('SELECT * FROM ONLY derived_data_bars', 'and none where nobody looks');
SELECT is_empty('SELECT * FROM agg_verify()', 'the proof sees them all');

-- The same bits as in a plain table.
CREATE TABLE kept AS SELECT canonical_symbol, timeframe, ts_utc, open, high, low, close, vol, vwap, trade_count, source, raw, source_timeframe, source_candles, expected_candles, quality_score, derivation_version, is_partial FROM derived_data_bars;
BEGIN;
SET LOCAL table_manager.tables = '';
ALTER TABLE derived_chunk NO INHERIT derived_data_bars;
SELECT (catchup_aggregation_range('EURUSD', tf, '2025-07-01', 100000, '2025-08-01') ->> 'bars_inserted')::int AS made FROM unnest(ARRAY['5m', '1h', '1d']) AS tf;
SELECT is_empty($$(TABLE kept EXCEPT ALL SELECT canonical_symbol, timeframe, ts_utc, open, high, low, close, vol, vwap, trade_count, source, raw, source_timeframe, source_candles, expected_candles, quality_score, derivation_version, is_partial FROM derived_data_bars)$$, 'the same bars either way');
SELECT is((SELECT count(*) FROM ONLY derived_data_bars), (SELECT count(*) FROM kept), 'as many');
ROLLBACK;

-- Bars that are there already: looked at, rewritten, deleted, and a key that another session has stored meanwhile.
SELECT is(catchup_aggregation_range('EURUSD', '5m', '2025-07-01', 100000, '2025-08-01') -> 'bars_unchanged', '8064', 'once more: nothing to write');
UPDATE data_bars SET close = 1e6, high = 1e6 WHERE ts_utc = '2025-07-10 10:02+00';
DELETE FROM data_bars WHERE ts_utc >= '2025-07-11 10:00+00' AND ts_utc < '2025-07-11 10:05+00';
SELECT run() \g /dev/null
SELECT is(count(*), 3::bigint, 'a correction') FROM derived_data_bars WHERE high = 1e6 AND deleted_at IS NULL;
SELECT is(count(*), 1::bigint, 'a retraction') FROM derived_data_bars WHERE deleted_at IS NOT NULL;
SELECT world.minutes('EURUSD', '2025-07-11 10:00+00', 5) \g /dev/null
SELECT run() \g /dev/null
SELECT is_empty('SELECT * FROM agg_verify()', 'and a return');
SELECT is_empty('SELECT * FROM ONLY derived_data_bars', 'all in their place');

-- The index's minutes.
SELECT world.minutes(s, '2025-07-02 00:00+00', 300, 2) FROM unnest(ARRAY['USDJPY', 'GBPUSD', 'USDCAD', 'USDSEK', 'USDCHF']) AS s;
SELECT is(calc_dxy_range_1m('2025-07-02', '2025-07-03') -> 'inserted', '300', 'minutes of the index');
SELECT is(count(*), 300::bigint, 'are where they are looked for') FROM minutes_chunk WHERE canonical_symbol = 'DXY';

-- An extension that comes later, or goes, is noticed by the next write.
SELECT world.task('OTHER', '5m'), world.minutes('OTHER', '2025-07-01 00:00+00', 1440);
DELETE FROM derived_data_bars;
SET table_manager.tables = '';
ALTER TABLE derived_chunk NO INHERIT derived_data_bars;
SELECT is(catchup_aggregation_range('OTHER', '5m', '2025-07-01', 100000, '2025-08-01') -> 'bars_inserted', '288', 'a table that is plain again');
SELECT is(count(*), 288::bigint, 'is written plainly') FROM ONLY derived_data_bars;
DELETE FROM derived_data_bars;

-- Children that nobody manages: no key spans them.
SET session_replication_role = replica;
ALTER TABLE derived_chunk INHERIT derived_data_bars;
RESET session_replication_role;
SELECT probe.refuses($$SELECT catchup_aggregation_range('OTHER', '5m', '2025-07-01', 100000, '2025-08-01')$$, '0A000', '%derived_data_bars%inherit%', '%partition%', 'a table with children by inheritance: in bulk');
SELECT probe.refuses($$SELECT catchup_aggregation_range('OTHER', '5m', '2025-07-01', 3, '2025-08-01')$$, '0A000', '%derived_data_bars%inherit%', '%partition%', 'and one by one');
ALTER TABLE derived_chunk NO INHERIT derived_data_bars;

-- What is lost is found by the run that lost it.
SET table_manager.tables = 'public.derived_data_bars>public.derived_chunk';
SELECT probe.refuses($$SELECT catchup_aggregation_range('OTHER', '5m', '2025-07-01', 100000, '2025-08-01')$$, '55000', '%written%derived_data_bars%cannot be read%', '%extension%', 'rows that go where nobody looks');
SET table_manager.tables = '';
CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN CASE WHEN extract(minute FROM NEW.ts_utc) = 20 THEN NULL ELSE NEW END; END $$;
CREATE TRIGGER swallowed BEFORE INSERT ON derived_data_bars FOR EACH ROW EXECUTE FUNCTION swallow();
SELECT probe.refuses($$SELECT catchup_aggregation_range('OTHER', '5m', '2025-07-01', 100000, '2025-08-01')$$, '55000', '%derived_data_bars%took 264 of 288 bars%', '%trigger%', 'a trigger that swallows rows: in bulk');
SELECT probe.refuses($$SELECT catchup_aggregation_range('OTHER', '5m', '2025-07-01', 5, '2025-08-01')$$, '55000', '%derived_data_bars%took 4 of 5 bars%', '%trigger%', 'and one by one');
CREATE TABLE cursor_before AS SELECT last_agg_bar_ts_utc FROM data_agg_state WHERE canonical_symbol = 'OTHER';
SELECT probe.answers(agg_run_batch(p_now_utc => '2025-08-01'), '{"tasks_failed": 1}', 'the runner says so') WHERE EXISTS (SELECT FROM data_agg_state WHERE canonical_symbol = 'OTHER');
SELECT results_eq($$SELECT s.last_agg_bar_ts_utc IS NOT DISTINCT FROM c.last_agg_bar_ts_utc, status, hard_fail_streak, last_error LIKE '55000 %took%' FROM data_agg_state AS s, cursor_before AS c WHERE s.canonical_symbol = 'OTHER'$$,
	$$VALUES (true, 'idle', 0, true)$$, 'its cursor stays, and so does the task');
DROP TRIGGER swallowed ON derived_data_bars;

-- Other kinds of tables and columns: each works, or is refused before anything is written.
DROP VIEW v_aggregation_quality; -- it would hold the column
ALTER TABLE derived_data_bars DROP quality_score;
ALTER TABLE derived_data_bars ADD quality_score integer GENERATED ALWAYS AS (2) STORED;
SELECT probe.refuses(format($$SELECT catchup_aggregation_range('OTHER', '5m', '2025-07-01', %s, '2025-08-01')$$, n), '428C9', '%quality_score%generated%', '%agg_setup%', 'a generated column of ours: ' || n) FROM unnest(ARRAY[3, 1000]) AS n;
ALTER TABLE derived_data_bars DROP quality_score;
ALTER TABLE derived_data_bars ADD quality_score integer NOT NULL GENERATED ALWAYS AS IDENTITY;
SELECT probe.refuses(format($$SELECT catchup_aggregation_range('OTHER', '5m', '2025-07-01', %s, '2025-08-01')$$, n), '428C9', '%quality_score%identity%', '%agg_setup%', 'an identity column of ours: ' || n) FROM unnest(ARRAY[3, 1000]) AS n;
ALTER TABLE derived_data_bars DROP quality_score;
ALTER TABLE derived_data_bars ADD quality_score integer, ADD number bigint GENERATED ALWAYS AS IDENTITY, ADD width double precision GENERATED ALWAYS AS (high - low) STORED;
SELECT probe.answers(catchup_aggregation_range('OTHER', '5m', '2025-07-01', 3, '2025-08-01'), '{"bars_inserted": 3}', 'identity and generated columns of the owner''s');
SELECT probe.answers(catchup_aggregation_range('OTHER', '5m', '2025-07-01', 1000, '2025-08-01'), '{"bars_inserted": 285}', 'work');
SELECT results_eq('SELECT count(DISTINCT number), bool_and(width = high - low) FROM derived_data_bars', 'VALUES (288::bigint, true)', 'as their owner wants them');
DELETE FROM derived_data_bars;
CREATE RULE elsewhere AS ON INSERT TO derived_data_bars DO INSTEAD NOTHING;
SELECT probe.refuses(format($$SELECT catchup_aggregation_range('OTHER', '5m', '2025-07-01', %s, '2025-08-01')$$, n), '0A000', '%derived_data_bars%rules%', '%rop%', 'rules: ' || n) FROM unnest(ARRAY[3, 1000]) AS n;
DROP RULE elsewhere ON derived_data_bars;
CREATE ROLE keeper;
GRANT ALL ON SCHEMA public TO keeper;
ALTER TABLE derived_data_bars OWNER TO keeper, ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
SELECT probe.refuses(format($$SELECT catchup_aggregation_range('OTHER', '5m', '2025-07-01', %s, '2025-08-01')$$, n), '0A000', '%row security%derived_data_bars%', '%FORCE%', 'forced row security: ' || n) FROM unnest(ARRAY[3, 1000]) AS n;
ALTER TABLE derived_data_bars NO FORCE ROW LEVEL SECURITY;
SELECT probe.answers(catchup_aggregation_range('OTHER', '5m', '2025-07-01', 1000, '2025-08-01'), '{"bars_inserted": 288}', 'row security for others works');
ALTER TABLE derived_data_bars OWNER TO CURRENT_USER;
ALTER TABLE data_bars OWNER TO keeper, ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
SELECT agg_mark_changed('OTHER', '2025-07-01', '2025-07-02') \g /dev/null
SELECT count(*) AS bars FROM derived_data_bars WHERE deleted_at IS NULL \gset
SELECT probe.refuses($$SELECT agg_run_batch(p_now_utc => '2025-08-01')$$, '0A000', '%row security%data_bars%', '%FORCE%', 'a feed that the owner of the minutes does not see is not one that is gone');
UPDATE data_agg_state SET next_run_at = NULL;
SELECT probe.answers(agg_run_batch(p_now_utc => '2025-08-01'), '{"tasks": 4, "tasks_failed": 4}', 'tasks that are due are told so');
SELECT is((SELECT count(*) FROM derived_data_bars WHERE deleted_at IS NULL), :bars::bigint, 'rows that the owner of the minutes does not see are not rows that are gone');
SELECT probe.refuses($$SELECT catchup_aggregation_range('OTHER', '5m', '2025-07-01', 3, '2025-08-01')$$, '0A000', '%row security%data_bars%', '%FORCE%', 'nor source that is missing');
SELECT probe.refuses($$SELECT * FROM agg_gaps('OTHER', '2025-07-01', '2025-07-02')$$, '0A000', '%row security%data_bars%', '%FORCE%', 'nor missing');
SELECT probe.refuses($$SELECT * FROM agg_verify()$$, '0A000', '%row security%data_bars%', '%FORCE%', 'and nothing is proven');
ALTER TABLE data_bars NO FORCE ROW LEVEL SECURITY;
ALTER TABLE data_bars OWNER TO CURRENT_USER;
-- Assets and tasks that their owner does not see are not gone either: a sync would disable the ones, and nobody marks the others.
ALTER TABLE core_asset_registry_all OWNER TO keeper, ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
SELECT probe.refuses('SELECT sync_agg_state_from_registry()', '0A000', '%row security%core_asset_registry_all%', '%FORCE%', 'a registry that nobody sees is not synced');
SELECT probe.refuses($$SELECT * FROM agg_get_due_tasks('prod')$$, '0A000', '%row security%', '%FORCE%', 'nor are its tasks due or not');
ALTER TABLE core_asset_registry_all OWNER TO CURRENT_USER, NO FORCE ROW LEVEL SECURITY;
ALTER TABLE data_agg_state OWNER TO keeper, ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
SELECT probe.refuses(call, '0A000', '%row security%data_agg_state%', '%FORCE%', 'tasks that nobody sees: ' || call)
FROM unnest(ARRAY['SELECT sync_agg_state_from_registry()', 'SELECT agg_run_batch()', $$SELECT * FROM agg_verify('OTHER', '5m')$$, $$SELECT agg_set_calendar('OTHER', 'fx')$$]) AS call;
ALTER TABLE data_agg_state NO FORCE ROW LEVEL SECURITY;
SELECT probe.answers(sync_agg_state_from_registry(), '{"success": true}', 'row security of tasks that is for others works');
ALTER TABLE data_agg_state OWNER TO CURRENT_USER;
DROP OWNED BY keeper;
DROP ROLE keeper;

SELECT * FROM finish();
