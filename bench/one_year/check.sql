-- A time means nothing if the bars are others: each baseline's against ours.
INSERT INTO bench.fact VALUES
	('one_year', 'bars made', :round, (SELECT count(*) FROM public.derived_data_bars)),
	('one_year', 'PL/pgSQL bars that differ from ours', :round, bench.differing_bars('seed.derived_data_bars')),
	('one_year', 'set-based bars that differ from ours', :round, bench.differing_bars('set_based.derived_data_bars')),
	('one_year', 'copied bars that differ from ours', :round, bench.differing_bars('floor.derived_data_bars'));
