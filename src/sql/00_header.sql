-- complain if this script is read by psql rather than by CREATE EXTENSION
\echo Use "CREATE EXTENSION aggregation" to load this file. \quit

