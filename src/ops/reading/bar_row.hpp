// A bar as it is read: its values and how they came to be.
#pragma once

#include "core/bar.hpp"
#include "ops/boundary/database.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace aggregation {

enum class BarState {
	final,       // the window is over, its bar is made, and nothing is to be done about it
	revised,     // the same, but readers have seen another bar there before, or none
	provisional, // the window is over; its bar is not made yet, or is to be made anew
	forming,     // the window is not over
	filled       // there is no bar; the row stands for its window
};

inline std::string_view name_of(BarState state) {
	switch (state) {
	case BarState::final:
		return "final";
	case BarState::revised:
		return "revised";
	case BarState::provisional:
		return "provisional";
	case BarState::forming:
		return "forming";
	case BarState::filled:
		break;
	}
	return "filled";
}

struct BarRow {
	SourceBar bar;
	std::optional<int64_t> quality; // nullopt: of minutes, and where the window is not over
	BarState state = BarState::final;
	std::optional<int64_t> revision = {}; // nullopt: it is not stored, or a minute
};

/// Takes bars as they stream past, by time.
class BarRowSink {
public:
	virtual ~BarRowSink() = default;
	virtual Flow take(const BarRow &row) = 0;
};

} // namespace aggregation
