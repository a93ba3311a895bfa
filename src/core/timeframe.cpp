#include "core/timeframe.hpp"

#include <algorithm>
#include <array>

namespace aggregation {

namespace {

struct UnitName {
	std::string_view name;
	Timeframe::Unit unit;
	int64_t units;
	int64_t minutes; // of one
	int64_t most;    // of them
};

constexpr int64_t day = 24 * 60;
constexpr int64_t widest = 5'200 * 7 * day;

constexpr std::array<UnitName, 6> unit_names {{{"m", Timeframe::Unit::minutes, 1, 1, widest},
                                               {"h", Timeframe::Unit::minutes, 60, 60, widest / 60},
                                               {"d", Timeframe::Unit::days, 1, day, widest / day},
                                               {"w", Timeframe::Unit::weeks, 1, 7 * day, widest / (7 * day)},
                                               {"mo", Timeframe::Unit::months, 1, 30 * day, 1'200},
                                               {"y", Timeframe::Unit::months, 12, 360 * day, 100}}};

} // namespace

std::optional<Timeframe> Timeframe::parse(std::string_view name) {
	constexpr size_t most_digits = 5;
	const size_t digits = std::min(name.find_first_not_of("0123456789"), name.size());
	if (digits == 0 || digits > most_digits || name.front() == '0')
		return std::nullopt;
	int64_t count = 0;
	for (const char c : name.substr(0, digits))
		count = count * 10 + (c - '0');
	for (const auto &unit : unit_names) {
		if (name.substr(digits) == unit.name && count <= unit.most)
			return Timeframe(std::string(name), unit.unit, unit.units * count, Duration::minutes(unit.minutes * count));
	}
	return std::nullopt;
}

} // namespace aggregation
