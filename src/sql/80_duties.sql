-- What somebody may do who makes bars, operates, watches, reads or feeds.

CREATE FUNCTION @extschema@.agg_grant(p_duty text, p_role text)
RETURNS TABLE (object text, privilege text)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_grant';

COMMENT ON FUNCTION @extschema@.agg_grant(text, text) IS
'Grants a role what its duty needs, and nothing else: worker (makes bars), operator (all but the feed, and mends), monitor (health, states and logs; no bars), reader (bars), consumer (events of bars) or feed (writes 1m bars). docs/operating.md lists the rights of each.
Returns one row for each right that the role did not have yet; no row means that it had them all. Call it again after an update of the extension, for what is new. Runs with the rights of its caller, who must own the tables and the functions, or be a superuser. Errors: 22023 for another duty; 42704 if there is no such role; 42P01 before agg_setup(); 42501 if the caller may not grant it. Then nothing is granted.';

CREATE FUNCTION @extschema@.agg_revoke(p_duty text, p_role text)
RETURNS TABLE (object text, privilege text)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_revoke';

COMMENT ON FUNCTION @extschema@.agg_revoke(text, text) IS
'Takes the rights of a duty away from a role, those that another of its duties needs, too: grant that duty again. What the role has through another role stays.
Returns one row for each right that the role had. Errors as agg_grant().';
