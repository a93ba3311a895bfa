-- Six pairs without a hole, once for the extension and once, in the same order, for the old SQL: both write the index beside its parts.
TRUNCATE public.data_bars, seed.data_bars;
CALL bench.make_bars('{EURUSD,USDJPY,GBPUSD,USDCAD,USDSEK,USDCHF}', '{1.08,150,1.27,1.36,10.5,0.9}', '2025-07-01 00:00+00', :minutes);
INSERT INTO seed.data_bars SELECT * FROM public.data_bars ORDER BY ts_utc, canonical_symbol;
VACUUM ANALYZE public.data_bars, seed.data_bars;
