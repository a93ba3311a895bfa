-- Each table has an owner of its own, and each hangs on it all that can hang on a table. Whatever the extension does, a superuser's setup included,
-- their code runs as the table's owner, restricted, and never as anybody else.
\ir ../pgtap/include/tap.psql
\ir ../pgtap/include/refusals.psql
SELECT no_plan();
\ir include/diary.psql
SELECT format('CREATE ROLE aggregation_owner_%s', t) FROM unnest('{bars,derived,state,registry,runlog,part,worker}'::text[]) AS t \gexec
GRANT CREATE ON SCHEMA public TO aggregation_owner_bars, aggregation_owner_derived, aggregation_owner_state, aggregation_owner_registry, aggregation_owner_runlog, aggregation_owner_part;

-- Older tables of theirs; a superuser sets up on them.
CREATE FUNCTION public.hang(p_table text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('CREATE TRIGGER spy_before BEFORE INSERT OR UPDATE OR DELETE ON %I FOR EACH ROW EXECUTE FUNCTION spy.tell()', p_table);
	EXECUTE format('CREATE TRIGGER spy_after AFTER INSERT OR UPDATE OR DELETE ON %I FOR EACH ROW EXECUTE FUNCTION spy.tell()', p_table);
	EXECUTE format('CREATE TRIGGER spy_statement AFTER INSERT OR UPDATE OR DELETE ON %I FOR EACH STATEMENT EXECUTE FUNCTION spy.tell()', p_table);
	EXECUTE format('ALTER TABLE %I ADD COLUMN by_default int DEFAULT spy.note_default(%L)', p_table, p_table || ' default');
	EXECUTE format('ALTER TABLE %I ADD CONSTRAINT by_check CHECK (spy.note(%L))', p_table, p_table || ' check');
	EXECUTE format('CREATE INDEX ON %I ((spy.note_immutable(%L, %s::text)))', p_table, p_table || ' index', CASE p_table WHEN 'ops_runlog' THEN 'job_name' ELSE 'canonical_symbol' END);
	EXECUTE format('ALTER TABLE %I ADD COLUMN generated text GENERATED ALWAYS AS (spy.note_immutable(%L, %s::text)) STORED', p_table, p_table || ' generated', CASE p_table WHEN 'ops_runlog' THEN 'job_name' ELSE 'canonical_symbol' END);
	EXECUTE format('CREATE POLICY spy ON %I USING (spy.note(%L))', p_table, p_table || ' policy');
	EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', p_table);
	EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', p_table);
END
$$;
SET ROLE aggregation_owner_state;
CREATE TABLE data_agg_state (canonical_symbol text, timeframe text, source_timeframe text);
INSERT INTO data_agg_state VALUES ('EURUSD', '5m', '1m'), ('EURUSD', '1h', '5m');
SELECT hang('data_agg_state') \g /dev/null
SET ROLE aggregation_owner_bars;
CREATE TABLE data_bars (canonical_symbol text, timeframe text, ts_utc timestamptz, source text);
INSERT INTO data_bars VALUES ('X', '1m', '2025-01-01', 'ingest'), ('X', '1m', '2025-01-01', 'ingest');
SELECT hang('data_bars') \g /dev/null
RESET ROLE;
TRUNCATE spy.diary;
SELECT * FROM agg_setup(true) \g /dev/null
SELECT * FROM agg_setup() \g /dev/null
SELECT is_empty($$SELECT DISTINCT what, who, is_superuser, restricted FROM spy.diary WHERE NOT restricted OR is_superuser OR who::text <> 'aggregation_owner_' || CASE WHEN what LIKE 'data_bars%' THEN 'bars' ELSE 'state' END$$, 'a superuser''s agg_setup runs their code as themselves');
SELECT cmp_ok(count(*), '>', 0::bigint, 'it did run') FROM spy.diary;
SELECT set_eq('SELECT timeframe, source_timeframe FROM agg_timeframes', $$VALUES ('5m', '1m'), ('1h', '5m')$$, 'what was there before the trigger is listed');
SELECT is((SELECT count(*) FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner WHERE c.relname IN ('data_bars', 'data_agg_state') AND r.rolname LIKE 'aggregation_owner%'), 2::bigint, 'their tables are theirs');

-- Somebody who is not the owner sets up with his own rights only.
GRANT EXECUTE ON FUNCTION agg_setup TO aggregation_owner_worker;
ALTER TABLE data_agg_state DROP COLUMN late_rows CASCADE;
SET ROLE aggregation_owner_worker;
SELECT string_agg(detail, ';') AS said FROM agg_setup() WHERE object = 'column data_agg_state.late_rows' \gset
RESET ROLE;
SELECT matches(:'said'::text, 'must be owner of table data_agg_state', 'nobody else changes them');
DROP TRIGGER aggregation_tasks_made ON data_agg_state;
DROP TRIGGER aggregation_tasks_changed ON data_agg_state;
GRANT EXECUTE ON FUNCTION agg_setup TO aggregation_owner_state;
SET ROLE aggregation_owner_state;
SELECT set_eq($$SELECT object, action FROM agg_setup() WHERE object LIKE 'trigger aggregation_tasks%'$$, $$VALUES ('trigger aggregation_tasks_made', 'created'), ('trigger aggregation_tasks_changed', 'created')$$, 'their owner may, though nobody else can call what the triggers call');
RESET ROLE;

-- A view in a table's place is not even read.
SET ROLE aggregation_owner_bars;
ALTER TABLE data_bars RENAME TO real_bars;
CREATE VIEW data_bars AS SELECT * FROM real_bars WHERE spy.note('data_bars view');
RESET ROLE;
TRUNCATE spy.diary;
SELECT string_agg(detail, ';') AS said FROM agg_setup(true) WHERE object = 'table data_bars' \gset
SELECT agg_setup() \g /dev/null
SELECT matches(:'said'::text, 'that is not a table', 'a view is named');
SELECT is_empty($$SELECT what, who FROM spy.diary WHERE what LIKE '%view'$$, 'and not read');
DROP VIEW data_bars;
DROP TABLE real_bars, data_agg_state CASCADE;
DROP VIEW IF EXISTS v_aggregation_truth, v_aggregation_frontier_health, v_aggregation_unread_bars, v_aggregation_completeness;

-- Now whole tables, each its owner's; the workers work, and the feed feeds.
SELECT * FROM agg_setup() \g /dev/null
CREATE SCHEMA evil;
GRANT USAGE ON SCHEMA evil TO PUBLIC;
CREATE FUNCTION evil.same(text, text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM spy.note('operator'); RETURN $1 OPERATOR(pg_catalog.=) $2; END $$;
CREATE OPERATOR evil.= (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.same);
CREATE FUNCTION evil.unnest(text[]) RETURNS SETOF text LANGUAGE plpgsql AS $$ BEGIN PERFORM spy.note('operator'); RETURN QUERY SELECT pg_catalog.unnest($1); END $$;
ALTER TABLE data_bars OWNER TO aggregation_owner_bars;
ALTER TABLE derived_data_bars OWNER TO aggregation_owner_derived;
ALTER TABLE data_agg_state OWNER TO aggregation_owner_state;
ALTER TABLE core_asset_registry_all OWNER TO aggregation_owner_registry;
ALTER TABLE ops_runlog OWNER TO aggregation_owner_runlog;
INSERT INTO core_asset_registry_all (canonical_symbol) VALUES ('EURUSD'), ('DXY');
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close)
SELECT s, '1m', m, 1, 1, 1, 1 FROM generate_series('2025-07-01 00:00+00'::timestamptz, '2025-07-01 00:29+00', '1 minute') AS m, unnest(ARRAY['EURUSD', 'USDJPY', 'GBPUSD', 'USDCAD', 'USDSEK', 'USDCHF']) AS s;
SET ROLE aggregation_owner_bars;
SELECT hang('data_bars') \g /dev/null
ALTER TABLE data_bars NO FORCE ROW LEVEL SECURITY;
SET ROLE aggregation_owner_derived;
SELECT hang('derived_data_bars') \g /dev/null
ALTER TABLE derived_data_bars NO FORCE ROW LEVEL SECURITY;
SET ROLE aggregation_owner_state;
SELECT hang('data_agg_state') \g /dev/null
ALTER TABLE data_agg_state NO FORCE ROW LEVEL SECURITY;
SET ROLE aggregation_owner_registry;
SELECT hang('core_asset_registry_all') \g /dev/null
ALTER TABLE core_asset_registry_all NO FORCE ROW LEVEL SECURITY;
SET ROLE aggregation_owner_runlog;
SELECT hang('ops_runlog') \g /dev/null
RESET ROLE;
TRUNCATE spy.diary;

GRANT EXECUTE ON ALL ROUTINES IN SCHEMA public TO aggregation_owner_worker;
SET ROLE aggregation_owner_worker;
SELECT sync_agg_state_from_registry('prod', '2025-07-01 00:00+00') \g /dev/null
SELECT agg_start('EURUSD', '5m', '2025-07-02') \g /dev/null
SELECT catchup_aggregation_range('EURUSD', '5m', '2025-07-01', 4, '2025-07-02') \g /dev/null
SELECT agg_finish('EURUSD', '5m', true, '2025-07-01 00:20+00', NULL, NULL, NULL, '2025-07-02') \g /dev/null
SELECT calc_dxy_range_1m('2025-07-01 00:00+00', '2025-07-01 00:30+00') \g /dev/null
CALL agg_run(p_now_utc => '2025-07-02', p_sync_minutes => 0);
SELECT ops_runlog_start('00000000-0000-0000-0000-000000000001', 'j', 'cron', 'prod') \g /dev/null
SELECT ops_runlog_finish('00000000-0000-0000-0000-000000000001', 'success') \g /dev/null
SELECT derived_rebuild_range('EURUSD', '5m', '2025-07-01 00:00+00', '2025-07-01 01:00+00') \g /dev/null
SELECT agg_retire_source('2025-07-01 00:10+00', 'EURUSD') \g /dev/null
RESET ROLE;
SELECT is_empty($$SELECT DISTINCT what, who FROM spy.diary WHERE is_superuser OR what LIKE 'PROMOTED%'$$, 'no code of theirs is a superuser''s');
SELECT is_empty($$SELECT DISTINCT what, who FROM spy.diary WHERE NOT restricted$$, 'or runs unrestricted');
SELECT is_empty($$SELECT DISTINCT what, who FROM spy.diary WHERE who::text <> 'aggregation_owner_' || CASE split_part(what, ' ', 1) WHEN 'data_bars' THEN 'bars' WHEN 'derived_data_bars' THEN 'derived' WHEN 'data_agg_state' THEN 'state' WHEN 'core_asset_registry_all' THEN 'registry' WHEN 'ops_runlog' THEN 'runlog' END$$, 'or as another table''s owner');
SELECT is_empty($$SELECT what FROM spy.diary WHERE what = 'operator'$$, 'what a trigger sets leads no statement of ours astray');
SELECT cmp_ok(count(DISTINCT what), '>=', 15::bigint, 'they tried in many ways') FROM spy.diary;
SELECT cmp_ok(count(*), '>=', 6::bigint, 'and the work was done') FROM derived_data_bars WHERE timeframe = '5m' AND deleted_at IS NULL;

SELECT * FROM finish();
REASSIGN OWNED BY aggregation_owner_bars, aggregation_owner_derived, aggregation_owner_state, aggregation_owner_registry, aggregation_owner_runlog, aggregation_owner_part TO postgres;
DROP OWNED BY aggregation_owner_bars, aggregation_owner_derived, aggregation_owner_state, aggregation_owner_registry, aggregation_owner_runlog, aggregation_owner_part, aggregation_owner_worker;
DROP ROLE aggregation_owner_bars, aggregation_owner_derived, aggregation_owner_state, aggregation_owner_registry, aggregation_owner_runlog, aggregation_owner_part, aggregation_owner_worker;
