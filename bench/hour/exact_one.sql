-- All timeframes are made of minutes.
\ir one.sql
