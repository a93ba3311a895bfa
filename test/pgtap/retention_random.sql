-- Random histories with retention: symbols with policies beside twins without any, which get the same minutes, late ones included, and whose
-- tasks are switched off and on alike. What is derived is the same at the end, to the last bit; only what a policy took is missing.
\ir include/tap.psql
DO $$ BEGIN PERFORM agg_setup(); END $$;
\ir include/market.psql
\ir include/seeds.psql
SELECT no_plan();
SET timezone = 'UTC';
SET client_min_messages = warning;
CREATE FUNCTION pick(n int) RETURNS int LANGUAGE sql AS $$ SELECT floor(random() * n)::int $$;
CREATE TABLE clock (seed bigint, at timestamptz);
CREATE TABLE did (seed bigint, n int, what text);
-- Where no window of any timeframe is sealed yet.
CREATE FUNCTION first_open() RETURNS timestamptz LANGUAGE sql AS $$
	SELECT GREATEST('2025-07-01', max(date_bin(CASE timeframe WHEN '5m' THEN '4 hours'::interval WHEN '1h' THEN '1 day' ELSE '5 minutes' END, to_utc + CASE timeframe WHEN '5m' THEN '3:59:59'::interval WHEN '1h' THEN '23:59:59' ELSE '0:04:59' END, '2025-06-30'))) FROM agg_sealed_ranges
$$;
CREATE PROCEDURE one_step(seed bigint, n int) LANGUAGE plpgsql AS $$
DECLARE
	now_utc timestamptz := (SELECT at FROM clock c WHERE c.seed = one_step.seed);
	what int := pick(10);
	which int := pick(2);
	tf text := (ARRAY['5m', '15m', '1h', '4h', '1d'])[1 + pick(5)];
	base float8 := 1 + random();
	past timestamptz := first_open();
	late timestamptz := date_bin('1 minute', past + random() * (now_utc - past), '2025-07-01');
	whose text[] := CASE which WHEN 0 THEN '{A,A2}' ELSE '{B,B2}' END;
	told text;
BEGIN
	CASE
	WHEN what < 4 THEN
		INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol)
		SELECT s || t, '1m', m, base, base + 1 + (h % 7), base, base, 1 FROM unnest('{A,B}'::text[]) s, unnest(ARRAY['', '2']) t,
			generate_series(now_utc, now_utc + make_interval(mins => 60 + pick(500)), '1 minute') WITH ORDINALITY AS g (m, h) WHERE h % 11 > 0;
		UPDATE clock c SET at = (SELECT max(ts_utc) + interval '1 minute' FROM data_bars) WHERE c.seed = one_step.seed;
		told := 'minutes';
	WHEN what < 6 THEN
		UPDATE data_bars SET high = high + base WHERE canonical_symbol = ANY (whose) AND ts_utc >= late AND ts_utc < late + interval '7 minutes';
		told := 'late from ' || late;
	WHEN what < 7 THEN
		DELETE FROM data_bars WHERE canonical_symbol = ANY (whose) AND ts_utc >= late AND ts_utc < late + interval '9 minutes';
		told := 'deleted from ' || late;
	ELSE
		UPDATE data_agg_state SET enabled = NOT enabled WHERE timeframe = tf AND left(canonical_symbol, 1) = (ARRAY['A', 'B'])[1 + which];
		told := 'switched ' || tf || ' of ' || (ARRAY['A', 'B'])[1 + which];
	END CASE;
	INSERT INTO did VALUES (seed, n, told);
	UPDATE data_agg_state SET next_run_at = NULL;
	UPDATE agg_retention SET next_look_at = '-infinity';
	now_utc := (SELECT at FROM clock c WHERE c.seed = one_step.seed);
	COMMIT;
	CALL agg_run(p_now_utc => now_utc);
END $$;
CREATE PROCEDURE histories(steps int) LANGUAGE plpgsql AS $$
DECLARE
	s bigint;
	ended timestamptz;
