-- Random histories of inserts, late changes, deletions, rebuilds and rollbacks: whatever the table held after a commit is what agg_bars() reads
-- as of that moment, to the last bit and with the same revision.
\ir include/tap.psql
DO $$ BEGIN PERFORM agg_setup(); END $$;
\ir include/market.psql
\ir include/seeds.psql
SELECT no_plan();
SET timezone = 'UTC';
SELECT world.task(s, tf) FROM unnest(ARRAY['A', 'B']) AS s, unnest(ARRAY['5m', '1h']) AS tf;
SELECT world.minutes(s, '2025-07-01 00:00+00', 150) FROM unnest(ARRAY['A', 'B']) AS s;
UPDATE data_agg_state SET run_interval_minutes = 0, aggregation_delay_seconds = 0;
SELECT agg_run_batch(p_now_utc => '2025-07-03') \g /dev/null
SELECT agg_set_keep_revisions(s, tf, true) FROM (VALUES ('A', '5m'), ('A', '1h'), ('B', '5m')) AS v (s, tf) \g /dev/null

CREATE TABLE snapshots (step int, at timestamptz, canonical_symbol text, timeframe text, ts_utc timestamptz, open float8, high float8, low float8, close float8, vol float8, vwap float8, trade_count bigint, quality_score int, revision int);
CREATE TABLE steps (seed bigint, step int, at timestamptz, did text);
CREATE FUNCTION pick(n int) RETURNS int LANGUAGE sql AS $$ SELECT floor(random() * n)::int $$;
-- one step of somebody who writes
CREATE FUNCTION do_something() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	symbol text := (ARRAY['A', 'B'])[1 + pick(2)];
	tf text := (ARRAY['5m', '5m', '1h'])[1 + pick(3)];
	at timestamptz := '2025-07-01'::timestamptz + pick(300) * interval '1 minute';
	until timestamptz := at + pick(90) * interval '1 minute' + interval '1 minute';
	what int := pick(13);
BEGIN
	CASE what
	WHEN 0 THEN DELETE FROM data_bars WHERE canonical_symbol = symbol AND ts_utc >= at AND ts_utc < until;
	WHEN 1 THEN PERFORM derived_rebuild_range(symbol, tf, at, until);
	WHEN 2 THEN PERFORM derived_rebuild_range(symbol, tf, at, until, false);
	WHEN 3 THEN PERFORM derived_soft_delete_range(symbol, tf, at, until);
	WHEN 4 THEN PERFORM derived_restore_range(symbol, tf, at, until);
	WHEN 5 THEN UPDATE derived_data_bars SET vol = pick(3), vwap = NULLIF(pick(3), 0) WHERE canonical_symbol = symbol AND timeframe = tf AND ts_utc >= at AND ts_utc < until AND deleted_at IS NULL;
	WHEN 6 THEN DELETE FROM derived_data_bars WHERE canonical_symbol = symbol AND timeframe = tf AND ts_utc >= at AND ts_utc < until AND random() < 0.5;
	WHEN 7 THEN
		PERFORM derived_soft_delete_range(symbol, tf, at, until);
		PERFORM derived_rebuild_range(symbol, tf, at, until + interval '1 hour');
	WHEN 8 THEN
		BEGIN
			UPDATE derived_data_bars SET high = high + 1 WHERE canonical_symbol = symbol AND ts_utc >= at AND ts_utc < until;
			PERFORM derived_soft_delete_range(symbol, tf, at, until);
			PERFORM 1 / pick(2);
		EXCEPTION WHEN division_by_zero THEN NULL;
		END;
	WHEN 9 THEN
		UPDATE derived_data_bars SET high = high + 1 WHERE canonical_symbol = symbol AND timeframe = tf AND ts_utc >= at AND ts_utc < until AND deleted_at IS NULL;
		UPDATE derived_data_bars SET high = high - pick(2) WHERE canonical_symbol = symbol AND timeframe = tf AND ts_utc >= at AND ts_utc < until AND deleted_at IS NULL;
	ELSE
		INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol)
		SELECT symbol, '1m', at + i * interval '1 minute', 1, 1 + pick(3), CASE pick(9) WHEN 0 THEN '-0' ELSE 0 END, 1, 1 FROM generate_series(0, 5 + pick(30)) AS i
		ON CONFLICT (canonical_symbol, timeframe, ts_utc) DO UPDATE SET high = excluded.high, low = excluded.low;
	END CASE;
	RETURN format('%s of %s/%s from %s to %s', what, symbol, tf, at, until);
END $$;
CREATE PROCEDURE live_on(seed bigint, first int, n int) LANGUAGE plpgsql AS $$
DECLARE
	did text;
