/*
 * What the writers of bars (src/pg/event_log.c) and the functions of consumers (events.cpp) say together about the outbox.
 *
 *   agg_events          the events of one transaction have the same batch, and are counted from 1: ordinal
 *   agg_event_batches   a row for each transaction, written when it commits; event id = first_id - 1 + ordinal
 *   agg_consumers       who is subscribed, and how far he has come: acked, and what he was given: polled
 */
#ifndef AGGREGATION_EVENTS_H
#define AGGREGATION_EVENTS_H

#define AGG_EVENT_TRIGGER "agg_note_event"
#define AGG_EVENT_CHANNEL "agg_events"

/* The id of the newest event; of the oldest one that is still there. One row, or none before the first event. */
#define AGG_NEWEST_EVENT "SELECT n.last_id FROM @agg_event_batches n ORDER BY n.last_id DESC LIMIT 1"
#define AGG_OLDEST_EVENT "SELECT o.first_id FROM @agg_event_batches o ORDER BY o.last_id LIMIT 1"

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
