-- Six timeframes of the year, all made of minutes, which are read once.
\ir start_over.sql
\ir ../timer_start.sql
SELECT bench.six('EXACT');
\ir ../timer_stop.sql
