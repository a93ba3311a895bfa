-- For the first time.
TRUNCATE public.derived_data_bars, public.data_agg_state, public.agg_change_log, public.agg_dirty_ranges;
INSERT INTO public.data_agg_state SELECT t.* FROM unnest('{5m,15m,1h,4h,1d}'::text[], '{1m,5m,5m,1h,1h}'::text[]) AS f (tf, source),
	LATERAL (SELECT (bench.new_task('MONTH', '2025-07-01 00:00+00')).*) AS n,
	LATERAL jsonb_populate_record(NULL::public.data_agg_state, to_jsonb(n) || jsonb_build_object('timeframe', f.tf, 'source_timeframe', f.source)) AS t;
CHECKPOINT;
\ir ../timer_start.sql
CALL bench.derive_month();
\ir ../timer_stop.sql
