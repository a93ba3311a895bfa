-- A new month begins, and nobody has made the partition for its bars: no task is parked for that, and all goes on by itself once it is there.
\ir include/tap.psql
CREATE TABLE derived_data_bars (canonical_symbol text NOT NULL, timeframe text NOT NULL, ts_utc timestamptz NOT NULL, open float8 NOT NULL, high float8 NOT NULL, low float8 NOT NULL, close float8 NOT NULL, deleted_at timestamptz)
	PARTITION BY RANGE (ts_utc);
CREATE TABLE july PARTITION OF derived_data_bars FOR VALUES FROM ('2025-07-01 00:00+00') TO ('2025-08-01 00:00+00');
DO $$ BEGIN PERFORM agg_setup(); END $$;
\ir include/market.psql
SELECT no_plan();
SET timezone = 'UTC';
SELECT world.task(s, '5m'), world.minutes(s, '2025-07-31 23:00+00', 120) FROM unnest('{A,B,C}'::text[]) AS s;

SELECT is(agg_run_batch(p_now_utc => '2025-08-01 01:01+00') -> 'tasks_failed', '3', 'no bar of August can be stored');
SELECT agg_run_batch(p_now_utc => '2025-08-01 01:01+00'::timestamptz + n * interval '10 min') FROM generate_series(1, 5) AS n \g /dev/null
SELECT results_eq('SELECT DISTINCT status, enabled, hard_fail_streak FROM data_agg_state', $$VALUES ('idle', true, 0)$$, 'however often it fails, no task is parked');
SELECT matches(last_error, '^23514 no partition of relation "derived_data_bars" found for row', 'each says why') FROM data_agg_state;
CREATE TABLE august PARTITION OF derived_data_bars FOR VALUES FROM ('2025-08-01 00:00+00') TO ('2025-09-01 00:00+00');
SELECT agg_run_batch(p_now_utc => '2025-08-01 02:01+00') \g /dev/null
SELECT is(count(*), 72::bigint, 'the bars are made as soon as there is one') FROM derived_data_bars;
SELECT is_empty('SELECT * FROM agg_verify()', 'all right');

-- A check of the owner's is another matter: it refuses these rows.
ALTER TABLE august ADD CONSTRAINT small CHECK (high < 1000);
UPDATE data_bars SET high = 1e6 WHERE canonical_symbol = 'B' AND ts_utc = '2025-08-01 00:30+00';
SELECT agg_run_batch(p_now_utc => '2025-08-01 02:10+00'::timestamptz + n * interval '10 min') FROM generate_series(1, 5) AS n \g /dev/null
SELECT results_eq($$SELECT canonical_symbol, status FROM data_agg_state WHERE hard_fail_streak > 0$$, $$VALUES ('B', 'hard_failed')$$, 'its task is parked');

SELECT * FROM finish();
