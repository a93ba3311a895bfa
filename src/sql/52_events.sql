-- Events: finished, revised and deleted bars for whoever wants to act on them, each once and in order.

CREATE FUNCTION @extschema@.agg_note_event()
RETURNS trigger
LANGUAGE c VOLATILE SECURITY INVOKER
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_note_event';

COMMENT ON FUNCTION @extschema@.agg_note_event() IS
'Trigger of derived_data_bars, after INSERT, UPDATE and DELETE for each row, while somebody is subscribed or a task keeps its revisions: agg_subscribe() and agg_set_keep_revisions() put it there, and the last one who needs it no more removes it. Notes bars that are finished, revised or deleted in agg_events; when the transaction commits, they get their ids, what revisions are kept of goes to agg_bar_revisions, and NOTIFY agg_events is sent. An UPDATE that leaves what agg_bars() shows of a bar as it was makes no event. A transaction that has made events cannot be prepared (0A000).';

CREATE FUNCTION @extschema@.agg_subscribe(p_consumer text, p_symbols text[] DEFAULT NULL, p_timeframes text[] DEFAULT NULL, p_restart boolean DEFAULT false)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_subscribe';

COMMENT ON FUNCTION @extschema@.agg_subscribe(text, text[], text[], boolean) IS
'Subscribes a consumer to events of bars: of these symbols and timeframes, NULL being all. It gets the events of every transaction that writes bars after this call has committed, and of none before. The consumer belongs to the calling role.
The call waits until no transaction is writing bars, and none writes any until it has committed: commit at once. Subscribed already, with the same arguments: nothing changes. p_restart true: it begins anew, with these symbols and timeframes, and what was waiting is dropped.
Returns success, consumer, created, event_id (of the last event that it does not get). Errors: 22023 for an empty name or list, a timeframe that is none, 1m, or other symbols and timeframes without p_restart; 22004 for a NULL among them; 25000 in a REPEATABLE READ or SERIALIZABLE transaction that would change anything; 42501 for a consumer of another role or without SELECT on derived_data_bars; 55000 if the consumer has lost events and p_restart is false.';

CREATE FUNCTION @extschema@.agg_unsubscribe(p_consumer text)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_unsubscribe';

COMMENT ON FUNCTION @extschema@.agg_unsubscribe(text) IS
'Removes a consumer, and the events that were kept for it. With the last one the trigger goes, too; while somebody reads or writes derived_data_bars, it is only switched off. Returns success and consumer. Errors: P0002 if there is no such consumer; 42501 if it is another role''s.';

CREATE FUNCTION @extschema@.agg_poll(p_consumer text, p_limit integer DEFAULT 1000)
RETURNS TABLE (event_id bigint, canonical_symbol text, timeframe text, ts_utc timestamptz, kind text, old jsonb, new jsonb, made_at timestamptz)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY INVOKER ROWS 100
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_poll';

COMMENT ON FUNCTION @extschema@.agg_poll(text, integer) IS
'The events that a consumer has not acknowledged, the first p_limit of them, by event_id; again until agg_ack() is called. Ids rise in the order of commits. kind: finished (there was no bar), revised, deleted. old and new: open, high, low, close, vol, vwap, trade_count and quality_score of the bar before and after; old is NULL for finished, new for deleted. made_at: when the change was committed. Of what a transaction does to a bar there is one event, or none where nothing came of it.
A second call for the same consumer waits until the transaction of the first one ends. Act on events after that, or in it. The caller needs SELECT on derived_data_bars; where row security applies, the caller gets events of bars that it can see. Errors: P0002 if there is no such consumer; 42501 if it is another role''s; 55000 if it has lost events, because it was too far behind (aggregation.events_kept) or because the trigger was missing; 22023 for p_limit below 1; 25006 on a standby.';

CREATE FUNCTION @extschema@.agg_ack(p_consumer text, p_event_id bigint)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_ack';

COMMENT ON FUNCTION @extschema@.agg_ack(text, bigint) IS
'Acknowledges all events of a consumer up to and including this one: agg_poll() does not give them again, and they are removed as soon as every consumer has acknowledged them. Returns success, consumer, event_id (up to which all is acknowledged now). Errors: 22023 for an event that the consumer was not given; P0002 if there is no such consumer; 42501 if it is another role''s.';
