-- The extension's engine over the same list of tasks, in one call.
\ir this_round.sql
VACUUM ANALYZE public.data_agg_state, public.derived_data_bars;
SELECT array_agg(canonical_symbol ORDER BY canonical_symbol) AS symbols, array_agg(timeframe ORDER BY canonical_symbol) AS timeframes
FROM public.data_agg_state \gset
SELECT count(*) FROM public.agg_aggregate_tasks('{}', '{}', 1, :'now');
CHECKPOINT;
\ir ../timer_start.sql
SELECT count(*) FROM public.agg_aggregate_tasks(:'symbols', :'timeframes', 1, :'now');
\ir ../timer_stop.sql
