-- Ten years of minutes of one symbol, without a hole (a hole would end the call).
TRUNCATE public.data_bars, public.derived_data_bars, public.data_agg_state;
CALL bench.make_bars('{BENCH}', '{1.1}', '2016-07-01 00:00+00', :minutes);
INSERT INTO public.data_agg_state SELECT t.* FROM bench.new_task('BENCH', '2016-07-01 00:00+00') AS t;
VACUUM ANALYZE public.data_bars, public.data_agg_state;
