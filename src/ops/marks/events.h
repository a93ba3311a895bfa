/*
 * What the writers of bars (src/pg/event_log.c) and those who ask what became of bars say together.
 *
 *   agg_events          the events of one transaction have the same batch, and are counted from 1: ordinal
 *   agg_event_batches   a row for each transaction, written when it commits; event id = first_id - 1 + ordinal. Their times rise
 *   agg_consumers       who is subscribed, and how far he has come: acked, and what he was given: polled
 *   agg_kept_revisions  the tasks whose former bars are kept
 *   agg_bar_revisions   these bars, and since when each of them was current
 */
#ifndef AGGREGATION_EVENTS_H
#define AGGREGATION_EVENTS_H

#define AGG_EVENT_TRIGGER "agg_note_event"
#define AGG_EVENT_TRIGGER_NAME "aggregation_events"
#define AGG_EVENT_CHANNEL "agg_events"

/* Whether the trigger of the table of bars in a schema (its OID) fires. */
#define AGG_IS_RECORDED(schema)                                                                                                            \
	"EXISTS (SELECT FROM pg_catalog.pg_trigger g JOIN pg_catalog.pg_class d ON d.oid = g.tgrelid WHERE d.relnamespace = " schema           \
	" AND d.relname = 'derived_data_bars' AND g.tgname = '" AGG_EVENT_TRIGGER_NAME "' AND g.tgenabled IN ('O', 'A'))"

/* The batch of a transaction that has a place in the order, and no events. */
#define AGG_NO_EVENTS "'00000000-0000-0000-0000-000000000000'::uuid"

/* The newest batch; the id of the newest event; of the oldest one that is still there. One row, or none before the first event. */
#define AGG_NEWEST_BATCH(columns) "SELECT " columns " FROM @agg_event_batches n ORDER BY n.last_id DESC LIMIT 1"
#define AGG_NEWEST_EVENT AGG_NEWEST_BATCH("n.last_id")
#define AGG_OLDEST_EVENT "SELECT o.first_id FROM @agg_event_batches o ORDER BY o.last_id LIMIT 1"

/* The time of the next transaction: later than that of the last one, whatever the clock says. For who keeps others from writing bars. */
#define AGG_NEXT_MOMENT "GREATEST(clock_timestamp(), (" AGG_NEWEST_BATCH("n.made_at + '1 microsecond'::interval") "))"

/* Whether consumer c has not missed anything: what comes after `acked` is still there. NULL in `acked`: he has. */
#define AGG_KEEPS_UP(c) "(" c "acked >= COALESCE((" AGG_OLDEST_EVENT ") - 1, 0)) IS TRUE"

/*
 * Frees what everybody has acknowledged, and what is too old to be kept for who is gone. Of the newest batch the row stays: ids go on from
 * it. Nobody waits here; what somebody else is freeing is left to him. A few thousand batches at once.
 */
#define AGG_PRUNE_EVENTS                                                                                                                           \
	"WITH bound AS (SELECT b.newest, GREATEST(b.newest - current_setting('aggregation.events_kept')::int8, "                                       \
	"COALESCE((SELECT min(c.acked) FROM @agg_consumers c WHERE " AGG_KEEPS_UP(                                                                     \
	    "c.") "), b.newest)) AS until "                                                                                                            \
	          "FROM (SELECT (" AGG_NEWEST_EVENT ") AS newest) b), "                                                                                \
	          "old AS (SELECT o.batch, o.last_id FROM @agg_event_batches o WHERE o.last_id <= (SELECT u.until FROM bound u) "                      \
	          "ORDER BY o.last_id LIMIT 4096 FOR UPDATE SKIP LOCKED), "                                                                            \
	          "gone AS (DELETE FROM @agg_event_batches b USING old o WHERE b.last_id = o.last_id AND o.last_id < (SELECT u.newest FROM bound u)) " \
	          "DELETE FROM @agg_events e USING old o WHERE e.batch = o.batch"

#endif
