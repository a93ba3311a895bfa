#include "core/change_set.hpp"

#include <algorithm>
#include <functional>

namespace aggregation {

void ChangeSet::grow_places() {
	places_.assign(places_.empty() ? 16 : 2 * places_.size(), 0);
	for (size_t i = 0; i < noted_.size(); ++i) {
		size_t place = noted_[i].hash & (places_.size() - 1);
		while (places_[place] != 0)
			place = (place + 1) & (places_.size() - 1);
		places_[place] = static_cast<uint32_t>(i + 1);
	}
}

ChangeSet::Noted &ChangeSet::noted_of(std::string_view symbol, const TimeRange &first) {
	if (last_ < noted_.size() && noted_[last_].symbol == symbol)
		return noted_[last_];
	if (2 * noted_.size() >= places_.size())
		grow_places();
	const size_t hash = std::hash<std::string_view>()(symbol);
	size_t place = hash & (places_.size() - 1);
	for (; places_[place] != 0; place = (place + 1) & (places_.size() - 1)) {
		Noted &noted = noted_[places_[place] - 1];
		if (noted.hash == hash && noted.symbol == symbol) {
			last_ = places_[place] - 1;
			return noted;
		}
	}
	last_ = noted_.size();
	noted_.push_back({std::string(symbol), hash, {first.from, first.from, 0}, {}});
	places_[place] = static_cast<uint32_t>(noted_.size());
	return noted_.back();
}

void ChangeSet::add_range(std::string_view symbol, const TimeRange &given) {
	const TimeRange range {std::max(given.from, Timestamp::range_begin()), std::min(given.to, Timestamp::range_end()), given.rows};
	if (range.from >= range.to)
		return;
	Noted &noted = noted_of(symbol, range);
	if (range.from < noted.latest.from || range.from > noted.latest.to) {
		noted.others.add(noted.latest);
		noted.latest = range;
		return;
	}
	noted.latest.to = std::max(noted.latest.to, range.to);
	noted.latest.rows += range.rows;
}

void ChangeSet::add_bar(std::string_view symbol, Timestamp time) {
	if (!time.finite())
		return;
	const Timestamp start = minute_of(time);
	add_range(symbol, {start, start + Duration::minutes(1), 1});
}

void ChangeSet::add_minute(std::string_view symbol, Timestamp time) {
	if (!time.finite())
		return;
	const Timestamp start = minute_of(time);
	add_range(symbol, {start, start + Duration::minutes(1), 0});
}

void ChangeSet::merge(const ChangeSet &other) {
	for (const auto &change : other.list(any_number_of_ranges))
		add_range(*change.symbol, change.range);
}

void ChangeSet::clear() {
	constexpr size_t most_kept = 32768;
	last_ = 0;
	if (noted_.capacity() > most_kept) {
		noted_ = {};
		places_ = {};
		return;
	}
	noted_.clear();
	std::fill(places_.begin(), places_.end(), 0);
}

std::vector<SymbolChange> ChangeSet::list(size_t most_of_symbol) const {
	std::vector<SymbolChange> changes;
	changes.reserve(noted_.size());
	for (const auto &noted : noted_) {
		if (noted.others.empty()) {
			changes.push_back({&noted.symbol, noted.latest});
			continue;
		}
		RangeSet all = noted.others;
		all.add(noted.latest);
		all.coarsen(most_of_symbol);
		for (const auto &range : all.ranges())
			changes.push_back({&noted.symbol, range});
	}
	return changes;
}

} // namespace aggregation
