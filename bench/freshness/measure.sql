-- A live feed of 1,000 symbols and the background worker, by the clock on the wall: how long after the end of a window and its delay is the bar
-- committed? Two-minute windows with a delay of five seconds, so that it takes minutes and not hours.
TRUNCATE public.data_bars, public.derived_data_bars, public.data_agg_state, public.core_asset_registry_all;
INSERT INTO public.core_asset_registry_all (canonical_symbol) SELECT 'LIVE' || n FROM generate_series(1, :symbols) AS n;
INSERT INTO public.data_agg_state (canonical_symbol, timeframe, is_mandatory, aggregation_delay_seconds, agg_start_utc)
SELECT canonical_symbol, '2m', true, 5, date_bin('2 minutes', now(), '2000-01-01 00:00+00') FROM public.core_asset_registry_all;
ALTER SYSTEM SET aggregation.databases = :'database';
SELECT pg_reload_conf();
\ir feed.sql
CALL bench.feed(2 * :rounds + 1);
SELECT pg_sleep(9);
ALTER SYSTEM RESET aggregation.databases;
SELECT pg_reload_conf();
CREATE TEMP TABLE late AS
SELECT extract(epoch FROM pg_xact_commit_timestamp(xmin) - (ts_utc + interval '2 minutes 5 seconds')) AS seconds FROM public.derived_data_bars;
INSERT INTO bench.fact
SELECT 'freshness', what, 1, round(value::numeric, 3) FROM (
	SELECT 'bars', count(*) FROM late
	UNION ALL SELECT 'seconds from window end + delay to commit, median', percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) FROM late
	UNION ALL SELECT 'seconds from window end + delay to commit, latest', max(seconds) FROM late) AS f (what, value);
