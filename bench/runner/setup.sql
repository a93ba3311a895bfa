-- The rows of due_tasks, whose assets are active: the runner asks for that.
\ir ../due_tasks/setup.sql
INSERT INTO public.core_asset_registry_all (canonical_symbol) SELECT canonical_symbol FROM public.data_agg_state ON CONFLICT DO NOTHING;
VACUUM ANALYZE public.core_asset_registry_all;
