-- What notices that bars change. agg_setup() puts the triggers on the tables.

CREATE FUNCTION @extschema@.agg_capture_changes()
RETURNS trigger
LANGUAGE c VOLATILE SECURITY INVOKER
AS 'MODULE_PATHNAME', 'aggregation_agg_capture_changes';

COMMENT ON FUNCTION @extschema@.agg_capture_changes() IS
'Trigger of data_bars, after UPDATE, DELETE (and INSERT) for each row and before TRUNCATE. Notes the minutes of 1m bars that come, change or go, and writes them to agg_change_log when the transaction ends. An UPDATE that leaves key, prices, vol, vwap and trade_count as they were is no change. Does nothing while aggregation.tracking is off.';

CREATE FUNCTION @extschema@.agg_insert_needs_trigger(p_table oid, p_symbol text, p_timeframe text, p_ts_utc timestamptz)
RETURNS boolean
LANGUAGE c VOLATILE SECURITY INVOKER
AS 'MODULE_PATHNAME', 'aggregation_agg_insert_needs_trigger';

COMMENT ON FUNCTION @extschema@.agg_insert_needs_trigger(oid, text, text, timestamptz) IS
'Condition of the trigger on data_bars for INSERT, looked at right after a row has been inserted: notes its minute as agg_capture_changes() would, and answers false, so that the trigger need not fire. (Fired, it would read each row again at the end of the statement, which costs a COPY a tenth.) True, with nothing noted: the role may not insert into p_table itself, such as behind a view; then the trigger notes. Whoever inserts evaluates it, so everybody may call it; without the right to insert it does nothing.';

CREATE FUNCTION @extschema@.agg_note_timeframe()
RETURNS trigger
LANGUAGE c VOLATILE SECURITY INVOKER
AS 'MODULE_PATHNAME', 'aggregation_agg_note_timeframe';

COMMENT ON FUNCTION @extschema@.agg_note_timeframe() IS
'Trigger of data_agg_state, after INSERT and after UPDATE of timeframe or source_timeframe for each row. Keeps agg_timeframes, the list of timeframes in use and what they are built from.';

CREATE FUNCTION @extschema@.agg_watch_partitions()
RETURNS event_trigger
LANGUAGE c VOLATILE SECURITY INVOKER
AS 'MODULE_PATHNAME', 'aggregation_agg_watch_partitions';

COMMENT ON FUNCTION @extschema@.agg_watch_partitions() IS
'Event trigger. When a partition of data_bars is attached, its bars count as changed; when one is detached or dropped, the bars made of it are sealed (agg_sealed_ranges). Partitions that are created or attached get the trigger for TRUNCATE. Does nothing while aggregation.tracking is off.';

CREATE EVENT TRIGGER aggregation_partitions ON ddl_command_end WHEN TAG IN ('ALTER TABLE', 'CREATE TABLE')
EXECUTE FUNCTION @extschema@.agg_watch_partitions();

CREATE EVENT TRIGGER aggregation_dropped_partitions ON ddl_command_start WHEN TAG IN ('DROP TABLE')
EXECUTE FUNCTION @extschema@.agg_watch_partitions();
