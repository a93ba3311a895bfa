#include "core/civil_date.hpp"

namespace aggregation {

namespace {

// Eras of 400 years that begin on March 1st, so that the leap day is the last of its year: Howard Hinnant, "chrono-Compatible Low-Level
// Date Algorithms", days_from_civil and civil_from_days. (std::chrono ends at year 32767.)
constexpr int64_t days_per_era = 146'097;

} // namespace

int64_t days_from_civil(CivilDate date) {
	const int64_t year = date.year - (date.month <= 2 ? 1 : 0);
	const int64_t era = (year >= 0 ? year : year - 399) / 400;
	const int64_t year_of_era = year - era * 400;
	const int64_t day_of_year = (153 * (date.month + (date.month > 2 ? -3 : 9)) + 2) / 5 + date.day - 1;
	const int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
	return era * days_per_era + day_of_era - 719'468;
}

CivilDate civil_from_days(int64_t days_since_1970) {
	const int64_t days = days_since_1970 + 719'468;
	const int64_t era = (days >= 0 ? days : days - (days_per_era - 1)) / days_per_era;
	const int64_t day_of_era = days - era * days_per_era;
	const int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	const int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	const int64_t shifted_month = (5 * day_of_year + 2) / 153;
	const auto day = static_cast<unsigned>(day_of_year - (153 * shifted_month + 2) / 5 + 1);
	const auto month = static_cast<unsigned>(shifted_month < 10 ? shifted_month + 3 : shifted_month - 9);
	return {year_of_era + era * 400 + (month <= 2 ? 1 : 0), month, day};
}

} // namespace aggregation
