-- The run log: one row for each run of a job, bounded by count.

CREATE FUNCTION @extschema@.ops_runlog_start(p_run_id uuid, p_job_name text, p_trigger text, p_env_name text)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_ops_runlog_start';

COMMENT ON FUNCTION @extschema@.ops_runlog_start(uuid, text, text, text) IS
'Records the start of a job''s run: p_trigger is cron or manual. The last ten runs of the same job and trigger are kept, this one included.
Answers success, run_id, already_started (the same id again: nothing changes). Errors: 22004 for NULL, 22023 for another trigger.';

CREATE FUNCTION @extschema@.ops_runlog_checkpoint(p_run_id uuid, p_checkpoint text, p_details jsonb DEFAULT '{}')
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_ops_runlog_checkpoint';

COMMENT ON FUNCTION @extschema@.ops_runlog_checkpoint(uuid, text, jsonb) IS
'Appends {checkpoint, at, details} to the run''s checkpoints; the newest 200 are kept. p_details: at most 64 kB. Answers success, run_id, or {"success": false, "error": "not_found"}.';

CREATE FUNCTION @extschema@.ops_runlog_finish(p_run_id uuid, p_status text, p_stats jsonb DEFAULT '{}')
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_ops_runlog_finish';

COMMENT ON FUNCTION @extschema@.ops_runlog_finish(uuid, text, jsonb) IS
'Records how a run ended: finished_at, status (any word; agg_run() writes success, partial or failed), stats. Answers success, run_id, or {"success": false, "error": "not_found"}.';

CREATE FUNCTION @extschema@.ops_runlog_prune(p_job_name text, p_trigger text, p_keep int DEFAULT 10)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_ops_runlog_prune';

COMMENT ON FUNCTION @extschema@.ops_runlog_prune(text, text, int) IS
'Deletes all but the newest p_keep runs of a job and trigger, whether they have finished or not. Answers success, deleted. Errors: 22004 for NULL, 22023 for a negative number or a trigger other than cron and manual.';
