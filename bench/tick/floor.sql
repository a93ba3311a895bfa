-- What cannot be left out: the window's minutes, read by time (to a null sink, see one_year/floor_read.sql), and what floor_write.sql writes.
\ir this_round.sql
SELECT format('SELECT canonical_symbol, ts_utc, open, high, low, close, vol, vwap, trade_count FROM public.data_bars
	WHERE timeframe = ''1m'' AND ts_utc >= %L AND ts_utc < %L', :'window_start', :'window_start'::timestamptz + interval '5 minutes') AS read \gset
SET enable_seqscan = off;
SET enable_indexscan = off;
SET enable_indexonlyscan = off;
\ir floor_write.sql
