-- The dollar index and trouble: a bad range and bad data are answers, with nothing written; a cancel is a cancel.
\ir include/tap.psql
\ir include/refusals.psql
DO $$ BEGIN PERFORM agg_setup(); END $$;
SELECT no_plan();
INSERT INTO core_asset_registry_all (canonical_symbol) VALUES ('DXY');
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, close)
SELECT s, '1m', '2025-07-01 00:00+00'::timestamptz + make_interval(mins => i), 1.1 FROM generate_series(0, 9) AS i, unnest(ARRAY['EURUSD', 'USDJPY', 'GBPUSD', 'USDCAD', 'USDSEK', 'USDCHF']) AS s;

CREATE FUNCTION answers_an_error(call text, pattern text, description text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	before text := probe.fingerprint();
	answer jsonb;
BEGIN
	EXECUTE 'SELECT ' || call INTO answer;
	RETURN NEXT ok(answer -> 'success' = 'false' AND answer ->> 'error' ILIKE pattern AND probe.fingerprint() = before, description);
	IF NOT (answer -> 'success' = 'false' AND answer ->> 'error' ILIKE pattern) THEN
		RETURN NEXT diag(answer::text);
	END IF;
EXCEPTION WHEN OTHERS THEN
	RETURN NEXT ok(false, description);
	RETURN NEXT diag(SQLSTATE || ' ' || SQLERRM);
END
$$;
SELECT answers_an_error($$calc_dxy_range_1m('2025-07-01 00:05+00', '2025-07-01 00:05+00')$$, '%range%', 'an empty range');
SELECT answers_an_error($$calc_dxy_range_1m('2025-07-01 00:05+00', '2025-07-01 00:04+00')$$, '%range%', 'a range that ends before it begins');
SELECT answers_an_error(format('calc_dxy_range_1m(%s, %s)', f, t), '_%', format('from %s to %s', f, t))
FROM (VALUES ($$'infinity'$$, $$'infinity'$$), ($$'-infinity'$$, $$'infinity'$$), ($$'2025-07-01'$$, $$'infinity'$$), ($$'-infinity'$$, $$'2025-07-01'$$)) AS v (f, t);
SELECT answers_an_error(format('calc_dxy_range_1m(%s)', a), '%null%', 'NULL for ' || w)
FROM (VALUES ($$NULL, '2025-07-02'$$, 'from'), ($$'2025-07-01', NULL$$, 'to'), ($$'2025-07-01', '2025-07-02', NULL$$, 'version')) AS v (a, w);

-- An error while writing: what was written before it is taken back, the caller's transaction goes on.
CREATE FUNCTION refuse_the_fifth() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.canonical_symbol = 'DXY' AND NEW.ts_utc = '2025-07-01 00:05+00' THEN
		RAISE EXCEPTION 'the fifth minute is not to be' USING ERRCODE = 'P1234';
	END IF;
	RETURN NEW;
END
$$;
CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON data_bars FOR EACH ROW EXECUTE FUNCTION refuse_the_fifth();
SELECT answers_an_error($$calc_dxy_range_1m('2025-07-01 00:00+00', '2025-07-01 00:10+00')$$, '%fifth minute%', 'a trigger''s error is the answer''s error');
BEGIN;
CREATE TABLE mine (n int);
SELECT calc_dxy_range_1m('2025-07-01 00:00+00', '2025-07-01 00:10+00') \g /dev/null
SELECT is((SELECT count(*) FROM data_bars WHERE canonical_symbol = 'DXY'), 0::bigint, 'the first minutes were taken back');
INSERT INTO mine VALUES (1);
COMMIT;
SELECT is((SELECT count(*) FROM mine), 1::bigint, 'the transaction around it stands');
DROP TRIGGER refuse ON data_bars;

-- Missing table, read-only transaction: answers as well.
BEGIN;
ALTER TABLE data_bars RENAME COLUMN close TO last;
SELECT calc_dxy_range_1m('2025-07-01 00:00+00', '2025-07-01 00:10+00') AS answer \gset
ROLLBACK;
SELECT ok(:'answer'::jsonb -> 'success' = 'false' AND :'answer'::jsonb ->> 'error' LIKE '%close%', 'a missing column is named');
BEGIN;
ALTER TABLE data_bars RENAME TO data_bars_gone;
SELECT calc_dxy_range_1m('2025-07-01 00:00+00', '2025-07-01 00:10+00') AS answer \gset
ROLLBACK;
SELECT ok(:'answer'::jsonb -> 'success' = 'false' AND :'answer'::jsonb ->> 'error' LIKE '%data_bars%', 'a missing table is named');

-- What another try may cure is no answer.
CREATE FUNCTION not_now() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not now' USING ERRCODE = current_setting('probe.state'); END $$;
CREATE TRIGGER not_now BEFORE INSERT ON data_bars FOR EACH ROW EXECUTE FUNCTION not_now();
SELECT probe.refuses(format('DO $x$ BEGIN PERFORM set_config(%L, %L, false); PERFORM %s; END $x$', 'probe.state', state, call), state, 'not now', NULL, state || ' is raised: ' || call)
FROM unnest('{55P03,55006,40001,40P01,53100,58030,XX001}'::text[]) AS state,
	unnest(ARRAY[$$calc_dxy_range_1m('2025-07-01 00:00+00', '2025-07-01 00:10+00')$$, $$agg_compute_index('DXY', '2025-07-01 00:00+00', '2025-07-01 00:10+00')$$]) AS call;
SET probe.state = '55000';
SELECT answers_an_error($$calc_dxy_range_1m('2025-07-01 00:00+00', '2025-07-01 00:10+00')$$, 'not now', '55000 is for somebody to mend');
DROP TRIGGER not_now ON data_bars;

-- A cancel still raises.
CREATE FUNCTION sleep_on_it() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.2); RETURN NEW; END $$;
CREATE TRIGGER slow BEFORE INSERT ON data_bars FOR EACH ROW EXECUTE FUNCTION sleep_on_it();
SET statement_timeout = '300ms';
SELECT probe.refuses($$SELECT calc_dxy_range_1m('2025-07-01 00:00+00', '2025-07-01 00:10+00')$$, '57014', '%statement timeout%', NULL, 'a time-out is no answer');
RESET statement_timeout;
DROP TRIGGER slow ON data_bars;
SELECT probe.answers(calc_dxy_range_1m('2025-07-01 00:00+00', '2025-07-01 00:10+00'), '{"success": true, "inserted": 10}', 'and afterwards it works');

SELECT * FROM finish();
