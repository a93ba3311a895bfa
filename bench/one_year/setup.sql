-- One symbol, one year of minutes, and the finished 5m bars in a file that the server itself can read: COPY FROM that file is the cheapest
-- way in which finished rows can enter a table from outside, and no client competes for a core while it runs.
-- The task WARMUP has no bars: a contender that calls functions calls them once on it, so that no compilation is in the times.
TRUNCATE public.data_bars, public.derived_data_bars, public.data_agg_state, seed.derived_data_bars, seed.data_agg_state,
	set_based.derived_data_bars, floor.derived_data_bars;
CALL bench.make_bars('{BENCH}', '{1.1}', '2025-07-01 00:00+00', :minutes);
INSERT INTO public.data_agg_state
SELECT t.* FROM unnest('{BENCH,WARMUP}'::text[]) AS symbol CROSS JOIN LATERAL bench.new_task(symbol, '2025-07-01 00:00+00') AS t;
INSERT INTO seed.data_agg_state SELECT * FROM public.data_agg_state;
VACUUM ANALYZE public.data_bars, public.data_agg_state, seed.data_agg_state;

SELECT format('COPY (SELECT %s FROM bench.bars_5m(%L) ORDER BY ts_utc) TO %L (FORMAT binary)',
	bench.lean_columns(), 'BENCH', :'folder' || '/one_year.copy') \gexec
