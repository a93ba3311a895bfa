-- Ten symbols, a year of minutes each, and tasks for 5m and 1h that have made nothing.
SET client_min_messages = warning;
TRUNCATE public.data_bars, public.derived_data_bars, public.data_agg_state, public.core_asset_registry_all;
SET aggregation.tracking = off;
CALL bench.make_bars('{S0,S1,S2,S3,S4,S5,S6,S7,S8,S9}', '{1,2,3,4,5,6,7,8,9,10}', '2025-07-01 00:00+00', :minutes);
RESET aggregation.tracking;
INSERT INTO public.core_asset_registry_all (canonical_symbol) SELECT 'S' || n FROM generate_series(0, 9) AS n;
SELECT public.sync_agg_state_from_registry(p_agg_start_utc => '2025-07-01 00:00+00');
VACUUM ANALYZE public.data_bars, public.core_asset_registry_all;
