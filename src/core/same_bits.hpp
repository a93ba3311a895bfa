// Whether two figures are the same bit by bit: what a bar is compared with before it is written again. == would call 0 and -0 the same,
// and NaN different from itself.
#pragma once

#include <bit>
#include <cstdint>
#include <optional>

namespace aggregation {

inline bool same_bits(double a, double b) {
	return std::bit_cast<uint64_t>(a) == std::bit_cast<uint64_t>(b);
}

inline bool same_bits(const std::optional<double> &a, const std::optional<double> &b) {
	return a.has_value() == b.has_value() && (!a || same_bits(*a, *b));
}

} // namespace aggregation
