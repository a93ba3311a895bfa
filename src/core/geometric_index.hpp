// Synthetic indexes: a constant times the product of the components' prices, each raised to its exponent, minute by minute. The U.S. Dollar
// Index is one, and so is a cross rate: EURJPY = EURUSD * USDJPY.
#pragma once

#include "core/timestamp.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace aggregation {

struct IndexComponent {
	std::string symbol;
	double exponent;
};

inline constexpr size_t most_index_components = 64;

struct GeometricIndex {
	std::string symbol;
	double constant = 1;
	std::vector<IndexComponent> components; // 1 to most_index_components
	int64_t decimals = 8;                   // of a value, 0 to 15
	Duration carry;                         // how long the last price of a component that is missing counts; 0: not at all

	/// constant * product of prices[i] ^ exponent[i], rounded half away from zero. nullopt unless every price is a usable one and the
	/// result is finite and > 0 too.
	std::optional<double> value(std::span<const double> prices) const;
};

/// What is wrong with the definition of an index.
struct IndexProblem {
	std::string text; // words that follow its name
	std::string hint; // what to do about it, as a sentence

	bool operator==(const IndexProblem &) const = default;
};

/// nullopt: nothing.
std::optional<IndexProblem> problem_of(const GeometricIndex &index);

/// Finite and > 0.
bool usable_price(double price);

/// Lines up the ordered series of an index's components by time. The series come one after the other, each in time order; together they
/// make one row per instant at which at least one component has a price.
class SeriesMerge {
public:
	explicit SeriesMerge(size_t components) : width_(components) {
	}
	/// The next price of `component`. Components must come in ascending order, and within one the times must ascend.
	void add(size_t component, Timestamp time, double price);
	/// Call it once, after the last add; then there are rows, in time order.
	void finish();
	void clear();

	size_t size() const {
		return times_.size();
	}
	Timestamp time(size_t row) const {
		return times_[row];
	}
	/// One for each component; NaN: it has none.
	std::span<const double> prices(size_t row) const {
		return {prices_.data() + row * width_, width_};
	}

private:
	struct Price {
		Timestamp time;
		double price;
	};
	void finish_component();

	size_t width_;
	std::vector<Timestamp> times_; // merged so far
	std::vector<double> prices_;   // width_ for each time
	std::vector<Price> fresh_;     // prices of the current component at instants that no earlier one has
	std::vector<Timestamp> merged_times_;
	std::vector<double> merged_prices_; // scratch space
	size_t next_ = 0;                   // the first row that may be the current component's next instant
	size_t component_ = 0;
};

} // namespace aggregation
