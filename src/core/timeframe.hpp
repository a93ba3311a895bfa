// Timeframes: the width of a bar as its name says it ("5m", "1h", "1w"), where its windows begin, and what it is built from.
#pragma once

#include "core/timestamp.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace aggregation {

/// A timeframe `<n>m|h|d|w`. Its windows are half-open, [start, start + width), in UTC: minutes, hours and days count from the Unix epoch,
/// weeks from a Monday.
///
///        floor(t)      t        ceil(t)
///   |-------|----------+-----------|----------|
///           '------- width --------'
class Timeframe {
public:
	/// nullopt unless the text is 1 to 5 digits without a leading zero, followed by m, h, d or w, and at most 5,200 weeks wide.
	static std::optional<Timeframe> parse(std::string_view name);

	Duration width() const {
		return width_;
	}
	/// The name in lower case with the number as it was given: "60m" stays "60m" and is not "1h".
	const std::string &name() const {
		return name_;
	}
	/// The start of the window that holds t; t itself if it is a start.
	Timestamp floor(Timestamp t) const;
	/// The first start at or after t. Saturates at infinity behind the end of the range.
	Timestamp ceil(Timestamp t) const;
	bool aligned(Timestamp t) const {
		return phase(t) == 0;
	}
	/// How many source bars make a complete window: width / width of the source. 0 if this cannot be built from `source`, because
	/// that is not smaller or does not divide it.
	int64_t bars_from(const Timeframe &source) const;
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
	Timeframe(std::string name, Duration width, Timestamp origin) : name_(std::move(name)), width_(width), origin_(origin) {
	}
	/// Microseconds since the start of t's window, 0 <= phase < width.
	int64_t phase(Timestamp t) const;

	std::string name_;
	Duration width_;
	Timestamp origin_;
};

} // namespace aggregation
