-- When a task runs next, after a run that succeeded and left the cursor at next_window.

CREATE FUNCTION oracle.next_run_after_success(now_utc timestamptz, tf text, next_window timestamptz, delay interval, run_interval interval,
	found_work boolean)
RETURNS timestamptz LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
	confirmable timestamptz := next_window + oracle.width(tf) + delay;
BEGIN
	IF NOT found_work AND confirmable <= now_utc THEN -- the source is late: half of the time overdue, 5 s at least, the run interval at most
		RETURN now_utc + least(greatest((now_utc - confirmable) / 2, interval '5 seconds'), run_interval);
	END IF;
	RETURN least(now_utc + run_interval, confirmable);
END
$$;
