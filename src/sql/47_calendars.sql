-- Market calendars: which windows a symbol's bars have, and when bars are expected.

CREATE FUNCTION @extschema@.agg_note_calendar_change()
RETURNS trigger
LANGUAGE c VOLATILE SECURITY INVOKER
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_note_calendar_change';

COMMENT ON FUNCTION @extschema@.agg_note_calendar_change() IS
'Triggers of agg_calendars, agg_calendar_sessions and agg_calendar_exceptions, for each statement, and for each row before it is written. Checks the rules (22001: a name longer than 256 bytes; 22023: a name that is empty, has blanks around it or control characters in it, a weekday that is none, unknown time zone, session outside its trading day, overlapping sessions, exception without sense; 23503: a calendar that is deleted or renamed while tasks have it; 55000: a change of utc, a shipped exception that is deleted). Brings agg_calendar_days up to the rules, and marks the windows that touch a day that has become another one in all tasks of the calendar, so that the next runs make them anew. Sets shipped to false where somebody changes what the extension ships. Does nothing while aggregation.tracking is off.';

CREATE FUNCTION @extschema@.agg_set_calendar(p_symbol text, p_calendar text)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_set_calendar';

COMMENT ON FUNCTION @extschema@.agg_set_calendar(text, text) IS
'Chooses the calendar of a symbol, for all of its tasks: utc, or one of agg_calendars. Cursors go back to the start of the window that they lie in, a source whose windows are no parts of the task''s windows any more is replaced by the default, and everything that is stored is marked. The call itself changes no bar: until the next runs the bars are those of the old calendar; these runs make them anew and delete bars of windows that do not exist any more. A sync from the registry sets the calendar that the asset''s metadata.agg.calendar names, and leaves it alone where that is missing.
Answers success, canonical_symbol, calendar, tasks, changed (of each changed task: timeframe, and as [old, new] source_timeframe and last_agg_bar_ts_utc where they changed), note; or {"success": false, "error": "not_found", "message": ...} if the symbol has no task; message says how it gets one. Errors: 22023 for an unknown calendar, P0002 for a symbol that no task, asset or bar has, 22004 for NULL.';

CREATE FUNCTION @extschema@.agg_set_source(p_symbol text, p_source text)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_set_source';

COMMENT ON FUNCTION @extschema@.agg_set_source(text, text) IS
'Chooses what the bars of a symbol are made of, for all of its tasks: exact, every timeframe of the 1m bars; or chain, each of narrower bars as a task''s default says (of those timeframes that the symbol has tasks for). By the chain the minutes of a window that is too thin for a bar are missing in all wider bars; exact bars have them all. Tasks whose source becomes another one are marked from their beginning, and the next runs make their bars anew. A sync from the registry sets what the asset''s metadata.agg.source says ("1m" or "chain"); where that is missing, a symbol whose tasks are all made of minutes stays exact.
Answers success, canonical_symbol, source, tasks, changed (of each changed task: timeframe, and source_timeframe as [old, new]), note; or {"success": false, "error": "not_found", "message": ...} if the symbol has no task. Errors: 22023 for another word than exact, 1m (the same) and chain, P0002 for a symbol that no task, asset or bar has, 22004 for NULL.';

CREATE FUNCTION @extschema@.agg_refresh_calendars()
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_refresh_calendars';

COMMENT ON FUNCTION @extschema@.agg_refresh_calendars() IS
'Makes the days of all calendars in use anew, to be called when the server has got other rules of time zones (a new tzdata, a minor release of PostgreSQL), or after rules were loaded while aggregation.tracking was off. The windows that touch a day that has become another one are marked in all tasks of the calendar, and the next runs make them anew.
Answers success, changed (of each calendar with such days: calendar, from_utc, to_utc, and in how many ranges), tasks_marked.';

CREATE FUNCTION @extschema@.agg_trading_days(p_calendar text, p_from date, p_to date)
RETURNS TABLE (trading_date date, starts_at timestamptz, ends_at timestamptz, open_minutes bigint, sessions jsonb, note text)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_trading_days';

