-- Many symbols with an hour of minutes as a feed writes them, and the hour's bars, with ours, with the floor and with TimescaleDB where it is
-- installed; and the minutes of the windows to come, one a round.
SET client_min_messages = warning;
TRUNCATE public.data_bars, public.derived_data_bars, public.data_agg_state, floor.derived_data_bars, bench.to_come;
CREATE INDEX IF NOT EXISTS data_bars_time_idx ON public.data_bars USING brin (ts_utc) WITH (pages_per_range = 32, autosummarize = on);
SELECT array_agg('SYM' || lpad(n::text, 5, '0') ORDER BY n) AS symbols, array_agg(1 + n % 100 ORDER BY n) AS prices
FROM generate_series(1, :tasks) AS n \gset
CALL bench.make_bars(:'symbols', :'prices', '2025-07-01 00:00+00', 5 * (:rounds + 1) + 60, 'bench.to_come');
CREATE INDEX ON bench.to_come (ts_utc);
ANALYZE bench.to_come;

INSERT INTO public.data_agg_state
SELECT t.*
FROM unnest(:'symbols'::text[]) AS symbol
CROSS JOIN LATERAL bench.new_task(symbol, '2025-07-01 00:00+00') AS t;
INSERT INTO public.core_asset_registry_all (canonical_symbol) SELECT unnest(:'symbols'::text[]) ON CONFLICT DO NOTHING;
VACUUM ANALYZE public.core_asset_registry_all, public.data_agg_state;
CALL bench.feed_minutes('public.data_bars', '2025-07-01 00:00+00', '2025-07-01 01:00+00');
VACUUM ANALYZE public.data_bars;
CALL public.agg_run(p_now_utc => '2025-07-01 01:00:31+00', p_time_budget => '1 hour');

-- What a task's state must hold to go on, with nothing that stays the same from tick to tick, and room for the next version of each row.
DROP TABLE IF EXISTS floor.tick_state;
CREATE TABLE floor.tick_state (
	canonical_symbol text, timeframe text, last_agg_bar_ts_utc timestamptz, next_run_at timestamptz, last_successful_at_utc timestamptz,
	last_attempted_at_utc timestamptz, total_runs bigint, total_bars_created bigint, updated_at timestamptz,
	PRIMARY KEY (canonical_symbol, timeframe)
) WITH (fillfactor = 50, autovacuum_enabled = off);
INSERT INTO floor.tick_state
SELECT symbol, '5m', '2025-07-01 01:00+00', '2025-07-01 01:05:30+00', '2025-07-01 01:00:31+00', '2025-07-01 01:00:31+00', 1, 12, now()
FROM unnest(:'symbols'::text[]) AS symbol;
SELECT format('INSERT INTO floor.derived_data_bars (%s) SELECT %1$s FROM public.derived_data_bars ORDER BY ts_utc, canonical_symbol', bench.lean_columns()) \gexec

SELECT format('COPY (SELECT %s FROM bench.window_bars_5m(%L) ORDER BY canonical_symbol) TO %L (FORMAT binary)', bench.lean_columns(),
	timestamptz '2025-07-01 01:00+00' + round * interval '5 minutes', :'folder' || '/tick_' || round || '.copy')
FROM generate_series(0, :rounds) AS round \gexec
