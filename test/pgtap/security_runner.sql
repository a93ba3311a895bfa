-- agg_run runs with its caller's rights, since a procedure that commits can do nothing else. The caller needs no right on the tables, gets none, and
-- cannot have the tables' owner run his operators; what hangs on the tables runs as their owner, restricted.
\ir include/tap.psql
DO $$ BEGIN PERFORM agg_setup(); END $$;
\ir include/market.psql
SELECT no_plan();
CREATE ROLE aggregation_runner_owner;
CREATE ROLE aggregation_runner_worker;
GRANT CREATE, USAGE ON SCHEMA public TO aggregation_runner_owner;
ALTER TABLE data_bars OWNER TO aggregation_runner_owner;
ALTER TABLE derived_data_bars OWNER TO aggregation_runner_owner;
ALTER TABLE data_agg_state OWNER TO aggregation_runner_owner;
ALTER TABLE core_asset_registry_all OWNER TO aggregation_runner_owner;
ALTER TABLE ops_runlog OWNER TO aggregation_runner_owner;
SELECT world.task('EURUSD', '5m'), world.minutes('EURUSD', '2025-07-01 00:00+00', 200);

CREATE TABLE diary (what text, who name, path text);
GRANT ALL ON diary TO PUBLIC;
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.diary VALUES ('trigger', current_user, current_setting('search_path')); RETURN NEW; END $$;
CREATE TRIGGER note BEFORE INSERT OR UPDATE ON derived_data_bars FOR EACH ROW EXECUTE FUNCTION note();
CREATE TRIGGER note BEFORE UPDATE ON data_agg_state FOR EACH ROW EXECUTE FUNCTION note();

SET ROLE aggregation_runner_worker;
\set ON_ERROR_STOP 0
CALL agg_run(p_now_utc => '2025-07-01 01:01+00');
\set ON_ERROR_STOP 1
RESET ROLE;
SELECT is(:'LAST_ERROR_SQLSTATE'::text, '42501', 'without EXECUTE nobody runs anything');
GRANT EXECUTE ON PROCEDURE agg_run TO aggregation_runner_worker;

-- Operators that would be found first, if the caller's path counted.
CREATE SCHEMA evil;
GRANT USAGE ON SCHEMA evil TO PUBLIC;
CREATE FUNCTION evil.same(text, text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.diary VALUES ('operator', current_user, current_setting('search_path')); RETURN $1 OPERATOR(pg_catalog.=) $2; END $$;
CREATE OPERATOR evil.= (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.same);
SET ROLE aggregation_runner_worker;
SET search_path = evil, pg_catalog, public;
CALL agg_run(p_now_utc => '2025-07-01 01:01+00', p_batch => 1);
CALL agg_run(p_now_utc => '2025-07-01 02:01+00', p_sync_minutes => 0);
SELECT pg_catalog.current_setting('search_path') AS path \gset
SELECT pg_catalog.has_table_privilege('public.data_bars', 'SELECT') AS may_read \gset
RESET search_path;
RESET ROLE;
SELECT is(:'path'::text, 'evil, pg_catalog, public', 'the caller''s path is his again');
SELECT is(:'may_read'::boolean, false, 'he has no right on the tables');
SELECT is(count(*), 24::bigint, 'the bars are made all the same') FROM derived_data_bars WHERE timeframe = '5m';
SELECT is_empty($$SELECT * FROM diary WHERE what = 'operator'$$, 'his operators are never found');
SELECT is(array_agg(DISTINCT who), ARRAY['aggregation_runner_owner']::name[], 'triggers run as the tables'' owner') FROM diary;
SELECT is(array_agg(DISTINCT path), ARRAY['pg_catalog, pg_temp'], 'under a path that holds nothing of anybody''s') FROM diary;

REASSIGN OWNED BY aggregation_runner_owner TO postgres;
DROP OWNED BY aggregation_runner_owner, aggregation_runner_worker;
DROP ROLE aggregation_runner_owner, aggregation_runner_worker;
SELECT * FROM finish();
