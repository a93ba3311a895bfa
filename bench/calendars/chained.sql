-- Six timeframes of the year, each made of narrower bars.
\ir start_over.sql
\ir ../timer_start.sql
SELECT bench.six('CHAINED');
\ir ../timer_stop.sql