BEGIN
	PERFORM start_of_random(seed);
	FOR i IN first .. first + n - 1 LOOP
		did := '';
		FOR j IN 0 .. pick(3) LOOP
			did := did || do_something() || '; ';
		END LOOP;
		IF random() < 0.6 THEN
			UPDATE data_agg_state SET next_run_at = NULL;
			PERFORM agg_run_batch(p_now_utc => '2025-07-03');
			did := did || 'run';
		END IF;
		IF random() < 0.1 THEN
			ROLLBACK;
			CONTINUE;
		END IF;
		COMMIT;
		INSERT INTO steps VALUES (seed, i, clock_timestamp(), did);
		INSERT INTO snapshots SELECT i, (SELECT at FROM steps WHERE step = i), b.canonical_symbol, b.timeframe, b.ts_utc, b.open, b.high, b.low, b.close, b.vol, b.vwap, b.trade_count, b.quality_score, b.revision
		FROM derived_data_bars AS b WHERE b.deleted_at IS NULL;
		COMMIT;
		IF random() < 0.05 THEN
			PERFORM agg_purge_revisions(clock_timestamp() - (SELECT s.at FROM steps AS s ORDER BY random() LIMIT 1), 1 + pick(200));
			COMMIT;
		END IF;
	END LOOP;
END $$;
CREATE FUNCTION wrong() RETURNS TABLE (step int, did text, what text, canonical_symbol text, timeframe text, ts_utc timestamptz, revision int) LANGUAGE sql AS $$
	WITH moment AS (
		SELECT s.step, s.at, s.did, k.canonical_symbol, k.timeframe FROM steps AS s JOIN agg_kept_revisions AS k ON k.readable_since <= s.at
	), was AS (
		SELECT n.step, n.canonical_symbol, n.timeframe, n.ts_utc, float8send(n.open), float8send(n.high), float8send(n.low), float8send(n.close), float8send(n.vol), float8send(n.vwap), n.trade_count, n.quality_score, n.revision
		FROM snapshots AS n JOIN moment AS m USING (step, canonical_symbol, timeframe)
	), is_read AS (
		SELECT m.step, m.canonical_symbol, m.timeframe, b.ts_utc, float8send(b.open), float8send(b.high), float8send(b.low), float8send(b.close), float8send(b.vol), float8send(b.vwap), b.trade_count, b.quality_score, b.revision
		FROM moment AS m CROSS JOIN LATERAL agg_bars(m.canonical_symbol, m.timeframe, p_as_of => m.at) AS b
	), different AS (
		SELECT 'was' AS what, w.step, w.canonical_symbol, w.timeframe, w.ts_utc, w.revision FROM (TABLE was EXCEPT ALL TABLE is_read) AS w
		UNION ALL
		SELECT 'is read', r.step, r.canonical_symbol, r.timeframe, r.ts_utc, r.revision FROM (TABLE is_read EXCEPT ALL TABLE was) AS r
	)
	SELECT d.step, s.did, d.what, d.canonical_symbol, d.timeframe, d.ts_utc, d.revision FROM different AS d JOIN steps AS s USING (step) ORDER BY 1, 4, 5, 6, 3 LIMIT 20
$$;
SELECT format('CALL live_on(%s, %s, 60)', seed, row_number() OVER (ORDER BY seed) * 1000) FROM seeds ORDER BY seed \gexec
SELECT is_empty('SELECT * FROM wrong()', 'every moment is read as it was');
SELECT cmp_ok((SELECT count(*) FROM steps AS s JOIN agg_kept_revisions AS k ON k.readable_since <= s.at), '>', 20::bigint, 'there were some');
SELECT cmp_ok((SELECT max(revision) FROM snapshots), '>', 5, 'with many revisions');
SELECT ok((SELECT bool_or(deleted) FROM agg_bar_revisions), 'and deletions');
-- backwards, and in pieces
SELECT is_empty($$
	SELECT FROM steps AS s JOIN agg_kept_revisions AS k ON k.readable_since <= s.at
	CROSS JOIN LATERAL (SELECT 1 + pick(40) AS n, '2025-07-01'::timestamptz + pick(400) * interval '1 minute' AS bound) AS x
	WHERE (SELECT array_agg(b.ts_utc ORDER BY b.ts_utc) FROM agg_bars(k.canonical_symbol, k.timeframe, p_to => x.bound, p_limit => x.n, p_as_of => s.at) AS b)
		IS DISTINCT FROM (SELECT array_agg(t ORDER BY t) FROM (SELECT n.ts_utc AS t FROM snapshots AS n WHERE n.step = s.step AND n.canonical_symbol = k.canonical_symbol AND n.timeframe = k.timeframe AND n.ts_utc < x.bound ORDER BY 1 DESC LIMIT x.n) AS l)
$$, 'so are the newest ones before any bound');
-- on the fly, against plain SQL
SELECT is_empty($$
	SELECT FROM steps AS s JOIN agg_kept_revisions AS k ON k.readable_since <= s.at AND k.timeframe = '5m'
	WHERE (SELECT array_agg(ROW(b.ts_utc, b.high, b.low) ORDER BY b.ts_utc) FROM agg_bars(k.canonical_symbol, '15m', p_as_of => s.at) AS b)
		IS DISTINCT FROM (SELECT array_agg(ROW(t, high, low) ORDER BY t) FROM (SELECT date_bin('15 minutes', n.ts_utc, '2000-01-01 00:00+00') AS t, max(n.high) AS high, min(n.low) AS low
			FROM snapshots AS n WHERE n.step = s.step AND n.canonical_symbol = k.canonical_symbol AND n.timeframe = '5m' GROUP BY 1 HAVING count(*) >= 2) AS l)
$$, 'so is what is made of them');
SELECT * FROM finish();
