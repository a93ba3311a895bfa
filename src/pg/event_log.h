/* What note_event.c hands to event_log.c: one change of a live bar. */
#ifndef AGGREGATION_EVENT_LOG_H
#define AGGREGATION_EVENT_LOG_H

#include "shim.h"

/* The values of a bar that an event tells, in this order. All of them are passed by value. */
#define AGG_EVENT_VALUES 8
#define AGG_EVENT_COLUMNS(c) c(open) c(high) c(low) c(close) c(vol) c(vwap) c(trade_count) c(quality_score)

typedef struct agg_event_bar {
	bool live; /* there is one */
	bool is_null[AGG_EVENT_VALUES];
	Datum values[AGG_EVENT_VALUES];
} agg_event_bar;

typedef struct agg_event_key {
	const text *symbol;
	const text *timeframe;
	TimestampTz time;
} agg_event_key;

/* Whether a consumer wants to know of bars of this symbol and timeframe. */
extern bool agg_event_is_wanted(Oid schema, const text *symbol, const text *timeframe);
extern void agg_note_event(const agg_event_key *key, const agg_event_bar *old, const agg_event_bar *fresh);

#endif
