-- More than one machine: tables that Citus distributes by symbol.

CREATE FUNCTION @extschema@.agg_distribute(dry_run boolean DEFAULT false, shard_count int DEFAULT 32)
RETURNS TABLE (object text, action text, detail text)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_distribute';

COMMENT ON FUNCTION @extschema@.agg_distribute(boolean, int) IS
'Turns the tables of a running installation into distributed ones, on the coordinator of a Citus cluster: bars, tasks, the change log and marks are sharded by canonical_symbol, all of them alike; assets, calendars and indexes get a copy on each node. From then on each node makes the bars of the shards that are placed on it. A second call does what is left, and nothing where all is done. All of it is one transaction, in which nobody else can write the tables.
dry_run: true only lists what would be done. shard_count: into how many shards each table is split, >= 1; choose some for each node that there will ever be.
Returns one row for each step: the object; the action (dropped, divided, copied to each node, distributed, emptied here, prepared for moves, created on each shard; with dry_run would be ...); the SQL. Runs with the rights of its caller, who must own the tables. Errors: 55000 where Citus is not installed, where this is not the coordinator, where a table has a trigger of somebody''s, and where events, revisions or ticks are in use, which are not available in a distributed database; 42P01 before agg_setup(); 22023 for shard_count < 1; and those of Citus.';
