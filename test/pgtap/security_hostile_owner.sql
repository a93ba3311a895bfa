-- The extension belongs to a superuser, the tables to somebody else, who wants to be one. Whatever code he hangs on his tables (triggers, rules,
-- defaults, checks, index expressions, generated columns, views in their place, operators on the search_path) must run as himself.
\ir include/tap.psql
\ir include/refusals.psql
BEGIN;
SELECT no_plan();
CREATE ROLE aggregation_test_owner;
CREATE ROLE aggregation_test_worker;
GRANT CREATE, USAGE ON SCHEMA public TO aggregation_test_owner;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO aggregation_test_owner, aggregation_test_worker;

-- He writes down as whom he runs.
SET ROLE aggregation_test_owner;
DO $$ BEGIN PERFORM agg_setup(); END $$;
CREATE TABLE diary (what text, who name, session name, is_superuser text, restricted boolean, path text);
CREATE FUNCTION note(p_what text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	restricted boolean := false;
BEGIN
	BEGIN
		CREATE TEMPORARY TABLE prank (n int) ON COMMIT DROP; -- not allowed in a security-restricted operation
		DROP TABLE prank;
	EXCEPTION WHEN insufficient_privilege THEN
		restricted := true;
	END;
	INSERT INTO public.diary VALUES (p_what, current_user, session_user, current_setting('is_superuser'), restricted, current_setting('search_path'));
	RETURN true;
END
$$;
CREATE FUNCTION note_int(p_what text) RETURNS int LANGUAGE plpgsql AS $$ BEGIN PERFORM public.note(p_what); RETURN 1; END $$;
CREATE FUNCTION note_immutable(p_what text, t text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM public.note(p_what); RETURN t; END $$;
CREATE FUNCTION note_trigger() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM public.note('trigger on ' || TG_TABLE_NAME || ' ' || TG_WHEN || ' ' || TG_LEVEL);
	RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END
$$;
CREATE FUNCTION promote_me() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	BEGIN
		EXECUTE 'ALTER ROLE aggregation_test_owner SUPERUSER';
		INSERT INTO public.diary VALUES ('PROMOTED', current_user);
	EXCEPTION WHEN insufficient_privilege THEN
		INSERT INTO public.diary VALUES ('refused to promote', current_user);
	END;
	BEGIN
		EXECUTE 'SET LOCAL SESSION AUTHORIZATION DEFAULT';
		EXECUTE 'RESET ROLE';
		INSERT INTO public.diary VALUES ('after reset role', current_user);
	EXCEPTION WHEN OTHERS THEN
		INSERT INTO public.diary VALUES ('refused to reset', current_user);
	END;
	RETURN NEW;
END
$$;
DO $$
DECLARE
	t text;
BEGIN
	FOREACH t IN ARRAY ARRAY['data_bars', 'derived_data_bars', 'data_agg_state'] LOOP
		EXECUTE format('CREATE TRIGGER a_row BEFORE INSERT OR UPDATE OR DELETE ON %I FOR EACH ROW EXECUTE FUNCTION note_trigger()', t);
		EXECUTE format('CREATE TRIGGER b_row AFTER INSERT OR UPDATE OR DELETE ON %I FOR EACH ROW EXECUTE FUNCTION note_trigger()', t);
		EXECUTE format('CREATE TRIGGER c_statement AFTER INSERT OR UPDATE OR DELETE ON %I FOR EACH STATEMENT EXECUTE FUNCTION note_trigger()', t);
		EXECUTE format('CREATE TRIGGER e_promote BEFORE INSERT OR UPDATE ON %I FOR EACH ROW EXECUTE FUNCTION promote_me()', t);
		EXECUTE format('ALTER TABLE %I ADD COLUMN by_default int DEFAULT note_int(%L)', t, 'default of ' || t);
		EXECUTE format('ALTER TABLE %I ADD CONSTRAINT by_check CHECK (public.note(%L))', t, 'check of ' || t);
		EXECUTE format('CREATE INDEX %I ON %I (note_immutable(%L, canonical_symbol))', t || '_by_index', t, 'index of ' || t);
		EXECUTE format('ALTER TABLE %I ADD COLUMN generated text GENERATED ALWAYS AS (note_immutable(%L, canonical_symbol)) STORED', t, 'generated in ' || t);
	END LOOP;
END
$$;
-- A comparison of his own for text, in front of the system's on his search_path.
CREATE FUNCTION sly_equal(text, text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM public.note('operator'); RETURN pg_catalog.texteq($1, $2); END $$;
CREATE OPERATOR = (LEFTARG = text, RIGHTARG = text, FUNCTION = sly_equal);

-- The rows that there are to work on, without his triggers: a SET ROLE of our own would be no fence for them.
ALTER TABLE data_bars DISABLE TRIGGER USER;
ALTER TABLE data_agg_state DISABLE TRIGGER USER;
INSERT INTO data_agg_state (canonical_symbol, timeframe, source_timeframe, run_interval_minutes, aggregation_delay_seconds, is_mandatory) VALUES ('EURUSD', '5m', '1m', 5, 30, true), ('EURUSD', '1h', '5m', 60, 30, true);
INSERT INTO core_asset_registry_all (canonical_symbol) VALUES ('EURUSD'), ('DXY');
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close)
SELECT s, '1m', '2025-07-01 00:00+00'::timestamptz + make_interval(mins => i), 1, 1, 1, 1 FROM generate_series(0, 59) AS i, unnest(ARRAY['EURUSD', 'USDJPY', 'GBPUSD', 'USDCAD', 'USDSEK', 'USDCHF']) AS s;
RESET ROLE;
ALTER TABLE data_bars ENABLE TRIGGER USER;
ALTER TABLE data_agg_state ENABLE TRIGGER USER;
TRUNCATE diary;

-- A worker without any right of his own calls everything.
SET ROLE aggregation_test_worker;
SELECT sync_agg_state_from_registry('prod', '2025-07-01 00:00+00') \g /dev/null
SELECT count(*) FROM agg_get_due_tasks('prod', '2025-07-02') \g /dev/null
SELECT agg_start('EURUSD', '5m', '2025-07-02') \g /dev/null
SELECT catchup_aggregation_range('EURUSD', '5m', '2025-07-01', 100, '2025-07-02') \g /dev/null
SELECT agg_finish('EURUSD', '5m', true, '2025-07-01 01:00+00', NULL, NULL, NULL, '2025-07-02') \g /dev/null
SELECT count(*) FROM agg_aggregate_tasks(ARRAY['EURUSD'], ARRAY['1h'], 100, '2025-07-02') \g /dev/null
SELECT calc_dxy_range_1m('2025-07-01 00:00+00', '2025-07-01 00:10+00') \g /dev/null
SELECT aggregate_window('EURUSD', '1h', '2025-07-01 00:00+00', '2025-07-01 01:00+00', 2) \g /dev/null
SELECT agg_bootstrap_cursor('EURUSD', '5m') \g /dev/null
SELECT current_user AS worker_is \gset
RESET ROLE;

SELECT is(:'worker_is'::text, 'aggregation_test_worker', 'the caller is himself again');
SELECT cmp_ok(count(*), '>', 50::bigint, 'his code ran') FROM diary;
SELECT cmp_ok(count(DISTINCT what), '>=', 15::bigint, 'by every way that he tried') FROM diary;
SELECT is_empty($$SELECT DISTINCT what, who FROM diary WHERE who <> 'aggregation_test_owner'$$, 'always as himself');
SELECT is_empty($$SELECT DISTINCT what FROM diary WHERE what = 'PROMOTED' OR is_superuser = 'on'$$, 'never with a superuser''s rights');
SELECT is_empty($$SELECT DISTINCT what, who FROM diary WHERE what = 'after reset role' AND who NOT IN ('aggregation_test_owner', 'aggregation_test_worker')$$, 'and he cannot put the superuser''s role on');
SELECT is((SELECT rolsuper FROM pg_roles WHERE rolname = 'aggregation_test_owner'), false, 'he is no superuser');
SELECT is_empty($$SELECT DISTINCT what FROM diary WHERE NOT restricted AND who = 'aggregation_test_owner' AND what NOT IN ('PROMOTED', 'refused to promote', 'refused to reset', 'after reset role')$$, 'in a security-restricted context');
SELECT is_empty($$SELECT DISTINCT what FROM diary WHERE what = 'operator'$$, 'his operators are not ours');
SELECT is((SELECT count(*) FROM derived_data_bars WHERE deleted_at IS NULL), 13::bigint, 'and the work was done');

-- A deferred trigger would run later, outside of all this: PostgreSQL refuses that by itself.
GRANT USAGE ON SCHEMA probe TO aggregation_test_worker;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA probe TO aggregation_test_worker;
SET ROLE aggregation_test_owner;
CREATE CONSTRAINT TRIGGER d_deferred AFTER INSERT OR UPDATE ON derived_data_bars DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION note_trigger();
SET ROLE aggregation_test_worker;
SELECT (probe.attempt($$SELECT aggregate_window('EURUSD', '1h', '2025-07-01 00:00+00', '2025-07-01 01:00+00', 3)$$)).state AS deferred_state \gset
RESET ROLE;
SELECT is(:'deferred_state'::text, '42501', 'a deferred trigger is refused');
DROP TRIGGER d_deferred ON derived_data_bars;

-- A view in a table's place, whose function wants the reader's rights.
SET ROLE aggregation_test_owner;
ALTER TABLE data_bars RENAME TO real_bars;
CREATE VIEW data_bars AS SELECT * FROM real_bars WHERE public.note('view');
CREATE RULE sly_rule AS ON INSERT TO data_bars DO INSTEAD SELECT note('rule');
TRUNCATE diary;
SET ROLE aggregation_test_worker;
SELECT probe.attempt($$SELECT catchup_aggregation_range('EURUSD', '5m', '2025-07-01', 100, '2025-07-02')$$) \g /dev/null
RESET ROLE;
SELECT is_empty($$SELECT DISTINCT what, who FROM diary WHERE who <> 'aggregation_test_owner' OR is_superuser = 'on'$$, 'a view in a table''s place lends nothing');

SELECT * FROM finish();
ROLLBACK; -- the roles
