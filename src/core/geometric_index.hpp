// Synthetic indexes: a constant times the product of its components' prices, each raised to its weight, minute by minute.
#pragma once

#include "core/timestamp.hpp"

#include <array>
#include <bitset>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace aggregation {

struct IndexComponent {
	const char *symbol;
	double weight;
};

inline constexpr size_t most_index_components = 8;

struct GeometricIndex {
	const char *symbol;
	double constant;
	std::span<const IndexComponent> components; // at most most_index_components
	double rounding;                            // 1 / the smallest step of a value: 1e8 for 8 decimals

	/// constant * product of prices[i] ^ weight[i], rounded half away from zero. nullopt unless every price is finite and > 0 and the
	/// result is finite and > 0 too.
	std::optional<double> value(std::span<const double> prices) const;
};

/// The U.S. Dollar Index. Constant and weights: ICE Futures U.S., "U.S. Dollar Index Contracts: Index Methodology".
extern const GeometricIndex dollar_index;

/// Lines up the ordered series of an index's components by time. The series come one after the other, each in time order; together they
/// make one row per instant at which at least one component has a bar.
class SeriesMerge {
public:
	struct Row {
		Timestamp time;
		std::array<double, most_index_components> prices;
		std::bitset<most_index_components> present;
	};

	/// The next price of `component`. Components must come in ascending order, and within one the times must ascend.
	void add(size_t component, Timestamp time, double price);
	/// All rows in time order; call it once, after the last add.
	const std::vector<Row> &finish();
	void clear();

private:
	struct Price {
		Timestamp time;
		double price;
	};
	void finish_component();

	std::vector<Row> rows_;    // merged so far
	std::vector<Price> fresh_; // prices of the current component at instants that no earlier one has
	std::vector<Row> merged_;  // scratch space
	size_t next_ = 0;          // the first row that may be the current component's next instant
	size_t component_ = 0;
};

} // namespace aggregation
