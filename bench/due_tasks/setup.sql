-- Many symbols, each with one task and a little more than an hour of minutes, stored as they arrive: minute by minute, the symbols side by
-- side, so that a symbol's five minutes lie on five pages. Each round brings the next window; round 0 goes first and is not counted,
-- it leaves every target table with one bar a symbol. The finished bars of each round are put into a file for the floor to copy.
TRUNCATE public.data_bars, public.derived_data_bars, public.data_agg_state, seed.derived_data_bars, seed.data_agg_state,
	set_based.derived_data_bars, set_based.data_agg_state, floor.derived_data_bars, floor.data_agg_state;
SELECT array_agg('SYM' || lpad(n::text, 5, '0') ORDER BY n) AS symbols, array_agg(1 + n % 100 ORDER BY n) AS prices
FROM generate_series(1, :tasks) AS n \gset
CALL bench.make_bars(:'symbols', :'prices', '2025-07-01 00:00+00', greatest(65, 5 * :rounds + 10));
INSERT INTO public.data_agg_state
SELECT t.*
FROM unnest(:'symbols'::text[]) AS symbol
CROSS JOIN LATERAL bench.new_task(symbol, '2025-07-01 00:00+00') AS t;
UPDATE public.data_agg_state SET next_run_at = '2025-07-01 00:05:30+00';
INSERT INTO seed.data_agg_state SELECT * FROM public.data_agg_state;
INSERT INTO set_based.data_agg_state SELECT * FROM public.data_agg_state;
INSERT INTO floor.data_agg_state SELECT * FROM public.data_agg_state;
VACUUM FULL public.data_agg_state;
VACUUM ANALYZE public.data_bars, public.data_agg_state, seed.data_agg_state, set_based.data_agg_state, floor.data_agg_state;

CREATE TEMP TABLE finished AS SELECT b.* FROM unnest(:'symbols'::text[]) AS symbol CROSS JOIN LATERAL bench.bars_5m(symbol) AS b;
SELECT format('COPY (SELECT %s FROM finished WHERE ts_utc = %L ORDER BY canonical_symbol) TO %L (FORMAT binary)', bench.lean_columns(),
	timestamptz '2025-07-01 00:00+00' + round * interval '5 minutes', :'folder' || '/due_tasks_' || round || '.copy')
FROM generate_series(0, :rounds) AS round \gexec
