-- Every symbol that has 1-minute bars becomes an asset whose metadata asks for all
-- timeframes from its first bar on; where all six pairs are there, DXY is computed from
-- them first. Then the registry makes the tasks.

SET client_min_messages = warning;

SELECT bool_and(present) AS all_six, coalesce(string_agg(pair, ', ') FILTER (WHERE NOT present), '') AS absent
FROM (
	SELECT pair, EXISTS (SELECT FROM data_bars WHERE canonical_symbol = pair AND timeframe = '1m') AS present
	FROM unnest(ARRAY['EURUSD', 'USDJPY', 'GBPUSD', 'USDCAD', 'USDSEK', 'USDCHF']) pair
) p
\gset
\if :all_six
	-- Only the time that all six cover.
	SELECT max(first) AS dxy_from, min(last) + interval '1 minute' AS dxy_to, max(first) <= min(last) AS overlap
	FROM (
		SELECT min(ts_utc) AS first, max(ts_utc) AS last FROM data_bars
		WHERE timeframe = '1m' AND canonical_symbol IN ('EURUSD', 'USDJPY', 'GBPUSD', 'USDCAD', 'USDSEK', 'USDCHF')
		GROUP BY canonical_symbol
	) span
	\gset
	\if :overlap
		SELECT clock_timestamp() AS started
		\gset
		SELECT calc_dxy_range_1m(:'dxy_from', :'dxy_to') AS dxy
		\gset
		SELECT format('DXY: %s', CASE WHEN :'dxy'::jsonb ->> 'success' = 'true'
			THEN format('%s minutes computed, %s were there already, %s skipped because a pair is missing (%s s)', :'dxy'::jsonb ->> 'inserted',
				:'dxy'::jsonb ->> 'updated', :'dxy'::jsonb ->> 'skipped', round(extract(epoch FROM clock_timestamp() - :'started'::timestamptz), 2))
			ELSE :'dxy'::jsonb ->> 'error' END);
	\else
		\echo 'DXY: not computed, its six pairs have no time in common'
	\endif
\else
	\echo 'DXY: not computed, it needs six pairs and these are not here:' :absent
\endif

INSERT INTO core_asset_registry_all AS a (canonical_symbol, asset_class, description, active, test_active, metadata)
SELECT canonical_symbol, CASE canonical_symbol WHEN 'DXY' THEN 'index' ELSE 'demo' END, 'demo', true, true,
	jsonb_build_object('agg', jsonb_build_object(
		'mandatory', jsonb_build_array('5m', '1h'),
		'optional', jsonb_build_array('15m', '30m', '4h', '1d', '1w'),
		-- Mondays, so that the first week is asked for as well.
		'start_utc', to_char(date_trunc('week', min(ts_utc), 'UTC') AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')))
FROM data_bars WHERE timeframe = '1m'
GROUP BY canonical_symbol
ON CONFLICT (canonical_symbol) DO UPDATE SET metadata = excluded.metadata, updated_at = now()
WHERE a.metadata IS DISTINCT FROM excluded.metadata;

SELECT format('tasks: %s', string_agg(format('%s %s', value, replace(key, 'tasks_', '')), ', ' ORDER BY key))
FROM jsonb_each_text(sync_agg_state_from_registry('prod'))
WHERE key LIKE 'tasks%';
