-- The old functions in a loop that also claims each task first, as the workers' protocol has it: a compare-and-set to running, a catch-up of one
-- window, and the update that finishes the task.
\ir ../due_tasks/this_round.sql
UPDATE seed.data_agg_state SET last_agg_bar_ts_utc = :'window_start', next_run_at = :'window_start'::timestamptz + interval '330 seconds';
DELETE FROM seed.derived_data_bars WHERE ts_utc = :'window_start';
VACUUM ANALYZE seed.data_agg_state, seed.derived_data_bars;
SELECT seed.run_due_tasks('-infinity', true);
CHECKPOINT;
\ir ../timer_start.sql
SELECT seed.run_due_tasks(:'now', true);
\ir ../timer_stop.sql
