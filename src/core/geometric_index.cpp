#include "core/geometric_index.hpp"

#include <cmath>
#include <utility>

namespace aggregation {

namespace {

constexpr std::array<IndexComponent, 6> dollar_components {
    {{"EURUSD", -0.576}, {"USDJPY", 0.136}, {"GBPUSD", -0.119}, {"USDCAD", 0.091}, {"USDSEK", 0.042}, {"USDCHF", 0.036}}};

} // namespace

const GeometricIndex dollar_index {"DXY", 50.14348112, dollar_components, 1e8};

std::optional<double> GeometricIndex::value(std::span<const double> prices) const {
	double log_sum = 0;
	for (size_t i = 0; i < components.size(); ++i) {
		if (!(std::isfinite(prices[i]) && prices[i] > 0))
			return std::nullopt;
		log_sum += components[i].weight * std::log(prices[i]);
	}
	const double value = constant * std::exp(log_sum);
	// From 2^53 steps on a double has no digits left to round.
	const double steps = value * rounding;
	const double rounded = steps < 9007199254740992.0 ? std::round(steps) / rounding : value;
	if (!(std::isfinite(rounded) && rounded > 0))
		return std::nullopt;
	return rounded;
}

void SeriesMerge::add(size_t component, Timestamp time, double price) {
	if (component != component_) {
		finish_component();
		component_ = component;
	}
	while (next_ < rows_.size() && rows_[next_].time < time)
		++next_;
	if (next_ == rows_.size() || rows_[next_].time != time) {
		fresh_.push_back({time, price});
		return;
	}
	rows_[next_].prices[component] = price;
	rows_[next_].present.set(component);
}

void SeriesMerge::finish_component() {
	next_ = 0;
	if (fresh_.empty())
		return;
	merged_.clear();
	merged_.reserve(rows_.size() + fresh_.size());
	auto row = rows_.begin();
	for (const Price &price : fresh_) {
		for (; row != rows_.end() && row->time < price.time; ++row)
			merged_.push_back(*row);
		merged_.push_back({price.time, {}, {}});
		merged_.back().prices[component_] = price.price;
		merged_.back().present.set(component_);
	}
	merged_.insert(merged_.end(), row, rows_.end());
	std::swap(rows_, merged_);
	fresh_.clear();
}

const std::vector<SeriesMerge::Row> &SeriesMerge::finish() {
	finish_component();
	return rows_;
}

void SeriesMerge::clear() {
	rows_.clear();
	fresh_.clear();
	next_ = 0;
	component_ = 0;
}

} // namespace aggregation
