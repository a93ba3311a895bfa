-- Freshness of many symbols: a live feeder and the background worker, by the clock on the wall. Each symbol has a task of 2m and one of 5m. Symbols
-- with an odd number wait five seconds for late bars, the others six, as feeds of several venues do: a tick comes due a second after another, and
-- every ten minutes both timeframes do at once. A tick is a timeframe's windows that end together and wait equally long.
--
-- A bar is late by the time from its due moment (window end + delay, or the commit of its last minute, if that came later) to its commit.
SET client_min_messages = warning;
TRUNCATE public.data_bars, public.derived_data_bars, public.data_agg_state, public.core_asset_registry_all, public.agg_change_log,
	public.agg_dirty_ranges, public.ops_runlog;
CREATE INDEX IF NOT EXISTS data_bars_time_idx ON public.data_bars USING brin (ts_utc) WITH (pages_per_range = 32, autosummarize = on);
ALTER TABLE public.data_bars RESET (autovacuum_enabled);
ALTER TABLE public.derived_data_bars RESET (autovacuum_enabled);
ALTER TABLE public.data_agg_state RESET (autovacuum_enabled);
INSERT INTO public.core_asset_registry_all (canonical_symbol) SELECT 'LIVE' || lpad(n::text, 6, '0') FROM generate_series(1, :symbols) AS n;
SET aggregation.tracking = off;
INSERT INTO public.data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol)
SELECT canonical_symbol, '1m', date_trunc('minute', now()) - minute * interval '1 minute', 1, 2, 0.5, 1.5, 10
FROM public.core_asset_registry_all CROSS JOIN generate_series(11, 10 + greatest(6, 600000 / :symbols)) AS minute
ORDER BY minute DESC, random();
RESET aggregation.tracking;
INSERT INTO public.data_agg_state (canonical_symbol, timeframe, source_timeframe, is_mandatory, aggregation_delay_seconds, run_interval_minutes, agg_start_utc)
SELECT canonical_symbol, f.timeframe, '1m', true, 6 - right(canonical_symbol, 1)::int % 2, f.width, date_bin(f.width * interval '1 minute', clock_timestamp(), '2000-01-01 00:00+00')
FROM public.core_asset_registry_all CROSS JOIN (VALUES ('2m', 2), ('5m', 5)) AS f (timeframe, width);
VACUUM ANALYZE public.data_bars, public.data_agg_state, public.core_asset_registry_all;
SELECT clock_timestamp() AS began \gset
ALTER SYSTEM SET aggregation.databases = :'database';
SELECT pg_reload_conf();
\ir ../freshness/feed.sql
CALL bench.feed(:minutes);
SELECT pg_sleep(8);
-- The last tick may be a long one.
DO $$
BEGIN
	FOR i IN 1 .. 100 LOOP
		EXIT WHEN NOT EXISTS (SELECT FROM public.data_agg_state WHERE next_run_at <= clock_timestamp());
		PERFORM pg_sleep(0.5);
	END LOOP;
END
$$;
ALTER SYSTEM RESET aggregation.databases;
SELECT pg_reload_conf();

CREATE TEMP TABLE fed AS
SELECT ts_utc, max(pg_xact_commit_timestamp(xmin)) AS committed FROM public.data_bars
WHERE ts_utc >= :'began'::timestamptz - interval '1 minute' GROUP BY ts_utc;
CREATE TEMP TABLE bar AS
SELECT d.timeframe, s.aggregation_delay_seconds AS delay, d.ts_utc,
	greatest(d.ts_utc + make_interval(mins => s.run_interval_minutes, secs => s.aggregation_delay_seconds), f.committed) AS due,
	pg_xact_commit_timestamp(d.xmin) AS committed
FROM public.derived_data_bars d
JOIN public.data_agg_state s USING (canonical_symbol, timeframe)
JOIN fed f ON f.ts_utc = d.ts_utc + make_interval(mins => s.run_interval_minutes - 1);
CREATE TEMP TABLE tick AS
SELECT timeframe, delay, ts_utc, due, max(committed) AS finished, extract(epoch FROM max(committed) - due) AS latest
FROM bar GROUP BY timeframe, delay, ts_utc, due;
CREATE TEMP TABLE met AS
SELECT t.*, EXISTS (SELECT FROM tick o WHERE o.due < t.due AND o.finished > t.due) AS earlier,
	EXISTS (SELECT FROM tick o WHERE o.due = t.due AND o.timeframe <> t.timeframe) AS together
FROM tick t;
INSERT INTO bench.fact
SELECT 'freshness_load', :'symbols' || ' symbols: ' || what, 1, round(value::numeric, 3) FROM (
	SELECT 'bars', count(*) FROM bar
	UNION ALL SELECT 'rows of the feed without a bar of 2m', (SELECT :symbols * count(*) FROM fed) - 2 * count(*) FROM bar WHERE timeframe = '2m'
	UNION ALL SELECT 'seconds from due to commit, median', percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM committed - due)) FROM bar
	UNION ALL SELECT 'seconds from due to commit, latest', max(extract(epoch FROM committed - due)) FROM bar
	UNION ALL SELECT 'seconds from the end of a minute to the commit of its rows, latest', max(extract(epoch FROM committed - ts_utc) - 60) FROM fed
	UNION ALL SELECT 'seconds of the longest run of the worker', max(extract(epoch FROM finished_at - started_at)) FROM public.ops_runlog
	UNION ALL SELECT 'ticks', count(*) FROM met
	UNION ALL SELECT 'ticks that came due while an earlier one was at work', count(*) FROM met WHERE earlier
	UNION ALL SELECT 'ticks that came due with the other timeframe''s', count(*) FROM met WHERE NOT earlier AND together
	UNION ALL SELECT 'seconds from due to a tick''s last commit, alone: latest', max(latest) FROM met WHERE NOT earlier AND NOT together
	UNION ALL SELECT 'seconds from due to a tick''s last commit, with the other timeframe''s: latest', max(latest) FROM met WHERE NOT earlier AND together
	UNION ALL SELECT 'seconds from due to a tick''s last commit, while an earlier one was at work: latest', max(latest) FROM met WHERE earlier) AS f (what, value)
WHERE value IS NOT NULL;
ALTER TABLE public.data_bars SET (autovacuum_enabled = off);
ALTER TABLE public.derived_data_bars SET (autovacuum_enabled = off);
ALTER TABLE public.data_agg_state SET (autovacuum_enabled = off);
