// Timeframes: the width of a bar as its name says it ("5m", "1h", "1mo"). Where its windows lie, and what they are built from, is the
// grid's.
#pragma once

#include "core/timestamp.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace aggregation {

/// A timeframe `<n>m|h|d|w|mo|y`: minutes, hours, days, weeks, months, years.
class Timeframe {
public:
	/// What its windows are counted in. Hours are minutes, years are months.
	enum class Unit { minutes, days, weeks, months };

	/// nullopt unless the text is 1 to 5 digits without a leading zero, followed by a unit, and at most 5,200 weeks or 1,200 months wide.
	static std::optional<Timeframe> parse(std::string_view name);

	Unit unit() const {
		return unit_;
	}
	/// How many of its units a window has.
	int64_t units() const {
		return units_;
	}
	/// By which timeframes are ordered, the narrower one first; a month counts as 30 days. What a window spans is for its grid to say.
	Duration width() const {
		return width_;
	}
	/// The name in lower case with the number as it was given: "60m" stays "60m" and is not "1h".
	const std::string &name() const {
		return name_;
	}
	/// 1m bars are read from data_bars, all others from derived_data_bars.
	bool ingested() const {
		return name_ == "1m";
	}
	bool operator==(const Timeframe &other) const {
		return name_ == other.name_;
	}

private:
	Timeframe(std::string name, Unit unit, int64_t units, Duration width)
	    : name_(std::move(name)), unit_(unit), units_(units), width_(width) {
	}

	std::string name_;
	Unit unit_;
	int64_t units_;
	Duration width_;
};

} // namespace aggregation
