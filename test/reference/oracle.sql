-- The reference: what this extension has to compute, said a second time in PL/pgSQL, for reading rather than for speed.
--
-- It shares nothing with the extension but the tables it reads: data_bars (the minutes) and data_agg_state (each task's configuration and
-- cursor). Its own bars go to oracle.bars, and wider timeframes are made from those, so that one wrong bar of the extension cannot hide by
-- being wrong in the same way further up. Tests load it with \ir, run both on the same data and ask for the difference.
--
--   timeframes.sql   widths, boundaries, what is built from what
--   arithmetic.sql   double precision that answers an infinity where PostgreSQL's operators would raise
--   window.sql       one window: candles, values, quality, store
--   catch_up.sql     window after window, and every reason to stop
--   schedule.sql     when a task runs next
--   dxy.sql          the dollar index, minute by minute
--   random_data.sql  hostile market data from a seed
--   compare.sql      bars and answers side by side

CREATE SCHEMA oracle;

\ir timeframes.sql
\ir arithmetic.sql
\ir window.sql
\ir catch_up.sql
\ir schedule.sql
\ir dxy.sql
\ir random_data.sql
\ir compare.sql
