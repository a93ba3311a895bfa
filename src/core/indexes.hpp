// All synthetic indexes, and what depends on what: an index may be a component of another one.
//
//   EURUSD --.
//   USDJPY ---> DXY --.
//   ...               '--> GOLDDXY          a change of EURUSD changes both
//   XAUUSD ----------------'
#pragma once

#include "core/geometric_index.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace aggregation {

/// A symbol that depends on another one, and how long after a minute of that its own minutes still do.
struct Dependent {
	std::string symbol;
	Duration reach;
};

class Indexes {
public:
	Indexes() = default;
	explicit Indexes(std::vector<GeometricIndex> indexes);
	Indexes(Indexes &&) = default; // not copied: it points into itself
	Indexes &operator=(Indexes &&) = default;

	const GeometricIndex *find(std::string_view symbol) const;
	const std::map<std::string, GeometricIndex, std::less<>> &all() const {
		return indexes_;
	}
	/// What the minutes of an index are made of, all the way down, other indexes included; in order of their names.
	std::vector<Dependent> parts_of(std::string_view index) const;
	/// Those of them that are indexes, in an order in which they can be made: components before what is made of them.
	std::vector<Dependent> indexes_below(std::string_view index) const;
	/// Those of them that are none; in order of their names.
	std::vector<std::string> ingested_parts_of(std::string_view index) const;
	/// The indexes whose minutes are made of this symbol's, directly or by way of others; in order of their names.
	std::vector<Dependent> made_of(std::string_view symbol) const;

	/// The indexes whose minutes are made of any of these symbols.
	std::set<std::string> made_of_any(const std::vector<std::string> &symbols) const;

	/// A shortest way from an index back to itself: its symbol, what that is made of, ..., its symbol again; nullopt: there is none.
	std::optional<std::vector<std::string>> circle_through(std::string_view index) const;
	/// All indexes that are made of themselves; in order of their names.
	std::vector<std::string> in_circles() const;

private:
	using Reaches = std::map<std::string, Duration, std::less<>>;
	enum class Way { down, up };

	void put_in_order();
	Reaches reaches(std::string_view from, Way way) const;
	std::vector<const GeometricIndex *> next_to(std::string_view symbol, Way way) const;

	std::map<std::string, GeometricIndex, std::less<>> indexes_;
	std::map<std::string_view, std::vector<const GeometricIndex *>> above_; // by symbol: the indexes with this component
	std::map<std::string_view, size_t> places_;                             // of indexes; components come before what is made of them
	size_t in_order_ = 0; // the places from this one on are of indexes in circles, and of what is made of those
};

} // namespace aggregation
