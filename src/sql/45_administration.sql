-- What operators, and workers with a long claim, do to a task by hand.

CREATE FUNCTION @extschema@.agg_reset_task(p_symbol text, p_tf text)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_reset_task';

COMMENT ON FUNCTION @extschema@.agg_reset_task(text, text) IS
'Puts a task back to work: the explicit acknowledgement that hard_failed and disabled wait for. The status becomes idle, the streak 0 and the error NULL, a claim is removed, and the task is due at once. `enabled` stays as it is.
Answers success, canonical_symbol, timeframe, status, enabled, changed (column: [old, new]; empty if the task was idle without failures: then nothing is written), note (what is wrong with the task''s row that no reset mends), or {"success": false, "error": "not_found", "message": ...}.';

CREATE FUNCTION @extschema@.agg_enable_task(p_symbol text, p_tf text)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_enable_task';

COMMENT ON FUNCTION @extschema@.agg_enable_task(text, text) IS
'Switches a task on (enabled = true). A status of hard_failed or disabled stays and needs agg_reset_task(); the answer includes the status. Answers like agg_reset_task().';

CREATE FUNCTION @extschema@.agg_disable_task(p_symbol text, p_tf text)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_disable_task';

COMMENT ON FUNCTION @extschema@.agg_disable_task(text, text) IS
'Switches a task off (enabled = false) until agg_enable_task(): a sync from the registry leaves it off. A runner that is processing it finishes its batch first. Answers like agg_reset_task().';

CREATE FUNCTION @extschema@.agg_set_start(p_symbol text, p_tf text, p_start_utc timestamptz)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_set_start';

COMMENT ON FUNCTION @extschema@.agg_set_start(text, text, timestamptz) IS
'Sets agg_start_utc of a task. If the new start is earlier, the windows between it and the old one are marked, and the next runs make them; the cursor stays where it is. If it is later, no bars before it are made any more; stored ones stay, and late changes still reach them. A sync from the registry sets the start that the registry asks for: to keep another one, write it into the asset''s metadata.agg.start_utc.
Answers like agg_reset_task(). Errors: 22008 for an infinite time.';

CREATE FUNCTION @extschema@.agg_heartbeat(p_symbol text, p_tf text, p_claim_token uuid, p_now_utc timestamptz DEFAULT now())
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_heartbeat';

COMMENT ON FUNCTION @extschema@.agg_heartbeat(text, text, uuid, timestamptz) IS
'Renews the claim of agg_start(): its age counts from p_now_utc. (last_attempted_at_utc still says when it began.)
Answers success, running_started_at_utc; {"success": false, "error": "claim_lost", "message": ...} if the task is not running or has another token; {"success": false, "error": "not_found", "message": ...}.';
