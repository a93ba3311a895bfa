-- The year in one session.
\set sessions 1
\ir sessions.sql
