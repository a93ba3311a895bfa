#include "core/indexes.hpp"

#include <algorithm>
#include <functional>

namespace aggregation {

Indexes::Indexes(std::vector<GeometricIndex> indexes) {
	for (auto &index : indexes) {
		std::string symbol = index.symbol;
		indexes_.emplace(std::move(symbol), std::move(index));
	}
	for (const auto &[symbol, index] : indexes_) {
		for (auto &part : parts_of(symbol))
			made_of_[std::move(part.symbol)].push_back({symbol, part.reach});
	}
}

const GeometricIndex *Indexes::find(std::string_view symbol) const {
	const auto found = indexes_.find(symbol);
	return found == indexes_.end() ? nullptr : &found->second;
}

std::vector<Dependent> Indexes::parts_of(std::string_view symbol) const {
	std::map<std::string, Duration, std::less<>> reaches;
	std::vector<std::string_view> path; // a circle is gone round once
	const std::function<void(const GeometricIndex &, Duration)> visit = [&](const GeometricIndex &index, Duration above) {
		path.push_back(index.symbol);
		const Duration reach {above.us + index.carry.us};
		for (const auto &component : index.components) {
			const auto [known, is_new] = reaches.emplace(component.symbol, reach);
			const bool further = known->second < reach;
			known->second = std::max(known->second, reach);
			const GeometricIndex *below = find(component.symbol);
			if (below != nullptr && (is_new || further) && std::find(path.begin(), path.end(), component.symbol) == path.end())
				visit(*below, reach);
		}
		path.pop_back();
	};
	if (const GeometricIndex *index = find(symbol))
		visit(*index, Duration {});
	std::vector<Dependent> parts;
	for (const auto &[part, reach] : reaches)
		parts.push_back({part, reach});
	return parts;
}

std::vector<std::string> Indexes::ingested_parts_of(std::string_view index) const {
	std::vector<std::string> ingested;
	for (auto &part : parts_of(index)) {
		if (find(part.symbol) == nullptr)
			ingested.push_back(std::move(part.symbol));
	}
	return ingested;
}

std::vector<Dependent> Indexes::made_of(std::string_view symbol) const {
	const auto found = made_of_.find(symbol);
	return found == made_of_.end() ? std::vector<Dependent>() : found->second;
}

std::optional<std::vector<std::string>> Indexes::circle() const {
	std::vector<std::string> path;
	std::map<std::string_view, bool> done; // false: on the path
	const std::function<bool(const GeometricIndex &)> closes = [&](const GeometricIndex &index) {
		path.push_back(index.symbol);
		done[index.symbol] = false;
		for (const auto &component : index.components) {
			const GeometricIndex *below = find(component.symbol);
			if (below == nullptr)
				continue;
			const auto known = done.find(below->symbol);
			if (known == done.end()) {
				if (closes(*below))
					return true;
			} else if (!known->second) {
				path.erase(path.begin(), std::find(path.begin(), path.end(), below->symbol));
				path.push_back(below->symbol);
				return true;
			}
		}
		path.pop_back();
		done[index.symbol] = true;
		return false;
	};
	for (const auto &[symbol, index] : indexes_) {
		if (!done.contains(symbol) && closes(index))
			return path;
	}
	return std::nullopt;
}

} // namespace aggregation
