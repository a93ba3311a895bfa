#include "core/candle_chart.hpp"

#include "core/number_text.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

namespace aggregation {

namespace {

struct Glyphs {
	std::string_view wick, rising, falling, level, side, mark, corner, line, tick;
	std::array<std::string_view, 8> volume;
};

constexpr Glyphs boxes {"│", "█", "░", "─", "│", "┤", "┘", "─", "┬", {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"}};
constexpr Glyphs ascii {"|", "#", ":", "-", "|", "+", "+", "-", "+", {".", ":", "-", "=", "+", "*", "%", "@"}};

/// Decimals for labels: as many as the prices have, but not more than a market quotes; nullopt where digits alone would not do.
std::optional<int> decimals_of(std::span<const SourceBar> bars, double largest) {
	if (largest == 0)
		return 0;
	const int magnitude = static_cast<int>(std::floor(std::log10(largest)));
	if (magnitude >= 15 || magnitude <= -10)
		return std::nullopt;
	int most = 0;
	for (const auto &bar : bars) {
		for (const auto &price : {bar.open, bar.high, bar.low, bar.close}) {
			const std::string text = bar.is_candle() ? number_text(*price) : "0";
			const size_t point = text.find('.');
			const size_t exponent = text.find('e');
			if (exponent != std::string::npos)
				most = std::max(most, 5 - magnitude);
			else if (point != std::string::npos)
				most = std::max(most, static_cast<int>(text.size() - point - 1));
		}
	}
	return std::min(most, std::max(2, 5 - magnitude));
}

std::string fixed_text(double number, std::optional<int> decimals) {
	std::array<char, 64> text {};
	const auto end = text.data() + text.size();
	const auto written = decimals ? std::to_chars(text.data(), end, number, std::chars_format::fixed, *decimals)
	                              : std::to_chars(text.data(), end, number, std::chars_format::scientific, 5);
	return {text.data(), written.ptr};
}

/// Prices and lines. The difference of two doubles may be beyond all doubles, the one of their halves is not.
class PriceScale {
public:
	PriceScale(std::span<const SourceBar> bars, int64_t lines) : lines_(lines) {
		bool first = true;
		for (const auto &bar : bars) {
			if (!bar.is_candle())
				continue;
			const auto [low, high] = std::minmax({*bar.open, *bar.high, *bar.low, *bar.close});
			low_ = first ? low : std::min(low_, low);
			high_ = first ? high : std::max(high_, high);
			first = false;
		}
	}
	bool flat() const {
		return !(high_ > low_);
	}
	int64_t line(double price) const {
		if (flat())
			return lines_ / 2;
		const double share = (price / 2 - low_ / 2) / (high_ / 2 - low_ / 2);
		return std::clamp(static_cast<int64_t>(std::llround((1 - share) * static_cast<double>(lines_ - 1))), int64_t {0}, lines_ - 1);
	}
	double price(int64_t line) const {
		const double share = static_cast<double>(line) / static_cast<double>(lines_ - 1);
		return flat() ? high_ : high_ * (1 - share) + low_ * share;
	}
	double largest() const {
		return std::max(std::abs(low_), std::abs(high_));
	}
	/// The lines that say their price: the first, the last, and some between, about four apart.
	std::vector<int64_t> labelled() const {
		if (flat())
			return {lines_ / 2};
		const int64_t parts = std::max<int64_t>(1, (lines_ - 1) / 4);
		std::vector<int64_t> labelled;
		for (int64_t i = 0; i <= parts; ++i)
			labelled.push_back(i * (lines_ - 1) / parts);
		return labelled;
	}

private:
	int64_t lines_;
	double low_ = 0;
	double high_ = 0;
};

void draw_candle(const SourceBar &bar, const PriceScale &scale, const Glyphs &glyphs, std::vector<std::string> &lines) {
	std::vector<std::string_view> column(lines.size(), " ");
	if (bar.is_candle()) {
		const auto fill = [&](double from, double to, std::string_view glyph) {
			for (int64_t line = scale.line(std::max(from, to)); line <= scale.line(std::min(from, to)); ++line)
				column[static_cast<size_t>(line)] = glyph;
		};
		fill(*bar.low, *bar.high, glyphs.wick);
		fill(*bar.open, *bar.close, *bar.close > *bar.open ? glyphs.rising : *bar.close < *bar.open ? glyphs.falling : glyphs.level);
	}
	for (size_t line = 0; line < lines.size(); ++line)
		lines[line] += column[line];
}

double volume_of(const SourceBar &bar) {
	return bar.is_candle() && bar.vol && std::isfinite(*bar.vol) ? std::max(0.0, *bar.vol) : 0;
}

std::string volume_line(std::span<const SourceBar> bars, double most, const Glyphs &glyphs) {
	std::string line;
	for (const auto &bar : bars) {
		const double volume = volume_of(bar);
		const auto step = static_cast<size_t>(std::ceil(volume / most * 8));
		line += volume > 0 ? glyphs.volume[std::clamp<size_t>(step, 1, 8) - 1] : std::string_view(" ");
	}
	return line + "  volume up to " + number_text(most);
}

/// 2025-07-01, or 07-01 10:00.
std::string time_label(Timestamp start, ChartStyle::Labels labels) {
	const std::string text = to_iso8601(start);
	const size_t clock = text.find('T');
	return labels == ChartStyle::Labels::dates ? text.substr(0, clock) : text.substr(clock - 5, 5) + " " + text.substr(clock + 1, 5);
}

void draw_times(std::span<const SourceBar> bars, ChartStyle::Labels labels, const Glyphs &glyphs, std::vector<std::string> &lines) {
	constexpr size_t apart = 14;
	std::string axis;
	std::string times;
	for (size_t i = 0; i < bars.size(); ++i) {
		const bool tick = i % apart == 0 && (i == 0 || i + apart / 2 < bars.size());
		axis += tick ? glyphs.tick : glyphs.line;
		if (tick) {
			times.resize(std::max(times.size() + (i > 0 ? 1 : 0), i), ' ');
			times += time_label(bars[i].start, labels);
		}
	}
	lines.push_back(axis + std::string(glyphs.corner));
	lines.push_back(times);
}

} // namespace

std::vector<std::string> draw_candles(std::span<const SourceBar> bars, const ChartStyle &style) {
	const Glyphs &glyphs = style.characters == ChartStyle::Characters::boxes ? boxes : ascii;
	const PriceScale scale(bars, style.height);
	std::vector<std::string> lines(static_cast<size_t>(style.height));
	for (const auto &bar : bars)
		draw_candle(bar, scale, glyphs, lines);
	const auto labelled = scale.labelled();
	const auto decimals = decimals_of(bars, scale.largest());
	for (size_t i = 0; i < lines.size(); ++i) {
		const bool says = std::find(labelled.begin(), labelled.end(), static_cast<int64_t>(i)) != labelled.end();
		lines[i] +=
		    says ? std::string(glyphs.mark) + " " + fixed_text(scale.price(static_cast<int64_t>(i)), decimals) : std::string(glyphs.side);
	}
	double volume = 0;
	for (const auto &bar : bars)
		volume = std::max(volume, volume_of(bar));
	if (volume > 0)
		lines.push_back(volume_line(bars, volume, glyphs));
	draw_times(bars, style.labels, glyphs, lines);
	return lines;
}

} // namespace aggregation
