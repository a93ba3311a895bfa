// Division that rounds towards minus infinity, for numbers on both sides of an epoch. Divisors are positive.
#pragma once

#include <cstdint>

namespace aggregation {

constexpr int64_t floor_div(int64_t value, int64_t divisor) {
	return value / divisor - (value % divisor < 0 ? 1 : 0);
}

/// What floor_div() leaves over, 0 <= rest < divisor.
constexpr int64_t modulo(int64_t value, int64_t divisor) {
	const int64_t rest = value % divisor;
	return rest < 0 ? rest + divisor : rest;
}

} // namespace aggregation
