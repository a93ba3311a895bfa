-- The old worker's round over the due tasks, without the network between worker and database: for each task a catch-up of one window, then
-- the update that finishing a task successfully makes. With p_claims also the update that claims it. One transaction.
CREATE FUNCTION seed.run_due_tasks(p_now_utc timestamptz, p_claims boolean DEFAULT false)
RETURNS int
LANGUAGE plpgsql
AS $$
DECLARE
	v_task record;
	v_res jsonb;
	v_count int := 0;
BEGIN
	FOR v_task IN
		SELECT canonical_symbol, timeframe, last_agg_bar_ts_utc, run_interval_minutes
		FROM seed.data_agg_state
		WHERE status = 'idle' AND enabled AND next_run_at <= p_now_utc
		ORDER BY is_mandatory DESC, task_priority, last_successful_at_utc NULLS FIRST, canonical_symbol
	LOOP
		IF p_claims THEN
			UPDATE seed.data_agg_state SET status = 'running', running_started_at_utc = p_now_utc, last_attempted_at_utc = p_now_utc, updated_at = now()
			WHERE canonical_symbol = v_task.canonical_symbol AND timeframe = v_task.timeframe AND status = 'idle' AND enabled;
			CONTINUE WHEN NOT FOUND;
		END IF;
		v_res := seed.catchup_aggregation_range(
			v_task.canonical_symbol, v_task.timeframe, v_task.last_agg_bar_ts_utc, 1, p_now_utc);
		UPDATE seed.data_agg_state SET
			status = 'idle', running_started_at_utc = NULL, hard_fail_streak = 0, last_error = NULL,
			last_successful_at_utc = p_now_utc, last_attempted_at_utc = p_now_utc,
			last_agg_bar_ts_utc = (v_res->>'new_cursor')::timestamptz,
			next_run_at = p_now_utc + make_interval(secs => 60 * v_task.run_interval_minutes - 1),
			total_runs = total_runs + 1,
			total_bars_created = total_bars_created + (v_res->>'bars_created')::bigint,
			total_bars_quality_poor = total_bars_quality_poor + (v_res->>'bars_quality_poor')::bigint,
			updated_at = now()
		WHERE canonical_symbol = v_task.canonical_symbol AND timeframe = v_task.timeframe;
		v_count := v_count + 1;
	END LOOP;
	RETURN v_count;
END;
$$;
