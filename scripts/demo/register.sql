-- Every symbol that has 1-minute bars becomes an asset. Its metadata asks for all timeframes
-- from its first bar on, made of minutes, and gives currency pairs, and DXY, which is made of
-- them, the calendar of their market. Where all six pairs are there, DXY is computed first.
-- Then the registry makes the tasks.

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

-- Two currencies. (DXY is made of pairs of them.)
WITH currency AS (
	SELECT unnest(string_to_array('AUD CAD CHF CNH CZK DKK EUR GBP HKD HUF JPY MXN NOK NZD PLN SEK SGD THB TRY USD ZAR', ' ')) AS code
), pair AS (
	SELECT base.code || quote.code AS symbol FROM currency base JOIN currency quote ON quote.code <> base.code
), present AS (
	SELECT canonical_symbol AS symbol, min(ts_utc) AS first,
		CASE WHEN canonical_symbol = 'DXY' OR canonical_symbol IN (SELECT symbol FROM pair) THEN 'fx' ELSE 'utc' END AS calendar
	FROM data_bars
	WHERE timeframe = '1m'
	GROUP BY canonical_symbol
)
INSERT INTO core_asset_registry_all AS a (canonical_symbol, asset_class, description, active, test_active, metadata)
SELECT symbol, CASE symbol WHEN 'DXY' THEN 'index' ELSE 'demo' END, 'demo', true, true,
	jsonb_build_object('agg', jsonb_build_object(
		'mandatory', jsonb_build_array('5m', '1h'),
		'optional', jsonb_build_array('15m', '30m', '4h', '1d', '1w'),
		'source', '1m',
		'calendar', calendar,
		-- The beginning of a week, so that the first one is asked for as well.
		'start_utc', to_char(week.window_start AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')))
FROM present
CROSS JOIN LATERAL agg_calendar_windows(calendar, '1w', first, first + interval '1 minute') week
ON CONFLICT (canonical_symbol) DO UPDATE SET metadata = excluded.metadata, updated_at = now()
WHERE a.metadata IS DISTINCT FROM excluded.metadata;

SELECT format('tasks: %s', string_agg(format('%s %s', value, replace(key, 'tasks_', '')), ', ' ORDER BY key))
FROM jsonb_each_text(sync_agg_state_from_registry('prod'))
WHERE key LIKE 'tasks%';

-- What these tasks make, in words.
SELECT 'Currency pairs' || CASE WHEN bool_or(canonical_symbol = 'DXY') THEN ' and DXY' ELSE '' END
	|| ' have the trading days of their market (calendar fx): from 17:00 to 17:00 in New York, weeks from Sunday 17:00.'
	|| E'\nA weekend is closed, so no bar is incomplete because of it.'
FROM data_agg_state
WHERE calendar = 'fx'
HAVING bool_or(canonical_symbol <> 'DXY');
SELECT 'All bars are exact (source 1m): made directly of all the 1-minute bars in their window, as market data providers do.'
WHERE NOT EXISTS (SELECT FROM data_agg_state WHERE source_timeframe IS DISTINCT FROM '1m');
