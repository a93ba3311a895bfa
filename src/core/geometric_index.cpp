#include "core/geometric_index.hpp"

#include "core/error.hpp"
#include "core/symbol.hpp"

#include <cmath>
#include <set>
#include <limits>
#include <utility>

namespace aggregation {

std::optional<IndexProblem> problem_of(const GeometricIndex &index) {
	constexpr int64_t most_decimals = 15;
	constexpr double largest_exponent = 100;
	constexpr Duration longest_carry = Duration::minutes(7 * 24 * 60);
	const std::string name_symbol = "Name it as data_bars has it in canonical_symbol.";
	if (index.symbol.empty() || has_blanks_around(index.symbol))
		return IndexProblem {"its symbol is empty or has blanks around it", "Nobody would find its bars. Leave the blanks out."};
	if (index.symbol.size() > longest_symbol)
		return IndexProblem {"its symbol has " + std::to_string(index.symbol.size()) + " bytes, more than " +
		                         std::to_string(longest_symbol),
		                     "Give it a shorter symbol."};
	if (!usable_price(index.constant))
		return IndexProblem {"its constant is not a number above 0", "Without a factor of its own an index has the constant 1."};
	if (index.components.empty())
		return IndexProblem {"it has no components", "List what it is made of: components '{EURUSD,USDJPY}', exponents '{1,1}'."};
	if (index.components.size() > most_index_components)
		return IndexProblem {"it has " + std::to_string(index.components.size()) + " components, more than " +
		                         std::to_string(most_index_components),
		                     "Make indexes of some of them, and let these be its components."};
	std::set<std::string_view> symbols;
	for (const auto &component : index.components) {
		if (component.symbol.empty())
			return IndexProblem {"a component has no name", name_symbol};
		if (component.symbol.size() > longest_symbol)
			return IndexProblem {"a component has " + std::to_string(component.symbol.size()) + " bytes, more than " +
			                         std::to_string(longest_symbol),
			                     name_symbol};
		const std::string quoted = "\"" + shortened(component.symbol) + "\"";
		if (has_blanks_around(component.symbol))
			return IndexProblem {"component " + quoted + " has blanks around it", name_symbol};
		if (component.symbol == index.symbol)
			return IndexProblem {"it is a component of itself", "Take it out of its components."};
		if (!symbols.insert(component.symbol).second)
			return IndexProblem {"component " + quoted + " comes twice", "Name it once, with the sum of its exponents."};
		if (component.exponent == 0)
			return IndexProblem {"the exponent of " + quoted + " is 0", "Then it does not count: take it out of the components."};
		if (!(std::fabs(component.exponent) <= largest_exponent))
			return IndexProblem {"the exponent of " + quoted + " is not a number from -100 to 100",
			                     "An exponent is a weight, such as 0.136; below 0 the index falls when the component rises."};
	}
	if (index.decimals < 0 || index.decimals > most_decimals)
		return IndexProblem {"its decimals are not 0 to 15", "decimals says how many places behind the point values keep; 8 is usual."};
	if (index.carry.us < 0 || index.carry > longest_carry)
		return IndexProblem {"its carry_minutes are not 0 to 10080",
		                     "carry_minutes says for how many minutes a component's last close counts: 0 not at all, 10080 for a week."};
	return std::nullopt;
}

bool usable_price(double price) {
	return std::isfinite(price) && price > 0;
}

std::optional<double> GeometricIndex::value(std::span<const double> prices) const {
	double log_sum = 0;
	for (size_t i = 0; i < components.size(); ++i) {
		if (!usable_price(prices[i]))
			return std::nullopt;
		log_sum += components[i].exponent * std::log(prices[i]);
	}
	const double value = constant * std::exp(log_sum);
	double steps_of_one = 1;
	for (int64_t i = 0; i < decimals; ++i)
		steps_of_one *= 10;
	// From 2^53 steps on a double has no digits left to round.
	const double steps = value * steps_of_one;
	const double rounded = steps < 9007199254740992.0 ? std::round(steps) / steps_of_one : value;
	if (!usable_price(rounded))
		return std::nullopt;
	return rounded;
}

void SeriesMerge::add(size_t component, Timestamp time, double price) {
	if (component != component_) {
		finish_component();
		component_ = component;
	}
	while (next_ < times_.size() && times_[next_] < time)
		++next_;
	if (next_ == times_.size() || times_[next_] != time)
		fresh_.push_back({time, price});
	else
		prices_[next_ * width_ + component] = price;
}

void SeriesMerge::finish_component() {
	next_ = 0;
	if (fresh_.empty())
		return;
	merged_times_.clear();
	merged_prices_.clear();
	merged_times_.reserve(times_.size() + fresh_.size());
	merged_prices_.reserve((times_.size() + fresh_.size()) * width_);
	size_t row = 0;
	const auto take_rows = [&](size_t end) {
		const auto at = [this](size_t n) { return static_cast<ptrdiff_t>(n * width_); };
		merged_times_.insert(merged_times_.end(), times_.begin() + static_cast<ptrdiff_t>(row),
		                     times_.begin() + static_cast<ptrdiff_t>(end));
		merged_prices_.insert(merged_prices_.end(), prices_.begin() + at(row), prices_.begin() + at(end));
		row = end;
	};
	for (const Price &price : fresh_) {
		size_t end = row;
		while (end < times_.size() && times_[end] < price.time)
			++end;
		take_rows(end);
		merged_times_.push_back(price.time);
		merged_prices_.resize(merged_prices_.size() + width_, std::numeric_limits<double>::quiet_NaN());
		merged_prices_[merged_prices_.size() - width_ + component_] = price.price;
	}
	take_rows(times_.size());
	std::swap(times_, merged_times_);
	std::swap(prices_, merged_prices_);
	fresh_.clear();
}

void SeriesMerge::finish() {
	finish_component();
}

void SeriesMerge::clear() {
	times_.clear();
	prices_.clear();
	fresh_.clear();
	next_ = 0;
	component_ = 0;
}

} // namespace aggregation
