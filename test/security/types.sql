-- Tables of other types than the extension's: domains whose checks run code, types with casts and operators of their own. The code runs as the table's
-- owner, restricted, or not at all; nothing is read as what it is not.
\ir ../pgtap/include/tap.psql
\ir ../pgtap/include/refusals.psql
SELECT no_plan();
\ir include/diary.psql
CREATE ROLE aggregation_types_owner;
CREATE ROLE aggregation_types_worker;
GRANT CREATE ON SCHEMA public TO aggregation_types_owner;
SET ROLE aggregation_types_owner;
CREATE DOMAIN sly_text AS text CHECK (spy.note('domain'));
CREATE DOMAIN sly_price AS float8 CHECK (spy.note('domain'));
CREATE TYPE sly_symbol AS (name text);
CREATE FUNCTION sly_to_text(sly_symbol) RETURNS text LANGUAGE plpgsql AS $$ BEGIN PERFORM spy.note('cast'); RETURN ($1).name; END $$;
CREATE FUNCTION sly_from_text(text) RETURNS sly_symbol LANGUAGE plpgsql AS $$ BEGIN PERFORM spy.note('cast'); RETURN ROW($1); END $$;
CREATE CAST (sly_symbol AS text) WITH FUNCTION sly_to_text(sly_symbol) AS IMPLICIT;
RESET ROLE;
CREATE CAST (text AS sly_symbol) WITH FUNCTION sly_from_text(text) AS IMPLICIT;
DO $$ BEGIN PERFORM agg_setup(); END $$;
GRANT EXECUTE ON ALL ROUTINES IN SCHEMA public TO aggregation_types_worker;
CREATE FUNCTION everything() RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	s text;
BEGIN
	FOREACH s IN ARRAY ARRAY[$s$INSERT INTO public.core_asset_registry_all (canonical_symbol) VALUES ('EURUSD')$s$, $s$SELECT public.sync_agg_state_from_registry('prod', '2025-07-01')$s$,
		$s$INSERT INTO public.data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) SELECT 'EURUSD', '1m', m, 1, 1, 1, 1 FROM generate_series('2025-07-01 00:00+00'::timestamptz, '2025-07-01 00:30+00', '1 minute') AS m$s$,
		$s$SELECT public.catchup_aggregation_range('EURUSD', '5m', '2025-07-01 00:00+00', 3, '2025-07-02')$s$, $s$SELECT public.agg_run_batch(p_now_utc => '2025-07-02')$s$, $s$SELECT public.agg_verify()$s$,
		$s$SELECT public.agg_why('EURUSD', '5m', '2025-07-01 00:00+00')$s$, $s$SELECT public.calc_dxy_range_1m('2025-07-01', '2025-07-02')$s$, $s$SELECT public.agg_retire_source('2025-07-01 00:10+00')$s$,
		$s$DELETE FROM public.data_bars$s$, $s$TRUNCATE public.data_bars$s$] LOOP
		RETURN NEXT coalesce((probe.attempt(s)).state, 'done');
	END LOOP;
END
$$;
GRANT USAGE ON SCHEMA probe TO aggregation_types_worker;
-- What is wrong when a column is of such a type; the column is put back.
CREATE FUNCTION with_column(p_table text, p_column text, p_type text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	wrong text[];
BEGIN
	BEGIN
		EXECUTE format('ALTER TABLE public.%I OWNER TO aggregation_types_owner', p_table);
		EXECUTE format('ALTER TABLE public.%I DROP COLUMN %I CASCADE, ADD COLUMN %I %s', p_table, p_column, p_column, p_type);
		GRANT ALL ON ALL TABLES IN SCHEMA public TO aggregation_types_worker;
		SET LOCAL ROLE aggregation_types_worker;
		wrong := ARRAY(SELECT e FROM everything() AS e WHERE e LIKE 'XX%' OR e LIKE '58%');
		RESET ROLE;
		PERFORM agg_setup(true);
		wrong := wrong || ARRAY(SELECT DISTINCT format('%s as %s', d.what, d.who) FROM spy.diary d
			WHERE d.is_superuser OR d.who NOT IN ('aggregation_types_owner', 'aggregation_types_worker') OR (d.who = 'aggregation_types_owner' AND NOT d.restricted));
		RAISE EXCEPTION 'undo' USING ERRCODE = 'ZZ001';
	EXCEPTION WHEN SQLSTATE 'ZZ001' THEN
		RETURN QUERY SELECT unnest(wrong);
	END;
END
$$;
SELECT is_empty(format('SELECT with_column(%L, %L, %L)', t, c, kind), t || '.' || c || ' as ' || kind)
FROM unnest('{data_bars,derived_data_bars,data_agg_state}'::text[]) AS t, unnest('{canonical_symbol,timeframe,ts_utc,close,source_timeframe}'::text[]) AS c,
	unnest('{sly_text,sly_price,sly_symbol,interval,bytea}'::text[]) AS kind
WHERE EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = ('public.' || t)::regclass AND a.attname = c);
SELECT cmp_ok(last_value, '>', 100::bigint, 'their code did run') FROM spy.noted;
SELECT * FROM finish();
DROP CAST (text AS sly_symbol);
DROP OWNED BY aggregation_types_owner, aggregation_types_worker CASCADE;
DROP ROLE aggregation_types_owner, aggregation_types_worker;
