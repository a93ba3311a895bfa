// Days and dates of the proleptic Gregorian calendar, in both directions and for every year.
#pragma once

#include <cstdint>

namespace aggregation {

struct CivilDate {
	int64_t year; // the year before 1 is 0
	unsigned month;
	unsigned day;
};

/// Days since 1970-01-01.
int64_t days_from_civil(CivilDate date);
CivilDate civil_from_days(int64_t days_since_1970);

} // namespace aggregation
