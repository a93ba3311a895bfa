// A sum of doubles without rounding: the same numbers give the same sum in any order and however they are split.
//
// The sum is held as an expansion: a few doubles whose exact sum it is, from the smallest to the largest, no two of which overlap
// (J. R. Shewchuk, Adaptive Precision Floating-Point Arithmetic, 1997). Most sums of prices and volumes need one to three of them.
// The rounded value is the double nearest to the exact sum.
#pragma once

#include <cmath>
#include <cstddef>

namespace aggregation::exact_sum {

/// So many parts are enough for any sum whose parts are compressed, and for a few additions on top.
inline constexpr size_t most_parts = 48;

/// Numbers from here on are not added: in no order do those below come near infinity before there are 2^40 of them.
inline constexpr double too_large = 0x1p970;
/// Nor is added to a sum that reaches this.
inline constexpr double sum_too_large = 0x1p1010;

/// Adds a number to `used` parts, for one more of which there is room; how many there are now.
inline size_t add(double *parts, size_t used, double number) {
	size_t kept = 0;
	for (size_t i = 0; i < used; ++i) {
		const double part = parts[i];
		const double sum = number + part;
		const double shadow = sum - number;
		const double error = (number - (sum - shadow)) + (part - shadow);
		parts[kept] = error;
		kept += error != 0 ? 1 : 0;
		number = sum;
	}
	parts[kept] = number;
	return kept + (number != 0 ? 1 : 0);
}

/// The double nearest to the sum, which must be finite; of two that are equally near the even one.
double rounded(const double *parts, size_t used);

/// Makes the parts the fewest that there are: from the last one on, each is the double nearest to what is left. How many there are now.
/// Equal sums have equal parts then.
size_t compress(double *parts, size_t used);

} // namespace aggregation::exact_sum
