-- Each timeframe is made of narrower bars.
\ir two.sql
