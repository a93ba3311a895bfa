// Timeframes: the width of a bar as its name says it ("5m", "1h", "1w"), and what it is built from. Where its windows lie is the grid's.
#pragma once

#include "core/timestamp.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace aggregation {

/// A timeframe `<n>m|h|d|w`.
class Timeframe {
public:
	/// nullopt unless the text is 1 to 5 digits without a leading zero, followed by m, h, d or w, and at most 5,200 weeks wide.
	static std::optional<Timeframe> parse(std::string_view name);

	/// By which timeframes are ordered, the narrower one first. What a window spans is for its grid to say.
	Duration width() const {
		return width_;
	}
	/// The name in lower case with the number as it was given: "60m" stays "60m" and is not "1h".
	const std::string &name() const {
		return name_;
	}
	/// Whether its windows are made of whole windows of `source`: of a narrower one that divides it and shares its starts.
	bool built_from(const Timeframe &source) const;
	/// What bars of this width are made of unless the task says otherwise: the widest of 1m, 5m, 1h and 1d that is smaller and
	/// divides it (so 5m<-1m, 15m, 30m and 1h<-5m, 4h and 1d<-1h, 1w<-1d). nullopt for 1m, which is ingested.
	std::optional<Timeframe> default_source() const;
	/// 1m bars are read from data_bars, all others from derived_data_bars.
	bool ingested() const {
		return name_ == "1m";
	}
	bool operator==(const Timeframe &other) const {
		return name_ == other.name_;
	}

private:
	friend class Grid;
	Timeframe(std::string name, Duration width, Timestamp origin) : name_(std::move(name)), width_(width), origin_(origin) {
	}

	std::string name_;
	Duration width_;
	Timestamp origin_; // where a window begins in UTC
};

} // namespace aggregation
