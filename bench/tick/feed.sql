-- The feed brings the five minutes of this round's window. They are read once, as anybody does who looks at them before they are aggregated: the
-- first reader of a row notes in it that its writer has committed, and nobody's turn shall pay for that. What the capture of changes noted of them
-- is read in a call of its own, as by a worker that wakes up between two ticks. And the BRIN index gets its summaries, which autovacuum makes once
-- a minute (autosummarize): rounds follow each other faster than that, and what has no summary is read whenever the index is.
\ir this_round.sql
SET client_min_messages = warning;
CALL bench.feed_minutes('public.data_bars', :'window_start', :'window_start'::timestamptz + interval '5 minutes');
SELECT brin_summarize_new_values('public.data_bars_time_idx') \g /dev/null
SELECT count(open) FROM public.data_bars WHERE ts_utc >= :'window_start' \g /dev/null
SELECT to_regclass('timescale.data_bars') IS NOT NULL AS timescale \gset
\if :timescale
	CALL bench.feed_minutes('timescale.data_bars', :'window_start', :'window_start'::timestamptz + interval '5 minutes');
	SELECT count(open) FROM timescale.data_bars WHERE ts_utc >= :'window_start' \g /dev/null
\endif
SELECT clock_timestamp() AS began \gset
CALL public.agg_run(p_now_utc => '2025-06-01 00:00+00');
INSERT INTO bench.fact SELECT 'tick', 'ms to read the change log of five minutes', :round,
	round(1000 * extract(epoch FROM clock_timestamp() - :'began')::numeric, 1);
