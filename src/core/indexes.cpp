// Everything goes through the places of the indexes, an order in which components come before what is made of them. So each question takes
// time that grows with the number of indexes and components that it is about, however they hang together, and nothing recurses: a chain may
// be as long as somebody cares to write it.
#include "core/indexes.hpp"

#include <algorithm>
#include <set>

namespace aggregation {

Indexes::Indexes(std::vector<GeometricIndex> indexes) {
	for (auto &index : indexes) {
		std::string symbol = index.symbol;
		indexes_.emplace(std::move(symbol), std::move(index));
	}
	for (const auto &[symbol, index] : indexes_) {
		for (const auto &component : index.components)
			above_[component.symbol].push_back(&index);
	}
	put_in_order();
}

// An index has its place when all of its components that are indexes have theirs.
void Indexes::put_in_order() {
	std::map<std::string_view, size_t> waits_for;
	std::vector<const GeometricIndex *> placed;
	for (const auto &[symbol, index] : indexes_) {
		const size_t below = next_to(symbol, Way::down).size();
		waits_for[symbol] = below;
		if (below == 0)
			placed.push_back(&index);
	}
	for (size_t i = 0; i < placed.size(); ++i) {
		for (const GeometricIndex *above : next_to(placed[i]->symbol, Way::up)) {
			if (--waits_for[above->symbol] == 0)
				placed.push_back(above);
		}
	}
	in_order_ = placed.size();
	for (const GeometricIndex *index : placed)
		places_.emplace(index->symbol, places_.size());
	for (const auto &[symbol, index] : indexes_)
		places_.try_emplace(symbol, places_.size());
}

std::vector<const GeometricIndex *> Indexes::next_to(std::string_view symbol, Way way) const {
	if (way == Way::up) {
		const auto found = above_.find(symbol);
		return found == above_.end() ? std::vector<const GeometricIndex *>() : found->second;
	}
	std::vector<const GeometricIndex *> below;
	if (const GeometricIndex *index = find(symbol)) {
		for (const auto &component : index->components) {
			if (const GeometricIndex *part = find(component.symbol))
				below.push_back(part);
		}
	}
	return below;
}

const GeometricIndex *Indexes::find(std::string_view symbol) const {
	const auto found = indexes_.find(symbol);
	return found == indexes_.end() ? nullptr : &found->second;
}

// The longest way to each symbol: the indexes that are reached are gone through in the order of their places, each once, when all ways to
// it are known. (In a circle there is no such order, and reaches mean nothing; but what is reached is complete.)
Indexes::Reaches Indexes::reaches(std::string_view from, Way way) const {
	Reaches reached;
	std::set<std::string_view> seen;
	std::map<size_t, const GeometricIndex *> next;
	const auto see = [&](const GeometricIndex *index) {
		if (seen.insert(index->symbol).second)
			next.emplace(places_.find(index->symbol)->second, index);
	};
	const auto reach = [&](const std::string &symbol, Duration by) {
		const auto [known, is_new] = reached.emplace(symbol, by);
		known->second = std::max(known->second, by);
	};
	const auto reach_of = [&](std::string_view symbol) {
		const auto known = reached.find(symbol);
		return symbol == from || known == reached.end() ? Duration {} : known->second;
	};
	if (way == Way::down) {
		if (const GeometricIndex *index = find(from))
			see(index);
	} else {
		for (const GeometricIndex *above : next_to(from, way)) {
			reach(above->symbol, above->carry);
			see(above);
		}
	}
	while (!next.empty()) {
		const auto place = way == Way::down ? std::prev(next.end()) : next.begin();
		const GeometricIndex *index = place->second;
		next.erase(place);
		const Duration so_far = reach_of(index->symbol);
		if (way == Way::down) {
			for (const auto &component : index->components)
				reach(component.symbol, Duration {so_far.us + index->carry.us});
		} else {
			for (const GeometricIndex *above : next_to(index->symbol, way))
				reach(above->symbol, Duration {so_far.us + above->carry.us});
		}
		for (const GeometricIndex *other : next_to(index->symbol, way))
			see(other);
	}
	return reached;
}

std::vector<Dependent> Indexes::parts_of(std::string_view index) const {
	std::vector<Dependent> parts;
	for (const auto &[symbol, reach] : reaches(index, Way::down))
		parts.push_back({symbol, reach});
	return parts;
}

std::vector<Dependent> Indexes::indexes_below(std::string_view index) const {
	std::vector<Dependent> below = parts_of(index);
	std::erase_if(below, [&](const Dependent &part) { return find(part.symbol) == nullptr; });
	const auto place_of = [&](const Dependent &part) { return places_.find(part.symbol)->second; };
	std::sort(below.begin(), below.end(), [&](const Dependent &a, const Dependent &b) { return place_of(a) < place_of(b); });
	return below;
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
	std::vector<Dependent> made;
	for (const auto &[index, reach] : reaches(symbol, Way::up))
		made.push_back({index, reach});
	return made;
}

std::set<std::string> Indexes::made_of_any(const std::vector<std::string> &symbols) const {
	std::set<std::string> made;
	std::vector<std::string_view> next(symbols.begin(), symbols.end());
	while (!next.empty()) {
		const std::string_view symbol = next.back();
		next.pop_back();
		for (const GeometricIndex *above : next_to(symbol, Way::up)) {
			if (made.insert(above->symbol).second)
				next.push_back(above->symbol);
		}
	}
	return made;
}

std::optional<std::vector<std::string>> Indexes::circle_through(std::string_view index) const {
	const auto place = places_.find(index);
	if (place == places_.end() || place->second < in_order_)
		return std::nullopt;
	const GeometricIndex *start = find(index);
	std::map<const GeometricIndex *, const GeometricIndex *> reached_from;
	std::vector<const GeometricIndex *> reached {start};
	for (size_t i = 0; i < reached.size(); ++i) {
		for (const GeometricIndex *below : next_to(reached[i]->symbol, Way::down)) {
			if (below != start) {
				if (reached_from.emplace(below, reached[i]).second)
					reached.push_back(below);
				continue;
			}
			std::vector<std::string> circle {start->symbol};
			for (const GeometricIndex *back = reached[i]; back != start; back = reached_from.at(back))
				circle.push_back(back->symbol);
			circle.push_back(start->symbol);
			std::reverse(circle.begin(), circle.end());
			return circle;
		}
	}
	return std::nullopt;
}

std::vector<std::string> Indexes::in_circles() const {
	std::set<std::string> found;
	for (const auto &[symbol, place] : places_) {
		if (place < in_order_ || found.contains(std::string(symbol)))
			continue;
		if (const auto circle = circle_through(symbol))
			found.insert(circle->begin(), circle->end());
	}
	return {found.begin(), found.end()};
}

} // namespace aggregation
