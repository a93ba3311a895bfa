-- Each timeframe is made of narrower bars.
\ir one.sql
