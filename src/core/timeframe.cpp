#include "core/timeframe.hpp"

#include "core/default_sources.h"

namespace aggregation {

namespace {

constexpr Duration one_minute = Duration::minutes(1);
constexpr Duration one_hour = Duration::minutes(60);
constexpr Duration one_day = Duration {24 * one_hour.us};
constexpr Duration one_week = Duration {7 * one_day.us};
constexpr int64_t widest_weeks = 5'200;

constexpr Timestamp unix_epoch {-946'684'800'000'000};
constexpr Timestamp first_monday = unix_epoch + Duration {4 * one_day.us}; // 1970-01-05

} // namespace

std::optional<Timeframe> Timeframe::parse(std::string_view name) {
	if (name.size() < 2 || name.size() > 6 || name.front() == '0')
		return std::nullopt;
	int64_t count = 0;
	for (const char c : name.substr(0, name.size() - 1)) {
		if (c < '0' || c > '9')
			return std::nullopt;
		count = count * 10 + (c - '0');
	}
	Duration unit;
	Timestamp origin = unix_epoch;
	switch (name.back()) {
	case 'm':
		unit = one_minute;
		break;
	case 'h':
		unit = one_hour;
		break;
	case 'd':
		unit = one_day;
		break;
	case 'w':
		unit = one_week;
		origin = first_monday;
		break;
	default:
		return std::nullopt;
	}
	const Duration width {unit.us * count};
	if (width.us > one_week.us * widest_weeks)
		return std::nullopt;
	return Timeframe(std::string(name), width, origin);
}

bool Timeframe::built_from(const Timeframe &source) const {
	// Weeks begin on Mondays, everything else at the epoch's Thursday: a source must not only divide the width but share its starts.
	return source.width_ < width_ && width_.us % source.width_.us == 0 && (origin_.us - source.origin_.us) % source.width_.us == 0;
}

std::optional<Timeframe> Timeframe::default_source() const {
#define AGG_CANDIDATE(name, minutes, ...) name,
	for (const char *candidate : {AGG_DEFAULT_SOURCES(AGG_CANDIDATE)}) {
		auto source = parse(candidate);
		if (built_from(*source))
			return source;
	}
#undef AGG_CANDIDATE
	return std::nullopt;
}

} // namespace aggregation