BEGIN
	FOR s IN SELECT seed FROM seeds ORDER BY seed LOOP
		TRUNCATE data_bars, derived_data_bars, data_agg_state, agg_sealed_ranges, agg_refused_ranges, agg_change_log, agg_dirty_ranges, agg_retention, agg_recent_tasks;
		DELETE FROM agg_indexes;
		INSERT INTO agg_indexes (canonical_symbol, components, exponents, carry_minutes) VALUES ('I', '{A,B}', '{0.5,0.5}', 3), ('I2', '{A2,B2}', '{0.5,0.5}', 3);
		PERFORM world.task(x || t, tf) FROM unnest('{A,B}'::text[]) x, unnest(ARRAY['', '2']) t, unnest('{5m,15m,1h,4h,1d}'::text[]) tf;
		PERFORM world.task('I' || t, '5m') FROM unnest(ARRAY['', '2']) t;
		UPDATE data_agg_state SET source_timeframe = '1m' WHERE canonical_symbol LIKE 'B%';
		PERFORM agg_set_retention(NULL, '1m', '6 hours');
		PERFORM agg_set_retention(x, '1m', '500 days') FROM unnest('{A2,B2,I2}'::text[]) x;
		PERFORM agg_set_retention('A', '5m', '14 hours');
		PERFORM agg_set_retention('A', '1h', '30 hours');
		INSERT INTO clock VALUES (s, '2025-07-01 00:00+00');
		PERFORM start_of_random(s);
		COMMIT;
		FOR n IN 1 .. steps LOOP
			CALL one_step(s, n);
		END LOOP;
		UPDATE data_agg_state SET enabled = true, next_run_at = NULL;
		SELECT at INTO ended FROM clock c WHERE c.seed = s;
		COMMIT;
		CALL agg_run(p_now_utc => ended);
		UPDATE data_agg_state SET next_run_at = NULL;
		UPDATE agg_retention SET next_look_at = '-infinity';
		COMMIT;
		CALL agg_run(p_now_utc => ended);
		CREATE TEMP TABLE IF NOT EXISTS found (seed bigint, problem text);
		INSERT INTO found SELECT s, 'proof: ' || v::text FROM agg_verify() v WHERE explanation IS NULL;
		-- The twin's bars that are missing or others, but for those that a policy took; and no bar that the twin has not.
		INSERT INTO found
		SELECT s, 'bar: ' || x::text FROM (
			SELECT left(canonical_symbol, 1), timeframe, ts_utc, open, high, low, close, vol, source_candles, quality_score FROM derived_data_bars d
			WHERE canonical_symbol LIKE '_2' AND deleted_at IS NULL AND NOT EXISTS (
				SELECT FROM agg_sealed_ranges r WHERE r.canonical_symbol = left(d.canonical_symbol, 1) AND r.timeframe = d.timeframe AND d.ts_utc < r.to_utc)
			EXCEPT ALL
			SELECT canonical_symbol, timeframe, ts_utc, open, high, low, close, vol, source_candles, quality_score FROM derived_data_bars
			WHERE canonical_symbol NOT LIKE '_2' AND deleted_at IS NULL
		) x;
		INSERT INTO found
		SELECT s, 'surplus: ' || x::text FROM (
			SELECT canonical_symbol, timeframe, ts_utc, open, high, low, close, vol, source_candles, quality_score FROM derived_data_bars
			WHERE canonical_symbol NOT LIKE '_2' AND deleted_at IS NULL
			EXCEPT ALL
			SELECT left(canonical_symbol, 1), timeframe, ts_utc, open, high, low, close, vol, source_candles, quality_score FROM derived_data_bars
			WHERE canonical_symbol LIKE '_2' AND deleted_at IS NULL
		) x;
		INSERT INTO found SELECT s, 'kept too long: ' || canonical_symbol || ' ' || min(ts_utc) FROM data_bars WHERE canonical_symbol IN ('A', 'B', 'I')
			AND ts_utc < date_bin('1 day', ended - interval '7 hours', '2025-07-01') - interval '10 minutes' GROUP BY canonical_symbol;
		COMMIT;
	END LOOP;
END $$;
CREATE TEMP TABLE found (seed bigint, problem text);
CALL histories(40);
SELECT is_empty('SELECT seed, problem FROM found LIMIT 20', 'nothing that was derived has changed');
SELECT cmp_ok((SELECT sum(rows_removed) FROM agg_retention), '>', 0::numeric, 'and bars have gone');
SELECT diag('seed ' || seed || ', step ' || n || ': ' || what) FROM did WHERE seed IN (SELECT f.seed FROM found f) ORDER BY seed, n;
SELECT * FROM finish();
