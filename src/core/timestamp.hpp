// Instants and spans in microseconds, UTC. The epoch is PostgreSQL's, 2000-01-01 00:00, so that every timestamptz fits. Arithmetic
// saturates at the infinities instead of overflowing.
#pragma once

#include "core/time_range.h"

#include <compare>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace aggregation {

/// A span of time in microseconds.
struct Duration {
	int64_t us = 0;

	static constexpr Duration seconds(int64_t n) {
		return {n * 1'000'000};
	}
	static constexpr Duration minutes(int64_t n) {
		return seconds(n * 60);
	}
	constexpr auto operator<=>(const Duration &) const = default;
};

inline constexpr Duration one_day = Duration::minutes(24 * 60); // as a rule, and always in UTC

/// An instant in microseconds since 2000-01-01 00:00 UTC.
struct Timestamp {
	int64_t us = 0;

	/// timestamptz's 'infinity' and '-infinity'.
	static constexpr Timestamp infinity() {
		return {std::numeric_limits<int64_t>::max()};
	}
	static constexpr Timestamp minus_infinity() {
		return {std::numeric_limits<int64_t>::min()};
	}
	/// The first time that there is and the first one after them: see time_range.h.
	static constexpr Timestamp range_begin() {
		return {AGG_FIRST_TIME_US};
	}
	static constexpr Timestamp range_end() {
		return {AGG_END_OF_TIME_US};
	}
	/// True inside this range; false for the infinities.
	constexpr bool finite() const {
		return us >= range_begin().us && us < range_end().us;
	}
	constexpr auto operator<=>(const Timestamp &) const = default;
};

inline constexpr Timestamp unix_epoch {-946'684'800'000'000}; // 1970-01-01 00:00 UTC

/// t + d, saturating at the infinities.
constexpr Timestamp operator+(Timestamp t, Duration d) {
	int64_t sum = 0;
	if (__builtin_add_overflow(t.us, d.us, &sum))
		return d.us > 0 ? Timestamp::infinity() : Timestamp::minus_infinity();
	return {sum};
}

constexpr Timestamp operator-(Timestamp t, Duration d) {
	int64_t difference = 0;
	if (__builtin_sub_overflow(t.us, d.us, &difference))
		return d.us > 0 ? Timestamp::minus_infinity() : Timestamp::infinity();
	return {difference};
}

/// t + n * width, saturating.
constexpr Timestamp steps(Timestamp t, int64_t n, Duration width) {
	int64_t span = 0;
	if (__builtin_mul_overflow(width.us, n, &span))
		return (n > 0) == (width.us > 0) ? Timestamp::infinity() : Timestamp::minus_infinity();
	return t + Duration {span};
}

/// later - earlier, saturating.
constexpr Duration operator-(Timestamp later, Timestamp earlier) {
	int64_t difference = 0;
	if (__builtin_sub_overflow(later.us, earlier.us, &difference))
		return {later.us > earlier.us ? std::numeric_limits<int64_t>::max() : std::numeric_limits<int64_t>::min()};
	return {difference};
}

/// The start of the minute that a time lies in.
constexpr Timestamp minute_of(Timestamp t) {
	constexpr int64_t minute = Duration::minutes(1).us;
	return t - Duration {((t.us % minute) + minute) % minute};
}

/// ISO 8601 in UTC, as PostgreSQL's to_json writes a timestamptz when TimeZone is UTC: 2025-07-01T00:00:00+00:00, with a fraction only
/// where there is one, " BC" behind it for years before 1, "infinity" and "-infinity".
std::string to_iso8601(Timestamp t);

/// Reads YYYY-MM-DD, optionally followed by T or a space, HH:MM[:SS[.ffffff]] and Z or ±HH[[:]MM]; without a zone it is UTC.
/// nullopt for anything else, and for a date or time that does not exist.
std::optional<Timestamp> parse_iso8601(std::string_view text);

} // namespace aggregation
