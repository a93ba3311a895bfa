-- DDL hooks fire before PostgreSQL has checked anybody's rights: nothing happens for those who have none. What others have committed
-- counts, whenever the transaction began; whatever takes a partition away is retention.
\ir ../pgtap/include/tap.psql
\ir ../pgtap/include/refusals.psql
SELECT no_plan();
\ir include/diary.psql
CREATE ROLE aggregation_ddl_nobody;
CREATE ROLE aggregation_ddl_owner;
CREATE ROLE aggregation_ddl_part;
CREATE TABLE data_bars (canonical_symbol text, timeframe text, ts_utc timestamptz, PRIMARY KEY (canonical_symbol, timeframe, ts_utc)) PARTITION BY RANGE (ts_utc);
DO $$ BEGIN PERFORM agg_setup(); END $$;
CREATE SCHEMA archive;
CREATE FUNCTION part(p_name text, p_month int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('CREATE TABLE %s PARTITION OF public.data_bars FOR VALUES FROM (%L) TO (%L)', p_name, make_timestamptz(2025, p_month, 1, 0, 0, 0, 'UTC'), make_timestamptz(2025, p_month + 1, 1, 0, 0, 0, 'UTC'));
	EXECUTE format('INSERT INTO public.data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) VALUES (%L, ''1m'', %L, 1, 1, 1, 1)', 'M' || p_month, make_timestamptz(2025, p_month, 5, 0, 0, 0, 'UTC'));
END
$$;
CREATE FUNCTION sealed() RETURNS text LANGUAGE sql AS $$ SELECT string_agg(canonical_symbol || ' ' || reason, ', ' ORDER BY canonical_symbol) FROM public.agg_sealed_ranges $$;
SELECT part('public.bars_1', 1), part('archive.bars_2', 2), part('archive.bars_3', 3), part('public.bars_4', 4), part('public.bars_5', 5), part('public.bars_6', 6) \g /dev/null

-- Whoever has no right: nothing is looked at, locked or sealed. His operators could lie anywhere on his path.
CREATE SCHEMA evil AUTHORIZATION aggregation_ddl_nobody;
SET ROLE aggregation_ddl_nobody;
CREATE FUNCTION evil.after(text, text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM spy.note('operator'); RETURN $1 OPERATOR(pg_catalog.>) $2; END $$;
CREATE OPERATOR evil.> (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.after);
SET search_path = evil, pg_catalog, public;
\set ON_ERROR_STOP 0
BEGIN;
SAVEPOINT s;
DROP TABLE public.bars_1;
ROLLBACK TO s;
DROP SCHEMA archive CASCADE;
ROLLBACK TO s;
DROP OWNED BY postgres CASCADE;
ROLLBACK TO s;
ALTER TABLE public.data_bars ALTER COLUMN close TYPE numeric;
ROLLBACK TO s;
ALTER TABLE public.data_bars DETACH PARTITION public.bars_1;
ROLLBACK TO s;
CREATE TABLE evil.bars_9 PARTITION OF public.data_bars FOR VALUES FROM ('2025-09-01') TO ('2025-09-02');
ROLLBACK TO s;
CREATE TRIGGER t AFTER INSERT ON public.data_bars FOR EACH ROW EXECUTE FUNCTION public.agg_capture_changes();
ROLLBACK;
\set ON_ERROR_STOP 1
RESET search_path;
RESET ROLE;
SELECT is(sealed(), NULL, 'nobody seals nothing');
SELECT is_empty('SELECT * FROM spy.diary', 'and runs nothing of his');
SELECT is(has_function_privilege('aggregation_ddl_nobody', 'agg_capture_changes()', 'EXECUTE'), false, 'and is granted nothing');

-- The owner of a partition, of a schema, of everything that a role has.
ALTER TABLE bars_1 OWNER TO aggregation_ddl_part;
SET ROLE aggregation_ddl_part;
DROP TABLE bars_1;
RESET ROLE;
SELECT is(sealed(), 'M1 bars_1 dropped', 'the owner of a partition drops it');
GRANT USAGE ON SCHEMA archive TO aggregation_ddl_owner;
ALTER SCHEMA archive OWNER TO aggregation_ddl_owner;
SET ROLE aggregation_ddl_owner;
DROP TABLE archive.bars_2;
SELECT lives_ok('SELECT 1', 'the owner of the schema, too');
DROP SCHEMA archive CASCADE;
RESET ROLE;
SELECT is(sealed(), 'M1 bars_1 dropped, M2 bars_2 dropped, M3 bars_3 dropped', 'a schema goes with its partitions');
ALTER TABLE bars_4 OWNER TO aggregation_ddl_part;
DROP OWNED BY aggregation_ddl_part;
SELECT is(sealed(), 'M1 bars_1 dropped, M2 bars_2 dropped, M3 bars_3 dropped, M4 bars_4 dropped', 'so do an owner''s');
SELECT is(count(*), 2::bigint, 'two partitions are left') FROM pg_inherits WHERE inhparent = 'data_bars'::regclass;

-- What others have committed since the transaction began.
SELECT current_database() AS db \gset
\setenv PGDATABASE :db
DELETE FROM agg_sealed_ranges;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT count(*) FROM data_bars \g /dev/null
\! psql -X -q -c "INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) VALUES ('LATER', '1m', '2025-05-06 00:00+00', 1, 1, 1, 1)"
DROP TABLE bars_5;
COMMIT;
SELECT is(sealed(), 'LATER bars_5 dropped, M5 bars_5 dropped', 'DROP in an old snapshot');
DELETE FROM agg_change_log;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT count(*) FROM data_bars \g /dev/null
\! psql -X -q -c "SET aggregation.tracking = off" -c "INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) VALUES ('LATER', '1m', '2025-06-06 00:00+00', 1, 1, 1, 1)"
TRUNCATE data_bars;
COMMIT;
SELECT set_eq('SELECT unnest(symbols) FROM agg_change_log', '{LATER,M6}'::text[], 'TRUNCATE in an old snapshot');
DELETE FROM agg_sealed_ranges;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT count(*) FROM data_bars \g /dev/null
\! psql -X -q -c "INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) VALUES ('LATER', '1m', '2025-06-06 00:00+00', 1, 1, 1, 1)"
ALTER TABLE data_bars DETACH PARTITION bars_6;
COMMIT;
SELECT is(sealed(), 'LATER bars_6 detached', 'DETACH in an old snapshot');
-- With tracking off nothing is sealed, but the trigger for TRUNCATE is made.
SET aggregation.tracking = off;
SELECT part('public.bars_7', 7) \g /dev/null
SELECT is(count(*), 1::bigint, 'partitions are watched from the start') FROM pg_trigger WHERE tgrelid = 'bars_7'::regclass AND tgname = 'aggregation_capture_truncate';
DROP TABLE bars_7;
SELECT is(sealed(), 'LATER bars_6 detached', 'nothing is sealed while tracking is off');
RESET aggregation.tracking;

SELECT * FROM finish();
DROP OWNED BY aggregation_ddl_nobody, aggregation_ddl_owner, aggregation_ddl_part CASCADE;
DROP ROLE aggregation_ddl_nobody, aggregation_ddl_owner, aggregation_ddl_part;