COMMENT ON FUNCTION @extschema@.agg_trading_days(text, date, date) IS
'The trading days of a calendar with the dates from p_from to p_to, both included: when the day starts and ends, how many minutes of it the market is open, its sessions ([[opens, closes], ...] in UTC; empty where it is closed), and the note of its exception. Dates that the time zone skipped are missing. Calendars reach from 1990-01-01 to 2050-12-31. Works for calendars that no task has, too.
Errors: 22023 for an unknown calendar or inverted dates, 22004 for NULL.';

CREATE FUNCTION @extschema@.agg_calendar_windows(p_calendar text, p_timeframe text, p_from_utc timestamptz, p_to_utc timestamptz)
RETURNS TABLE (window_start timestamptz, window_end timestamptz, trading_date date, expected_minutes bigint)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_calendar_windows';

COMMENT ON FUNCTION @extschema@.agg_calendar_windows(text, text, timestamptz, timestamptz) IS
'The windows of a timeframe in a calendar, those that hold p_from_utc and all later ones that begin before p_to_utc: start, end, the trading date on which the window begins, and how many of its minutes lie in a session (a bar with that many source minutes is complete). Before 1990 and after 2050 trading days go on in steps of 24 hours, without sessions. Works for calendars that no task has, too.
Errors: 22023 for an unknown calendar or timeframe or an inverted range, 54000 for a range of more than 5,000,000 windows, 22008 for an infinite time, 22004 for NULL.';

CREATE FUNCTION @extschema@.agg_gaps(p_symbol text, p_from_utc timestamptz DEFAULT NULL, p_to_utc timestamptz DEFAULT NULL)
RETURNS TABLE (from_utc timestamptz, to_utc timestamptz, missing_minutes bigint)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_gaps';

COMMENT ON FUNCTION @extschema@.agg_gaps(text, timestamptz, timestamptz) IS
'The minutes of a symbol that are missing in data_bars while its market is open (by the calendar of its tasks; without a task always), as ranges: a row for each stretch of open minutes of which none is there, from the oldest on. p_from_utc: NULL is the symbol''s first minute, or, where it has none up to now, the earliest start of its enabled tasks (but not before 1990); p_to_utc: NULL, or a later time, is now. A minute is there if it has a row, whatever its prices are. Rows outside the sessions do not matter; v_aggregation_completeness counts them. For many symbols at once: agg_completeness().
Errors: 22023 for an inverted range, 22008 for an infinite time, P0002 for a symbol that no task, asset or bar has, 22004 for a NULL symbol.';

CREATE FUNCTION @extschema@.agg_completeness(p_from date, p_to date DEFAULT NULL, p_symbols text[] DEFAULT NULL)
RETURNS TABLE (canonical_symbol text, calendar text, trading_date date, expected_minutes bigint, present_minutes bigint, missing_minutes bigint, longest_gap_minutes bigint, outside_minutes bigint)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_completeness';

COMMENT ON FUNCTION @extschema@.agg_completeness(date, date, text[]) IS
'The rows of v_aggregation_completeness for the trading dates from p_from to p_to, both included, of many symbols at once: all of them share one read of the index of data_bars, in a fraction of the time that the view takes. p_to: NULL is today. p_symbols: NULL is all symbols that have tasks; a symbol without a task is always open.
expected_minutes: minutes of the date''s sessions, as far as they are over; present_minutes: those of which data_bars has a row, whatever its prices are; missing_minutes: the others; longest_gap_minutes: the longest stretch of these in one session (sessions that touch are one); outside_minutes: minutes with a row outside the sessions. From the date of a symbol''s first minute on; a symbol that has none up to now is missing since the earliest start of its enabled tasks (but not before 1990). Dates without sessions have a row only if they have bars.
Errors: 22023 for inverted dates, P0002 for a symbol that no task, asset or bar has, 22004 for NULL in p_from or in p_symbols, 54000 for more than 100,000 symbols.';
