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

