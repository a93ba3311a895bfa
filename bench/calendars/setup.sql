-- The same year of minutes four times: 5m bars in UTC and in the FX calendar, and six timeframes in the FX calendar, each made of narrower
-- bars or all of them of minutes.
TRUNCATE public.data_bars, public.derived_data_bars, public.data_agg_state;
CALL bench.make_bars('{UTC,FX,CHAINED,EXACT}', '{1.1,1.1,1.1,1.1}', '2025-07-01 00:00+00', :minutes);
INSERT INTO public.data_agg_state
SELECT t.*
FROM (VALUES ('UTC', '5m', '1m', NULL), ('WARMUP', '5m', '1m', NULL), ('FX', '5m', '1m', 'fx'),
	('CHAINED', '5m', '1m', 'fx'), ('CHAINED', '15m', '5m', 'fx'), ('CHAINED', '1h', '5m', 'fx'), ('CHAINED', '4h', '1h', 'fx'), ('CHAINED', '1d', '1h', 'fx'), ('CHAINED', '1w', '1d', 'fx'),
	('EXACT', '5m', '1m', 'fx'), ('EXACT', '15m', '1m', 'fx'), ('EXACT', '1h', '1m', 'fx'), ('EXACT', '4h', '1m', 'fx'), ('EXACT', '1d', '1m', 'fx'), ('EXACT', '1w', '1m', 'fx')
) AS f (symbol, timeframe, source, calendar),
	LATERAL (SELECT (bench.new_task(f.symbol, '2025-07-01 00:00+00')).*) AS n,
	LATERAL jsonb_populate_record(NULL::public.data_agg_state, to_jsonb(n) || jsonb_build_object('timeframe', f.timeframe, 'source_timeframe', f.source, 'calendar', f.calendar)) AS t;
CREATE OR REPLACE FUNCTION bench.six(p_symbol text) RETURNS bigint LANGUAGE sql
RETURN (SELECT sum(bars_created) FROM public.agg_aggregate_tasks(array_fill(p_symbol, ARRAY[6]), '{5m,15m,1h,4h,1d,1w}', 200000, '2036-01-01 00:00+00'));
VACUUM ANALYZE public.data_bars, public.data_agg_state;
