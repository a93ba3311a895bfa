-- COPY of the year, without change capture.
TRUNCATE public.data_bars, public.agg_change_log;
ALTER TABLE public.data_bars DISABLE TRIGGER USER;
CHECKPOINT;
SELECT format('COPY public.data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol, vwap, trade_count) FROM %L', :'folder' || '/year.tsv') AS load \gset
\ir ../timer_start.sql
:load;
\ir ../timer_stop.sql
ALTER TABLE public.data_bars ENABLE TRIGGER USER;
