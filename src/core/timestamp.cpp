#include "core/timestamp.hpp"

#include "core/civil_date.hpp"

#include <array>
#include <cstdio>

namespace aggregation {

namespace {

constexpr int64_t us_per_second = 1'000'000;
constexpr int64_t us_per_day = 86'400 * us_per_second;
constexpr int64_t days_from_1970_to_2000 = 10'957;

bool leap_year(int64_t year) {
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

unsigned days_in_month(int64_t year, unsigned month) {
	constexpr std::array<unsigned, 12> days {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	return month == 2 && leap_year(year) ? 29 : days[month - 1];
}

/// Takes characters off the front of a text; every step says whether it could.
class Reader {
public:
	explicit Reader(std::string_view text) : rest_(text) {
	}
	bool done() const {
		return rest_.empty();
	}
	bool take(char wanted) {
		if (rest_.empty() || rest_.front() != wanted)
			return false;
		rest_.remove_prefix(1);
		return true;
	}
	/// At least `least` and at most `most` decimal digits; how many there were goes to `taken`.
	std::optional<int64_t> digits(size_t least, size_t most, size_t *taken = nullptr) {
		int64_t value = 0;
		size_t n = 0;
		while (n < most && n < rest_.size() && rest_[n] >= '0' && rest_[n] <= '9')
			value = value * 10 + (rest_[n++] - '0');
		if (n < least)
			return std::nullopt;
		rest_.remove_prefix(n);
		if (taken != nullptr)
			*taken = n;
		return value;
	}

private:
	std::string_view rest_;
};

/// Behind the date: the time of day and the zone, in microseconds to add to midnight UTC.
std::optional<int64_t> read_time_and_zone(Reader &in) {
	if (!in.take('T') && !in.take(' '))
		return std::nullopt;
	const auto hour = in.digits(2, 2);
	if (!hour || *hour > 23 || !in.take(':'))
		return std::nullopt;
	const auto minute = in.digits(2, 2);
	if (!minute || *minute > 59)
		return std::nullopt;
	int64_t us = (*hour * 60 + *minute) * 60 * us_per_second;
	if (in.take(':')) {
		const auto second = in.digits(2, 2);
		if (!second || *second > 59)
			return std::nullopt;
		us += *second * us_per_second;
		if (in.take('.')) {
			size_t taken = 0;
			auto fraction = in.digits(1, 6, &taken);
			if (!fraction)
				return std::nullopt;
			for (; taken < 6; ++taken)
				*fraction *= 10;
			us += *fraction;
		}
	}
	if (in.done() || in.take('Z'))
		return us;
	const bool east = in.take('+');
	if (!east && !in.take('-'))
		return std::nullopt;
	const auto zone_hour = in.digits(2, 2);
	if (!zone_hour || *zone_hour > 15)
		return std::nullopt;
	int64_t zone_minutes = *zone_hour * 60;
	const bool colon = in.take(':');
	if (colon || !in.done()) {
		const auto zone_minute = in.digits(2, 2);
		if (!zone_minute || *zone_minute > 59)
			return std::nullopt;
		zone_minutes += *zone_minute;
	}
	return us + (east ? -1 : 1) * zone_minutes * 60 * us_per_second;
}

} // namespace

std::string to_iso8601(Timestamp t) {
	if (t == Timestamp::infinity())
		return "infinity";
	if (t == Timestamp::minus_infinity())
		return "-infinity";
	const int64_t days = t.us / us_per_day - (t.us % us_per_day < 0 ? 1 : 0);
	const int64_t us_of_day = t.us - days * us_per_day;
	const CivilDate date = civil_from_days(days + days_from_1970_to_2000);
	const bool before_christ = date.year <= 0;
	const long long year = before_christ ? 1 - date.year : date.year;
	const int64_t second = us_of_day / us_per_second;

	std::array<char, 64> buffer {};
	int length = std::snprintf(buffer.data(), buffer.size(), "%04lld-%02u-%02uT%02d:%02d:%02d", year, date.month, date.day,
	                           static_cast<int>(second / 3600), static_cast<int>(second / 60 % 60), static_cast<int>(second % 60));
	std::string text(buffer.data(), static_cast<size_t>(length));
	if (const auto fraction = static_cast<int>(us_of_day % us_per_second); fraction != 0) {
		length = std::snprintf(buffer.data(), buffer.size(), ".%06d", fraction);
		text.append(buffer.data(), static_cast<size_t>(length));
		text.erase(text.find_last_not_of('0') + 1);
	}
	return text + "+00:00" + (before_christ ? " BC" : "");
}

std::optional<Timestamp> parse_iso8601(std::string_view text) {
	Reader in(text);
	const auto year = in.digits(4, 6);
	if (!year || *year < 1 || !in.take('-'))
		return std::nullopt;
	const auto month = in.digits(2, 2);
	if (!month || *month < 1 || *month > 12 || !in.take('-'))
		return std::nullopt;
	const auto day = in.digits(2, 2);
	if (!day || *day < 1 || *day > days_in_month(*year, static_cast<unsigned>(*month)))
		return std::nullopt;
	int64_t us = 0;
	if (!in.done()) {
		const auto time = read_time_and_zone(in);
		if (!time || !in.done())
			return std::nullopt;
		us = *time;
	}
	const int64_t days = days_from_civil({*year, static_cast<unsigned>(*month), static_cast<unsigned>(*day)}) - days_from_1970_to_2000;
	int64_t midnight = 0;
	if (__builtin_mul_overflow(days, us_per_day, &midnight))
		return std::nullopt;
	const Timestamp t = Timestamp {midnight} + Duration {us};
	return t.finite() ? std::optional(t) : std::nullopt;
}

} // namespace aggregation
