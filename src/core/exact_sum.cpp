#include "core/exact_sum.hpp"

#include <algorithm>
#include <array>

namespace aggregation::exact_sum {

double rounded(const double *parts, size_t used) {
	if (used == 0)
		return 0;
	double sum = parts[--used];
	double error = 0;
	while (used > 0 && error == 0) {
		const double larger = sum;
		const double part = parts[--used];
		sum = larger + part;
		error = part - (sum - larger);
	}
	// Halfway between two doubles, what is left behind the error decides.
	if (used > 0 && (error < 0) == (parts[used - 1] < 0)) {
		const double twice = error * 2;
		const double other = sum + twice;
		if (other - sum == twice)
			sum = other;
	}
	return sum;
}

size_t compress(double *parts, size_t used) {
	std::array<double, most_parts> largest_first {};
	size_t count = 0;
	while (used > 0) {
		const double nearest = rounded(parts, used);
		largest_first[count++] = nearest;
		used = add(parts, used, -nearest);
	}
	std::reverse_copy(largest_first.begin(), largest_first.begin() + static_cast<std::ptrdiff_t>(count), parts);
	return count;
}

} // namespace aggregation::exact_sum
