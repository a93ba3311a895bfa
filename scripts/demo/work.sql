-- What a worker does, in one session: ask for due tasks, claim each, catch it up while
-- it says "continue", finish it. Each task is one transaction, so an interruption leaves
-- it as it was before. Times are noted per timeframe.

SET client_min_messages = warning;

CREATE TEMP TABLE spent (timeframe text, bars bigint, windows bigint, seconds double precision);

CREATE PROCEDURE pg_temp.run_until_done() LANGUAGE plpgsql AS $$
DECLARE
	due record;
	claim jsonb;
	answer jsonb;
	cursor_utc timestamptz;
	bars bigint;
	windows bigint;
	done bigint;
	started timestamptz;
BEGIN
	LOOP
		done := 0;
		FOR due IN SELECT * FROM agg_get_due_tasks('prod', clock_timestamp(), 10000) LOOP
			started := clock_timestamp();
			claim := agg_start(due.canonical_symbol, due.timeframe, clock_timestamp());
			CONTINUE WHEN NOT (claim ->> 'success')::boolean;
			cursor_utc := coalesce(due.last_agg_bar_ts_utc, agg_bootstrap_cursor(due.canonical_symbol, due.timeframe, clock_timestamp()));
			bars := 0;
			windows := 0;
			LOOP
				answer := catchup_aggregation_range(due.canonical_symbol, due.timeframe, cursor_utc, 10000, clock_timestamp());
				cursor_utc := (answer ->> 'cursor_advanced_to')::timestamptz;
				-- Windows ahead of the cursor, and those before it whose source has changed.
				bars := bars + (answer ->> 'bars_created')::bigint + (answer ->> 'late_bars_changed')::bigint;
				windows := windows + (answer ->> 'windows_processed')::bigint + (answer ->> 'late_windows_processed')::bigint;
				EXIT WHEN NOT (answer ->> 'continue')::boolean;
			END LOOP;
			PERFORM agg_finish(due.canonical_symbol, due.timeframe, true, cursor_utc, answer, p_now_utc => clock_timestamp());
			COMMIT;
			INSERT INTO spent VALUES (due.timeframe, bars, windows, extract(epoch FROM clock_timestamp() - started));
			done := done + windows;
		END LOOP;
		-- A task that found nothing to do stays due while its source is old: a round that
		-- made no window is the end.
		EXIT WHEN done = 0;
	END LOOP;
END
$$;

CALL pg_temp.run_until_done();
\ir report.sql
