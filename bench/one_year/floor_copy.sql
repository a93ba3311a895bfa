-- Second half of the floor: COPY FROM of the finished bars into a table that has their columns and the one unique index and nothing else.
-- The file is binary: nobody parses a number.
TRUNCATE floor.derived_data_bars;
SELECT format('COPY floor.derived_data_bars (%s) FROM %L (FORMAT binary)', bench.lean_columns(), :'folder' || '/one_year.copy') AS copy \gset
CHECKPOINT;
\ir ../timer_start.sql
:copy;
\ir ../timer_stop.sql
