-- The year in two sessions.
\set sessions 2
\ir sessions.sql
