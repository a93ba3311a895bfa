-- A symbol-year of minutes in a file, as a feed would deliver it, and a live batch: one bar each of ten thousand symbols.
TRUNCATE public.data_bars, public.derived_data_bars, public.data_agg_state, public.agg_change_log, public.agg_dirty_ranges;
CALL bench.make_bars('{BENCH}', '{1.1}', '2025-07-01 00:00+00', :minutes);
SELECT format('COPY (SELECT canonical_symbol, timeframe, ts_utc, open, high, low, close, vol, vwap, trade_count FROM public.data_bars ORDER BY ts_utc) TO %L', :'folder' || '/year.tsv') \gexec
CREATE TABLE IF NOT EXISTS bench.live AS SELECT 'L' || n AS canonical_symbol, '1m'::text AS timeframe, n FROM generate_series(1, 10000) AS n;
TRUNCATE public.data_bars;
