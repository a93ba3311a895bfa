-- Tick sources: tables of ticks, or trades, whose minutes are 1m bars.

CREATE FUNCTION @extschema@.agg_capture_ticks()
RETURNS trigger
LANGUAGE c VOLATILE SECURITY INVOKER
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_capture_ticks';

COMMENT ON FUNCTION @extschema@.agg_capture_ticks() IS
'Triggers of a tick source''s table: agg_add_tick_source() puts them there, with the source''s name. After INSERT, UPDATE and DELETE for each row, notes the minutes whose ticks come or change, and those that ticks leave, and writes them to agg_tick_log when the transaction commits. An UPDATE that leaves time, symbol, price, size and condition as they were is no change. No row is ever refused: one without a symbol or a time is in no minute. Does nothing while aggregation.tracking is off.';

CREATE FUNCTION @extschema@.agg_add_tick_source(p_table regclass, p_time text DEFAULT 'ts', p_symbol text DEFAULT 'symbol', p_price text DEFAULT 'price', p_size text DEFAULT 'size', p_condition text DEFAULT NULL, p_excluded text[] DEFAULT NULL, p_delay_seconds integer DEFAULT 2, p_from timestamptz DEFAULT NULL)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_add_tick_source';

COMMENT ON FUNCTION @extschema@.agg_add_tick_source(regclass, text, text, text, text, text, text[], integer, timestamptz) IS
'Makes a table of ticks, or trades, the source of 1m bars. From then on the runs (agg_run(), agg_run_batch(), the background worker) make the bar of each minute that is over, and make it anew when a tick of it comes late, is corrected or deleted; it is the bar of the aggregate candlestick(time, price, size). A minute that its last tick leaves by DELETE or UPDATE loses its bar; where ticks go otherwise, bars stay. A bar that this source has not made is left as it is.
p_time (timestamptz), p_symbol (text), p_price, p_size (numbers), p_condition (text or integer, or an array of either): names of columns. p_size NULL: bars have no vol and no vwap. Ticks with a condition of p_excluded count for nothing. p_delay_seconds: how long after its end a minute is made, 0 to 3600. p_from: the minutes from there on, or from the first tick (-infinity), are made as well; NULL: none of what is there already, but for what changes.
The caller must own the table, plain or partitioned. The call waits until no transaction is writing ticks. Called again, it changes the registration; bars that are there change only from p_from on.
Returns success, tick_source (its name in views and in data_bars.raw), created, from_utc and to_utc (of what is made as well). Errors: 42501 for a table of somebody else''s; 42809 for a view or a temporary table; 42703 and 42804 for a column that is missing or of another type; 22023 for arguments that do not go together; 55000 for a partition of a source, or a table that has one; 0A000 for a table with rules, with row security that is forced on its owner, or with heirs that are no partitions.';

CREATE FUNCTION @extschema@.agg_remove_tick_source(p_table regclass)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_remove_tick_source';

COMMENT ON FUNCTION @extschema@.agg_remove_tick_source(regclass) IS
'Ends what agg_add_tick_source() has begun: removes the triggers from the table, waiting for who uses it, and what is waiting in agg_tick_log. Bars stay. (Where a table is dropped, the next run removes its source.) Returns success and tick_source. Errors: P0002 if the table is no source; 42501 if it is somebody else''s.';

CREATE FUNCTION @extschema@.agg_mark_ticks(p_table regclass, p_from_utc timestamptz DEFAULT NULL, p_to_utc timestamptz DEFAULT NULL, p_symbol text DEFAULT NULL, p_delete boolean DEFAULT false)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_mark_ticks';

COMMENT ON FUNCTION @extschema@.agg_mark_ticks(regclass, timestamptz, timestamptz, text, boolean) IS
'Has the next runs make the minutes of a tick source that touch [p_from_utc, p_to_utc) anew: a backfill, or after ticks have come or gone without being noticed (a partition that was attached, TRUNCATE, aggregation.tracking off). p_from_utc: NULL or -infinity is the first tick; p_to_utc: NULL is now. p_symbol: NULL is all. p_delete: minutes without ticks lose their bars (after a DELETE that nobody noticed); otherwise they keep them, since ticks that went without being noticed are taken for retention. Bars that are right already are not written. Returns success, tick_source, from_utc and to_utc (NULL where there is no tick). Errors: P0002 if the table is no source; 22023 for an end before the beginning, and for p_delete without a beginning.';
