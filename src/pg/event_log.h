/* What note_event.c hands to event_log.c: one change of a live bar. */
#ifndef AGGREGATION_EVENT_LOG_H
#define AGGREGATION_EVENT_LOG_H

#include "shim.h"

#include "utils/uuid.h"

/* The values of a bar that an event tells, in this order. All of them are passed by value. */
#define AGG_EVENT_VALUES 8
#define AGG_EVENT_COLUMNS(c) c(open) c(high) c(low) c(close) c(vol) c(vwap) c(trade_count) c(quality_score)

typedef struct agg_event_bar {
	bool live; /* there is one */
	bool is_null[AGG_EVENT_VALUES];
	int32 revision;
	Datum values[AGG_EVENT_VALUES];
} agg_event_bar;

typedef struct agg_event_key {
	const text *symbol;
	const text *timeframe;
	TimestampTz time;
} agg_event_key;

typedef struct agg_noted_event {
	int64 ordinal;
	const char *kind;
	text *symbol;
	text *timeframe;
	TimestampTz time;
	agg_event_bar old;
	agg_event_bar fresh;
	bool by_consumer;       /* wanted */
	TimestampTz kept_since; /* by its task; DT_NOEND: not, or agg_find_kept() has not been asked yet */
} agg_noted_event;

static inline bool agg_event_is_kept(const agg_noted_event *event) {
	return event->kept_since != DT_NOEND;
}

/* event_log.c */
extern void agg_note_event(agg_table_set set, const agg_event_key *key, const agg_event_bar *old, const agg_event_bar *fresh,
                           bool by_consumer);

/* event_interest.c: whether somebody may want to know of bars of this symbol and timeframe, and whether a consumer does */
extern bool agg_event_is_wanted(agg_table_set set, const text *symbol, const text *timeframe, bool *by_consumer);
extern void agg_find_kept(agg_table_set set, agg_noted_event *events, int count);

/* event_rows.c: those that are wanted or kept become rows of agg_events; those that are kept, and new bars, of agg_bar_revisions */
extern void agg_write_events(agg_table_set set, pg_uuid_t *batch, const agg_noted_event *events, int count);
extern void agg_write_new_revisions(agg_table_set set, TimestampTz made, const agg_noted_event *events, int count);

#endif
