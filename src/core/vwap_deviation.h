/*
 * The volume-weighted standard deviation of prices around their vwap: the width of VWAP bands.
 *
 *   sqrt(sum(volume * (price - vwap)^2) / sum(volume))   over volumes above zero
 *
 * Computed as sqrt(S2 * S0 - S1 * S1) / S0 with S_n = sum(volume * price^n). The sums, the products and the difference are exact, so
 * nothing is lost where prices differ little from each other, equal prices give 0, and neither the order of rows nor their split matters.
 *
 * The caller provides the memory. No function of this header throws.
 */
#ifndef AGGREGATION_VWAP_DEVIATION_H
#define AGGREGATION_VWAP_DEVIATION_H

#include "core/candlestick.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Its parts are doubles in 3 * 48 places; those in use are the first of each 48. Zeros: nothing was added. */
typedef struct agg_vwap_deviation {
	uint8_t used[3];
	bool any;
	bool too_large;
	double parts[3][AGG_CANDLESTICK_FULL_ROOM];
} agg_vwap_deviation;

/* What is missing, NaN or infinite, and a volume that is not above zero, is ignored. */
void agg_vwap_deviation_add(agg_vwap_deviation *to, agg_number price, agg_number volume) AGG_CORE_NOEXCEPT;
void agg_vwap_deviation_merge(agg_vwap_deviation *into, const agg_vwap_deviation *from) AGG_CORE_NOEXCEPT;
/* Unknown where nothing was added, or where a product is beyond 1e290. */
agg_number agg_vwap_deviation_value(const agg_vwap_deviation *of) AGG_CORE_NOEXCEPT;

#ifdef __cplusplus
}
#endif

#endif
