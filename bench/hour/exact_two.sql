-- All timeframes are made of minutes.
\ir two.sql
