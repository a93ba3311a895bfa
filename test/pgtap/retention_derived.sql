-- Derived bars that are removed on purpose, with their partition: what it held is sealed, so that nobody makes it again or misses it.
\ir include/tap.psql
\ir include/refusals.psql
CREATE TABLE derived_data_bars (canonical_symbol text NOT NULL, timeframe text NOT NULL, ts_utc timestamptz NOT NULL, open float8 NOT NULL, high float8 NOT NULL, low float8 NOT NULL, close float8 NOT NULL, deleted_at timestamptz)
	PARTITION BY RANGE (ts_utc);
CREATE SCHEMA cellar;
CREATE ROLE keeper;
GRANT CREATE, USAGE ON SCHEMA public, cellar TO keeper;
DO $$
BEGIN
	FOR i IN 1..8 LOOP
		EXECUTE format('CREATE TABLE %s PARTITION OF derived_data_bars FOR VALUES FROM (%L) TO (%L)', CASE WHEN i = 3 THEN 'cellar.day_3' ELSE 'day_' || i END,
			'2025-07-01 00:00+00'::timestamptz + make_interval(days => i - 1), '2025-07-01 00:00+00'::timestamptz + make_interval(days => i));
	END LOOP;
	PERFORM agg_setup();
END
$$;
\ir include/market.psql
SELECT no_plan();
SET timezone = 'UTC';
CREATE FUNCTION run() RETURNS void LANGUAGE plpgsql AS $$ BEGIN WHILE (agg_run_batch(p_max_windows => 100000, p_now_utc => '2025-09-01 00:00+00') ->> 'continue')::boolean LOOP NULL; END LOOP; END $$;
SELECT world.task(s, tf) FROM unnest('{A,B}'::text[]) AS s, unnest('{5m,1h,1d}'::text[]) AS tf;
SELECT world.minutes('A', '2025-07-01 00:00+00', 8 * 1440), world.minutes('B', '2025-07-01 00:00+00', 7 * 1440);
SELECT run();
SELECT is_empty('SELECT * FROM agg_verify()', 'all is there');

DROP TABLE day_1;
SELECT results_eq('SELECT canonical_symbol, timeframe, from_utc, to_utc, reason FROM agg_sealed_ranges ORDER BY 1, 2',
	$$VALUES ('A', '1d', '2025-07-01 00:00'::timestamptz, '2025-07-01 00:01'::timestamptz, 'day_1 dropped'), ('A', '1h', '2025-07-01 00:00', '2025-07-01 23:01', 'day_1 dropped'), ('A', '5m', '2025-07-01 00:00', '2025-07-01 23:56', 'day_1 dropped'),
	('B', '1d', '2025-07-01 00:00'::timestamptz, '2025-07-01 00:01'::timestamptz, 'day_1 dropped'), ('B', '1h', '2025-07-01 00:00', '2025-07-01 23:01', 'day_1 dropped'), ('B', '5m', '2025-07-01 00:00', '2025-07-01 23:56', 'day_1 dropped')$$, 'what it held is sealed, timeframe by timeframe');
SELECT is_empty('SELECT * FROM agg_verify()', 'nobody misses it');
UPDATE data_bars SET close = 5 WHERE ts_utc < '2025-07-01 12:00';
SELECT run();
SELECT is_empty('SELECT last_error FROM data_agg_state WHERE last_error IS NOT NULL', 'a late bar there disturbs nobody');
SELECT is_empty('SELECT * FROM agg_verify()', 'and nothing is made again');

ALTER TABLE derived_data_bars DETACH PARTITION day_2;
SELECT is(count(*), 6::bigint, 'detached: the same') FROM agg_sealed_ranges WHERE reason = 'day_2 detached';
DROP SCHEMA cellar CASCADE;
SELECT is(count(*), 6::bigint, 'with its schema: the same') FROM agg_sealed_ranges WHERE reason = 'day_3 dropped';
ALTER TABLE day_4 OWNER TO keeper;
DROP OWNED BY keeper;
SELECT is(count(*), 6::bigint, 'with its owner: the same') FROM agg_sealed_ranges WHERE reason = 'day_4 dropped';
SELECT is_empty('SELECT * FROM agg_verify()', 'nobody misses any of it');
UPDATE data_bars SET close = 6 WHERE ts_utc < '2025-07-05';
SELECT run();
SELECT is_empty('SELECT last_error FROM data_agg_state WHERE last_error IS NOT NULL', 'late bars disturb nobody');
SELECT is_empty('SELECT * FROM agg_verify()', 'and nothing is made again');

-- What others have committed since counts, whenever the transaction began; what is rolled back does not.
BEGIN;
DROP TABLE day_5;
ROLLBACK;
SELECT is(count(*), 0::bigint, 'a drop that is rolled back seals nothing') FROM agg_sealed_ranges WHERE reason LIKE 'day_5%';
BEGIN;
SET LOCAL aggregation.tracking = off;
DROP TABLE day_5;
COMMIT;
SELECT is(count(*), 0::bigint, 'nor does one that is not to be noticed') FROM agg_sealed_ranges WHERE reason LIKE 'day_5%';
SELECT isnt_empty('SELECT * FROM agg_verify()', 'which the proof misses');
SELECT agg_seal_range(s, '2025-07-05', '2025-07-06') FROM unnest('{A,B}'::text[]) AS s \g /dev/null

-- Who may not drop a partition seals nothing.
GRANT SELECT ON ALL TABLES IN SCHEMA public TO keeper;
SET ROLE keeper;
SELECT throws_ok('DROP TABLE day_6', '42501', NULL, 'a stranger drops nothing');
RESET ROLE;
SELECT is(count(*), 0::bigint, 'and seals nothing') FROM agg_sealed_ranges WHERE reason LIKE 'day_6%';
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM keeper;
DROP OWNED BY keeper;
DROP ROLE keeper;

SELECT * FROM finish();
