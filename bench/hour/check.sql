-- Every task has made its window, and the bars are right.
INSERT INTO bench.fact
SELECT 'hour', :'contender' || ': ' || what, :round, n FROM (
	SELECT 'tasks left behind', count(*) FROM public.data_agg_state WHERE last_agg_bar_ts_utc <> '2025-07-01 01:00+00'
	UNION ALL
	SELECT 'bars missing', (SELECT count(*) FROM public.data_agg_state) - count(*)
	FROM public.data_agg_state s JOIN public.derived_data_bars d USING (canonical_symbol, timeframe)
	WHERE d.ts_utc + make_interval(mins => s.run_interval_minutes) = '2025-07-01 01:00+00' AND d.deleted_at IS NULL
	UNION ALL
	SELECT 'bars of SYM00001 that are not right', count(*) FROM public.agg_verify('SYM00001', NULL, '2025-07-01 00:00+00', '2025-07-01 01:00+00')) AS f (what, n);
