-- The year in four sessions.
\set sessions 4
\ir sessions.sql
