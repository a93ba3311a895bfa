// The quality score: how much of a window its source covered.
#pragma once

#include <cstdint>
#include <optional>

namespace aggregation {

/// coverage = candles / expected: all -> 2, at least 0.8 -> 1, at least 0.6 -> 0, more than 0.5 -> -1, less: no bar (nullopt).
/// Of five: 5->2, 4->1, 3->0. Of twelve: 12->2, 10..11->1, 8..9->0, 7->-1. `expected` > 0.
inline std::optional<int> quality_score(int64_t candles, int64_t expected) {
	if (candles >= expected)
		return 2;
	if (candles * 5 >= expected * 4)
		return 1;
	if (candles * 5 >= expected * 3)
		return 0;
	if (candles * 2 > expected)
		return -1;
	return std::nullopt;
}

/// The same where sessions say what is expected, and `inside` is how many of the candles lie in them. A window that expects nothing but has
/// candles scores -1.
inline std::optional<int> session_quality(int64_t candles, int64_t inside, int64_t expected) {
	if (expected == 0)
		return candles > 0 ? std::optional(-1) : std::nullopt;
	return quality_score(inside, expected);
}

} // namespace aggregation
