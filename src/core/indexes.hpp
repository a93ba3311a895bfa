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

	const GeometricIndex *find(std::string_view symbol) const;
	const std::map<std::string, GeometricIndex, std::less<>> &all() const {
		return indexes_;
	}
	/// What the minutes of an index are made of, all the way down, other indexes included; in order of their names.
	std::vector<Dependent> parts_of(std::string_view index) const;
	/// Those of them that are no indexes.
	std::vector<std::string> ingested_parts_of(std::string_view index) const;
	/// The indexes whose minutes are made of this symbol's, directly or by way of others.
	std::vector<Dependent> made_of(std::string_view symbol) const;

	/// The symbols of a circle, the first one again at its end; nullopt: there is none.
	std::optional<std::vector<std::string>> circle() const;

private:
	std::map<std::string, GeometricIndex, std::less<>> indexes_;
	std::map<std::string, std::vector<Dependent>, std::less<>> made_of_;
};

} // namespace aggregation
