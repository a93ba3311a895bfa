-- The index is rounded to eight decimals; the two ways of raising to a power may differ in the last one.
INSERT INTO bench.fact
SELECT 'dxy', 'bars that differ', :round, count(*)
FROM (SELECT * FROM public.data_bars WHERE canonical_symbol = 'DXY') a
FULL JOIN (SELECT * FROM seed.data_bars WHERE canonical_symbol = 'DXY') b USING (ts_utc)
WHERE coalesce(abs(a.close - b.close) > 1.5e-8, true);
