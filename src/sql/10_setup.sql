-- The tables are nobody's members: they hold people's market data and outlive the extension. agg_setup() makes or mends them.

CREATE FUNCTION @extschema@.agg_setup(dry_run boolean DEFAULT false)
RETURNS TABLE (object text, action text, detail text)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_setup';

COMMENT ON FUNCTION @extschema@.agg_setup(boolean) IS
'Creates the tables, indexes, constraints, triggers and views that the extension works on, in the extension''s schema, or adds what is missing to existing ones. It touches nothing else.
dry_run: true only lists what would be done.
Returns one row for each thing that differed: the object; the action (created, added, replaced, would create, would add, would replace, cannot mend); the beginning of the SQL (with dry_run all of it, broken into lines), or the reason why it cannot be mended. No row means that everything is in place.
Replaces a view of the extension that has another definition, or an owner who is neither the caller nor has the rights of a superuser or of the extension''s owner. Names own tables (agg_...) of such an owner.
Also names, as cannot mend, what else would prevent a bar from being written: columns of the owner''s that need a value and get none, generated and identity columns among the extension''s, checks and foreign keys that would refuse a bar, rules, forced row security, unlogged tables, partitioned tables without partitions, unique indexes that count soft-deleted bars, publications of tables without a replica identity.
Runs with the rights of its caller, who becomes the owner of what it creates. On an existing table it acts as the table''s owner, in a security-restricted operation; the caller must have that owner''s rights.';

CREATE FUNCTION @extschema@.agg_partition_by_month(p_table text, p_months_ahead int DEFAULT 4, p_from_utc timestamptz DEFAULT NULL)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_partition_by_month';

COMMENT ON FUNCTION @extschema@.agg_partition_by_month(text, int, timestamptz) IS
'Has data_bars or derived_data_bars (p_table) partitioned by month of ts_utc, in UTC, from the month of p_from_utc (NULL: of now) to p_months_ahead months ahead, and lets agg_run() and the background worker keep making partitions that far ahead. p_months_ahead NULL: no more of them are made. Partitions are called as pg_partman calls them; a month that a partition touches gets none. Bars of other months go to the DEFAULT partition, and move when a partition is made for them.
An empty table is replaced by a partitioned one with the same columns, keys, indexes, checks, triggers and rights. A table with rows needs p_from_utc, the beginning of a month in UTC: it becomes the partition for all times before, and no row is written. PostgreSQL reads it under a lock unless a CHECK (ts_utc < p_from_utc), named like the table with _before, is there and validated; the CHECK goes. A table that is partitioned by ts_utc keeps its partitions. The extension''s views are made anew, without the rights that others had been granted.
Runs with the rights of its caller, who must have those of the table''s owner. Returns success, converted, partitions_made. Errors: 22023 for another table, p_months_ahead outside of 1 to 120, p_from_utc more than 100 years ago or inside of a month where there are rows; 42P07 if a table of a partition''''s name is there and is none; 55000 for a table that another extension manages, that is partitioned otherwise, that has row security, or that has rows without p_from_utc; 23514 if rows lie at or after p_from_utc; 2BP01 if something else depends on an empty table.';
