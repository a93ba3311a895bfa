-- Many symbols with the minutes of an hour as a feed writes them, and all bars but those that end with the hour.
SET client_min_messages = warning;
TRUNCATE public.data_bars, public.derived_data_bars, public.data_agg_state, public.core_asset_registry_all, bench.to_come;
SELECT array_agg('SYM' || lpad(n::text, 5, '0') ORDER BY n) AS symbols, array_agg(1 + n % 100 ORDER BY n) AS prices
FROM generate_series(1, :tasks) AS n \gset
INSERT INTO public.core_asset_registry_all (canonical_symbol, metadata)
SELECT symbol, jsonb_build_object('agg', jsonb_build_object('optional', '["15m", "30m"]'::jsonb, 'start_utc', '2025-07-01T00:00:00Z')
	|| CASE :'source' WHEN 'exact' THEN '{"source": "1m"}'::jsonb ELSE '{}' END)
FROM unnest(:'symbols'::text[]) AS symbol;
SELECT public.sync_agg_state_from_registry();
CALL bench.make_bars(:'symbols', :'prices', '2025-07-01 00:00+00', 60, 'bench.to_come');
ANALYZE bench.to_come;
CREATE INDEX IF NOT EXISTS data_bars_time_idx ON public.data_bars USING brin (ts_utc) WITH (pages_per_range = 32, autosummarize = on);
CALL bench.feed_minutes('public.data_bars', '2025-07-01 00:00+00', '2025-07-01 00:55+00');
VACUUM ANALYZE public.data_bars, public.data_agg_state, public.core_asset_registry_all;
UPDATE public.data_agg_state SET next_run_at = '2025-07-01 00:55:30+00';
CALL bench.run_until_current('2025-07-01 00:55:31+00');
CALL bench.feed_minutes('public.data_bars', '2025-07-01 00:55+00', '2025-07-01 01:00+00');
VACUUM ANALYZE public.data_bars;
CALL public.agg_run(p_now_utc => '2025-06-01 00:00+00');
DO $$
BEGIN
	IF (SELECT count(*) FROM public.derived_data_bars) <> 15 * (SELECT count(*) FROM public.core_asset_registry_all) THEN
		RAISE 'not all bars before the hour''s end are there';
	END IF;
END
$$;
