-- Every contender must have made the same bars and moved every task by one window.
\ir this_round.sql
INSERT INTO bench.fact VALUES
	('due_tasks', 'bars made so far', :round, (SELECT count(*) FROM public.derived_data_bars)),
	('due_tasks', 'PL/pgSQL bars that differ from ours', :round, bench.differing_bars('seed.derived_data_bars')),
	('due_tasks', 'set-based bars that differ from ours', :round, bench.differing_bars('set_based.derived_data_bars')),
	('due_tasks', 'copied bars that differ from ours', :round, bench.differing_bars('floor.derived_data_bars')),
	('due_tasks', 'tasks of ours left behind', :round, (
		SELECT count(*) FROM public.data_agg_state
		WHERE last_agg_bar_ts_utc IS DISTINCT FROM :'window_start'::timestamptz + interval '5 minutes'));
