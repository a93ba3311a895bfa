-- The same with one index probe a symbol for its minutes.
\ir this_round.sql
SELECT format('SELECT b.* FROM floor.tick_state s CROSS JOIN LATERAL (
	SELECT ts_utc, open, high, low, close, vol, vwap, trade_count FROM public.data_bars d
	WHERE d.canonical_symbol = s.canonical_symbol AND d.timeframe = ''1m'' AND d.ts_utc >= %L AND d.ts_utc < %L
	ORDER BY d.ts_utc OFFSET 0) b', :'window_start', :'window_start'::timestamptz + interval '5 minutes') AS read \gset
\ir floor_write.sql
