-- The old functions in a loop, as a worker calls them, but in one transaction and without a network in between: a catch-up of one window
-- and an update of the task's row, for each due task.
\ir this_round.sql
VACUUM ANALYZE seed.data_agg_state, seed.derived_data_bars;
SELECT seed.run_due_tasks('-infinity');
CHECKPOINT;
\ir ../timer_start.sql
SELECT seed.run_due_tasks(:'now');
\ir ../timer_stop.sql
