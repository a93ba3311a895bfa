/*
 * A candlestick: what a set of trades, or of bars, comes to. This is its face for C (src/pg/candlestick.c); the rules are in
 * candlestick.cpp.
 *
 *   open    the price at the earliest time, with that time     volume       the sum of the volumes
 *   high    the highest price, and when it was first reached   vwap         sum(price * volume) / sum(volume) over volumes above zero
 *   low     the lowest price, and when it was first reached    trade_count  how many trades
 *   close   the price at the latest time, with that time
 *
 * Nothing depends on the order of rows, or on how they are split among partial states: each price is the first one in a total order, and
 * the sums are exact (exact_sum.hpp). Where several trades have the earliest or the latest time, nothing says which of them was first or
 * last: the lowest of their prices is taken.
 *
 * Missing, NaN or infinite prices are no trades. A volume that is missing, NaN or infinite is unknown: it is not added. The same holds for
 * a vwap. Where no volume is known, the sum is unknown, too. Sums of volumes, or of products, of 1e292 and more are unknown.
 *
 * The caller provides the memory. No function of this header throws.
 */
#ifndef AGGREGATION_CANDLESTICK_H
#define AGGREGATION_CANDLESTICK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define AGG_CORE_NOEXCEPT noexcept
extern "C" {
#else
#define AGG_CORE_NOEXCEPT
#endif

typedef struct agg_candlestick agg_candlestick;

/* Room in each sum: what nearly all sums need, and what every sum can do with. */
#define AGG_CANDLESTICK_ROOM 6
#define AGG_CANDLESTICK_FULL_ROOM 48

typedef struct agg_number {
	bool known;
	double value;
} agg_number;

typedef struct agg_bar_row {
	int64_t time; /* microseconds since 2000-01-01 UTC */
	agg_number open, high, low, close, vol, vwap;
	bool has_trades;
	int64_t trades;
} agg_bar_row;

size_t agg_candlestick_size(size_t room) AGG_CORE_NOEXCEPT;
/* Without any trade. */
void agg_candlestick_begin(agg_candlestick *memory, size_t room) AGG_CORE_NOEXCEPT;
void agg_candlestick_copy(agg_candlestick *memory, size_t room, const agg_candlestick *from) AGG_CORE_NOEXCEPT;
bool agg_candlestick_is_empty(const agg_candlestick *candlestick) AGG_CORE_NOEXCEPT;

/* Each returns false, with nothing done, where the sums need more room than there is; never with full room. */
bool agg_candlestick_add_trade(agg_candlestick *candlestick, int64_t time, double price, agg_number volume) AGG_CORE_NOEXCEPT;
bool agg_candlestick_add_bar(agg_candlestick *candlestick, const agg_bar_row *bar) AGG_CORE_NOEXCEPT;
bool agg_candlestick_merge(agg_candlestick *into, const agg_candlestick *from) AGG_CORE_NOEXCEPT;

/* Bars added as they are where bars are stored: sums run in the order of the rows, in double precision (window_aggregator.hpp). */
typedef struct agg_bar_rollup agg_bar_rollup;

#define AGG_BAR_ROLLUP_ALIGNMENT 16

size_t agg_bar_rollup_size(void) AGG_CORE_NOEXCEPT;
void agg_bar_rollup_begin(agg_bar_rollup *memory) AGG_CORE_NOEXCEPT;
void agg_bar_rollup_add(agg_bar_rollup *rollup, const agg_bar_row *bar) AGG_CORE_NOEXCEPT;
/* Into memory of full room. */
void agg_bar_rollup_value(const agg_bar_rollup *rollup, agg_candlestick *into) AGG_CORE_NOEXCEPT;

/* What is in it. Prices and times only where it is not empty. */
typedef enum agg_price { AGG_OPEN, AGG_HIGH, AGG_LOW, AGG_CLOSE } agg_price;

double agg_candlestick_price(const agg_candlestick *candlestick, agg_price which) AGG_CORE_NOEXCEPT;
int64_t agg_candlestick_time(const agg_candlestick *candlestick, agg_price which) AGG_CORE_NOEXCEPT;
agg_number agg_candlestick_volume(const agg_candlestick *candlestick) AGG_CORE_NOEXCEPT;
agg_number agg_candlestick_vwap(const agg_candlestick *candlestick) AGG_CORE_NOEXCEPT;
/* False where it is unknown, or does not fit. */
bool agg_candlestick_trades(const agg_candlestick *candlestick, int64_t *trades) AGG_CORE_NOEXCEPT;

/* Its binary and its text form. Equal candlesticks have equal bytes and equal texts. */
#define AGG_CANDLESTICK_MOST_BYTES 1300
#define AGG_CANDLESTICK_MOST_TEXT 5000

typedef struct agg_misread {
	char message[160];
	char hint[160];
} agg_misread;

/* How many bytes, or characters without the zero behind them, it has written; no character: out of memory. */
size_t agg_candlestick_encode(const agg_candlestick *candlestick, uint8_t *bytes) AGG_CORE_NOEXCEPT;
size_t agg_candlestick_print(const agg_candlestick *candlestick, char *text) AGG_CORE_NOEXCEPT;
/* Into memory of full room. False: they are no candlestick, and `why` says what is wrong. */
bool agg_candlestick_decode(const uint8_t *bytes, size_t length, agg_candlestick *into, agg_misread *why) AGG_CORE_NOEXCEPT;
/* Of what was decoded and comes from outside: no trades come to it. */
bool agg_candlestick_check(const agg_candlestick *candlestick, agg_misread *why) AGG_CORE_NOEXCEPT;
bool agg_candlestick_parse(const char *text, agg_candlestick *into, agg_misread *why) AGG_CORE_NOEXCEPT;

#ifdef __cplusplus
}
#endif

#endif
