// Candles as lines of text, one column each, for a terminal:
//
//   ░│█  ┤ 1.1750     prices: a rising body is solid, a falling one is shaded
//   ░██  │
//   │░   ┤ 1.1740
//   ▂▅█  volume up to 1343
//   ┬──┘
//   07-01 10:00       when the first of these bars begins, UTC
#pragma once

#include "core/bar.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace aggregation {

struct ChartStyle {
	int64_t height;                                    // lines of prices, at least 2
	enum class Characters { boxes, ascii } characters; // boxes are UTF-8
	enum class Labels { times, dates } labels;
};

/// The lines from the top down, without line ends. A bar that is no candle leaves its column empty. There is a line for the volume if any
/// bar has some.
std::vector<std::string> draw_candles(std::span<const SourceBar> bars, const ChartStyle &style);

} // namespace aggregation
