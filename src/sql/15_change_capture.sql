-- What notices that bars change. agg_setup() puts the triggers on the tables.

CREATE FUNCTION @extschema@.agg_capture_changes()
RETURNS trigger
LANGUAGE c VOLATILE SECURITY INVOKER
AS 'MODULE_PATHNAME', 'aggregation_agg_capture_changes';

COMMENT ON FUNCTION @extschema@.agg_capture_changes() IS
'Trigger of data_bars, after INSERT, UPDATE and DELETE for each row and before TRUNCATE. Collects the minutes of 1m bars that are inserted, changed or deleted, and writes them to agg_change_log when the transaction commits. An UPDATE that leaves key, prices, vol, vwap and trade_count as they were is no change. Does nothing while aggregation.tracking is off.';

CREATE FUNCTION @extschema@.agg_note_timeframe()
RETURNS trigger
LANGUAGE c VOLATILE SECURITY INVOKER
AS 'MODULE_PATHNAME', 'aggregation_agg_note_timeframe';

COMMENT ON FUNCTION @extschema@.agg_note_timeframe() IS
'Trigger of data_agg_state, after INSERT and after UPDATE of timeframe or source_timeframe for each row. Maintains agg_timeframes, the list of timeframes in use and of their sources.';

CREATE FUNCTION @extschema@.agg_note_task_change()
RETURNS trigger
LANGUAGE c VOLATILE SECURITY INVOKER
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_note_task_change';

COMMENT ON FUNCTION @extschema@.agg_note_task_change() IS
'Triggers of data_agg_state, after INSERT for each statement and after UPDATE of key, source_timeframe, agg_start_utc, late_policy or calendar for each row. Marks in agg_dirty_ranges the existing bars that the change affects, so that the next run recomputes them: all bars of a task that is created where bars exist, or gets another source or calendar; those between the old and the new start; those that a late policy had refused. Has the days of a calendar made when its first task names it, and refuses a calendar that does not exist or is not that of the symbol''s other tasks (23503, 23514). Lists a task that is new or gets another source or calendar in agg_recent_tasks, until every session at work knows it.';

CREATE FUNCTION @extschema@.agg_note_due()
RETURNS trigger
LANGUAGE c VOLATILE SECURITY INVOKER
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_note_due';

COMMENT ON FUNCTION @extschema@.agg_note_due() IS
'Trigger of data_agg_state, after INSERT and after UPDATE of next_run_at, status or enabled for each statement. Notes in agg_next_due that tasks may be due now, so that the next list of due tasks looks at all of them.';

CREATE FUNCTION @extschema@.agg_watch_partitions()
RETURNS event_trigger
LANGUAGE c VOLATILE SECURITY INVOKER
AS 'MODULE_PATHNAME', 'aggregation_agg_watch_partitions';

COMMENT ON FUNCTION @extschema@.agg_watch_partitions() IS
'Event trigger. If a partition of data_bars is attached, its bars count as changed. If one is detached or dropped, the bars made from it are sealed (agg_sealed_ranges). If a partition of derived_data_bars is detached or dropped, what it held is sealed, too, and is not made again. A column of bars that is added, dropped, renamed or gets another type counts as a change of all bars of the table. New and attached partitions get the trigger for TRUNCATE, and their owner is granted the right to use it. Tables that inherit from data_bars or derived_data_bars without being partitions are refused (0A000). While aggregation.tracking is off, nothing is sealed or counted as changed.';

CREATE EVENT TRIGGER aggregation_partitions ON ddl_command_end WHEN TAG IN ('ALTER TABLE', 'CREATE TABLE', 'CREATE FOREIGN TABLE', 'CREATE SCHEMA')
EXECUTE FUNCTION @extschema@.agg_watch_partitions();

CREATE EVENT TRIGGER aggregation_dropped_partitions ON ddl_command_start WHEN TAG IN ('DROP TABLE', 'DROP SCHEMA', 'DROP OWNED', 'ALTER TABLE', 'CREATE TABLE', 'CREATE TRIGGER')
EXECUTE FUNCTION @extschema@.agg_watch_partitions();
