-- The old system's SQL over the same range, into a table without any bar of the index.
DELETE FROM seed.data_bars WHERE canonical_symbol = 'DXY';
VACUUM ANALYZE seed.data_bars;
SELECT seed.calc_dxy_range_1m('2020-01-01 00:00+00', '2020-01-01 01:00+00');
CHECKPOINT;
\ir ../timer_start.sql
SELECT seed.calc_dxy_range_1m('2025-07-01 00:00+00', '2025-07-01 00:00+00'::timestamptz + :minutes * interval '1 minute') AS answer \gset
\ir ../timer_stop.sql
INSERT INTO bench.fact SELECT 'dxy', :'contender' || ': bars inserted', :round, (:'answer'::jsonb->>'inserted')::numeric;
