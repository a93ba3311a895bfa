-- Bars that are read where a wider timeframe is made further than its source: nobody waits for windows without source, and then it comes.
\ir include/tap.psql
DO $$ BEGIN PERFORM agg_setup(); END $$;
\ir include/market.psql
SELECT no_plan();
SET timezone = 'UTC';
SELECT world.task('A', timeframe, '2025-07-01 04:00+00') FROM unnest(ARRAY['5m', '1h', '4h']) AS timeframe;
CREATE FUNCTION run() RETURNS SETOF text LANGUAGE sql AS $$
	SELECT timeframe || ' ' || to_char(last_agg_bar_ts_utc, 'HH24:MI') FROM agg_aggregate_tasks('{A,A,A}', '{5m,1h,4h}', p_now_utc => '2025-07-01 08:01+00')
$$;
CREATE VIEW bars AS SELECT ts_utc, open, high, low, close, vol, vwap, trade_count, quality_score FROM agg_bars('A', '4h', p_now_utc => '2025-07-01 08:01+00');
SELECT world.minutes('A', '2025-07-01 04:00+00', 60);
SELECT set_eq('SELECT run()', ARRAY['5m 05:00', '1h 05:00', '4h 08:00'], 'an hour is too little for four');
SELECT is_empty('SELECT * FROM bars', 'and there is no bar');
SELECT world.minutes('A', '2025-07-01 05:00+00', 180, 500);
CREATE TEMP TABLE early AS SELECT * FROM bars;
SELECT results_eq('SELECT open, high, low, close, vol FROM early', $$VALUES (100::float8, 680::float8, 99::float8, 679.5::float8, 2400::float8)$$, 'the other hours come: there is');
SELECT run() \g /dev/null
SELECT results_eq('SELECT * FROM bars', 'SELECT * FROM early', 'the one that is made of them');
SELECT * FROM finish();
