-- complain if this script is read by psql rather than by CREATE EXTENSION
\echo Use "CREATE EXTENSION aggregation" to load this file. \quit

-- What is defined here finds PostgreSQL's own functions and operators only, whatever somebody has put into the schema before.
SELECT pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);

