-- What notices that bars change. agg_setup() puts the triggers on the tables.

CREATE FUNCTION @extschema@.agg_capture_changes()
RETURNS trigger
LANGUAGE c VOLATILE SECURITY INVOKER
AS 'MODULE_PATHNAME', 'aggregation_agg_capture_changes';

COMMENT ON FUNCTION @extschema@.agg_capture_changes() IS
'Trigger of data_bars, after INSERT, UPDATE, DELETE for each row and before TRUNCATE. Notes the minutes of 1m bars that come, change or go, and writes them to agg_change_log when the transaction ends. An UPDATE that leaves key, prices, vol, vwap and trade_count as they were is no change. Does nothing while aggregation.tracking is off.';

CREATE FUNCTION @extschema@.agg_note_timeframe()
RETURNS trigger
LANGUAGE c VOLATILE SECURITY INVOKER
AS 'MODULE_PATHNAME', 'aggregation_agg_note_timeframe';

COMMENT ON FUNCTION @extschema@.agg_note_timeframe() IS
'Trigger of data_agg_state, after INSERT and after UPDATE of timeframe or source_timeframe for each row. Keeps agg_timeframes, the list of timeframes in use and what they are built from.';

CREATE FUNCTION @extschema@.agg_note_task_change()
RETURNS trigger
LANGUAGE c VOLATILE SECURITY INVOKER
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_note_task_change';

COMMENT ON FUNCTION @extschema@.agg_note_task_change() IS
'Triggers of data_agg_state, after INSERT for each statement and after UPDATE of key, source_timeframe or agg_start_utc for each row. Marks in agg_dirty_ranges what the change means for bars that are there already, so that the next run looks at them: all of a task that is made where bars are, or gets another source; those between the old and the new start. A wider timeframe''s task that is new or gets another source is listed in agg_recent_tasks until nobody derives bars who may not know it.';

CREATE FUNCTION @extschema@.agg_watch_partitions()
RETURNS event_trigger
LANGUAGE c VOLATILE SECURITY INVOKER
AS 'MODULE_PATHNAME', 'aggregation_agg_watch_partitions';

COMMENT ON FUNCTION @extschema@.agg_watch_partitions() IS
'Event trigger. When a partition of data_bars is attached, its bars count as changed; when one is detached or dropped, the bars made of it are sealed (agg_sealed_ranges). So is what a partition of derived_data_bars held when it is detached or dropped: it is not made again. A column of bars that is added, dropped, renamed or gets another type counts as a change of all bars of the table. Partitions that are created or attached get the trigger for TRUNCATE, and their owner the right to have it. Tables that inherit from data_bars or derived_data_bars and are no partitions are refused (0A000). While aggregation.tracking is off, nothing is sealed or counted as changed.';

CREATE EVENT TRIGGER aggregation_partitions ON ddl_command_end WHEN TAG IN ('ALTER TABLE', 'CREATE TABLE', 'CREATE FOREIGN TABLE', 'CREATE SCHEMA')
EXECUTE FUNCTION @extschema@.agg_watch_partitions();

CREATE EVENT TRIGGER aggregation_dropped_partitions ON ddl_command_start WHEN TAG IN ('DROP TABLE', 'DROP SCHEMA', 'DROP OWNED', 'ALTER TABLE', 'CREATE TABLE', 'CREATE TRIGGER')
EXECUTE FUNCTION @extschema@.agg_watch_partitions();
