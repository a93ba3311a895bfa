#include "core/geometric_index.hpp"

#include "core/symbol.hpp"

#include <cmath>
#include <set>
#include <limits>
#include <utility>

namespace aggregation {

std::optional<std::string> problem_of(const GeometricIndex &index) {
	constexpr int64_t most_decimals = 15;
	constexpr double largest_exponent = 100;
	constexpr Duration longest_carry = Duration::minutes(7 * 24 * 60);
	if (index.symbol.empty() || has_blanks_around(index.symbol))
		return "its symbol is empty or has blanks around it";
	if (index.symbol.size() > longest_symbol)
		return "its symbol has " + std::to_string(index.symbol.size()) + " bytes, more than " + std::to_string(longest_symbol);
	if (!usable_price(index.constant))
		return "its constant is not a number above 0";
	if (index.components.empty() || index.components.size() > most_index_components)
		return "it has " + std::to_string(index.components.size()) + " components, not 1 to " + std::to_string(most_index_components);
	std::set<std::string_view> symbols;
	for (const auto &component : index.components) {
		if (component.symbol.empty())
			return "a component has no name";
		if (component.symbol.size() > longest_symbol)
			return "a component has " + std::to_string(component.symbol.size()) + " bytes, more than " + std::to_string(longest_symbol);
		if (has_blanks_around(component.symbol))
			return "component \"" + component.symbol + "\" has blanks around it";
		if (component.symbol == index.symbol)
			return "it is a component of itself";
		if (!symbols.insert(component.symbol).second)
			return "component \"" + component.symbol + "\" comes twice";
		if (!(std::fabs(component.exponent) <= largest_exponent) || component.exponent == 0)
			return "the exponent of \"" + component.symbol + "\" is not a number from -100 to 100 other than 0";
	}
	if (index.decimals < 0 || index.decimals > most_decimals)
		return "its decimals are not 0 to 15";
	if (index.carry.us < 0 || index.carry > longest_carry)
		return "its carry_minutes are not 0 to 10080";
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
