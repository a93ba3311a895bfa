// What must hold of every parser and writer of the core for whatever bytes: given to the unit tests' seeded generator and to libFuzzer.
// A property that does not hold throws std::logic_error, which says what was given.
#pragma once

#include "core/error.hpp"
#include "core/grid.hpp"
#include "core/registry.hpp"
#include "core/timeframe.hpp"
#include "core/timestamp.hpp"
#include "ops/boundary/json.hpp"

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>

namespace aggregation::fuzz {

inline void demand(bool holds, const char *what, std::string_view input) {
	if (holds)
		return;
	std::string text;
	for (const char c : input) {
		constexpr std::string_view digits = "0123456789abcdef";
		const auto byte = static_cast<unsigned char>(c);
		if (std::isprint(byte) != 0)
			text += c;
		else
			text += std::string("\\x") + digits[byte >> 4] + digits[byte & 15];
	}
	throw std::logic_error(std::string(what) + ": " + text);
}

/// Takes values off the front of the input.
class Bytes {
public:
	explicit Bytes(std::string_view bytes) : rest_(bytes) {
	}
	uint8_t byte() {
		if (rest_.empty())
			return 0;
		const auto value = static_cast<uint8_t>(rest_.front());
		rest_.remove_prefix(1);
		return value;
	}
	int64_t integer() {
		uint64_t value = 0;
		for (int i = 0; i < 8; ++i)
			value = value << 8 | byte();
		return static_cast<int64_t>(value);
	}
	std::string_view text(size_t longest) {
		const size_t length = std::min<size_t>({longest, byte(), rest_.size()});
		const auto value = rest_.substr(0, std::min(length, rest_.size()));
		rest_.remove_prefix(value.size());
		return value;
	}
	std::string_view rest() const {
		return rest_;
	}

private:
	std::string_view rest_;
};

/// Half-open windows of one width that hold every instant exactly once.
inline void windows_tile(const Grid &grid, Timestamp t, std::string_view input) {
	const Timestamp start = grid.floor(t);
	const Timestamp next = grid.ceil(t);
	demand(start <= t, "a window begins before what it holds", input);
	demand(t < grid.next(start), "and ends behind it", input);
	demand(next >= t && (next == t) == grid.aligned(t), "only a start is its own next start", input);
	if (start > Timestamp::range_begin() && next < Timestamp::range_end()) {
		demand(grid.aligned(start) && grid.floor(start) == start, "a start is aligned", input);
		demand(next == t || next == grid.next(start), "windows touch", input);
	}
}

inline void timeframe(std::string_view input) {
	Bytes bytes(input);
	const Timestamp t {bytes.integer() % Timestamp::range_end().us};
	const auto name = bytes.rest();
	const auto parsed = Timeframe::parse(name);
	const auto unit = std::find_if_not(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; });
	const auto digits = static_cast<size_t>(unit - name.begin());
	const std::string_view units = std::string_view(name).substr(digits);
	const std::map<std::string_view, std::pair<int64_t, int64_t>> known {{"m", {1, 52416000}}, {"h", {60, 873600}},   {"d", {1440, 36400}},
	                                                                     {"w", {10080, 5200}}, {"mo", {43200, 1200}}, {"y", {518400, 100}}};
	const bool shaped = digits >= 1 && digits <= 5 && name.front() != '0' && known.contains(units);
	demand(!parsed || shaped, "what is no timeframe is none", input);
	if (!shaped)
		return;
	const auto [minutes, most] = known.at(units);
	const int64_t count = std::stoll(std::string(name.substr(0, digits)));
	const Duration width = Duration::minutes(count * minutes);
	demand(parsed.has_value() == (count <= most), "a timeframe is at most 5,200 weeks or 1,200 months", input);
	if (!parsed)
		return;
	demand(parsed->name() == name && parsed->width() == width, "its width is what its name says", input);
	const Grid grid(*parsed);
	windows_tile(grid, t, input);
	if (const auto source = grid.default_source()) {
		const Grid parts(*source);
		const Timestamp start = grid.floor(Timestamp {});
		const int64_t bars = grid.expected(start, parts);
		demand(bars > 1 && Duration {bars * source->width().us} == grid.next(start) - start, "its source divides it", input);
		demand(parts.aligned(start) && parts.after(start, bars) == grid.next(start), "and shares its starts", input);
	} else {
		demand(name == "1m", "all but 1m have a source", input);
	}
}

inline void iso8601(std::string_view input) {
	if (const auto t = parse_iso8601(input)) {
		demand(t->finite(), "a time that is read is finite", input);
		const std::string text = to_iso8601(*t);
		if (text.find("BC") == std::string::npos)
			demand(parse_iso8601(text) == t, "what is written is read again", input);
		demand(input.size() >= 10 && input.find_first_not_of("0123456789-+:.TZ ") == std::string_view::npos, "nothing else is a time",
		       input);
	}
	Bytes bytes(input);
	const Timestamp t {bytes.integer()};
	if (!t.finite())
		return;
	const std::string text = to_iso8601(t);
	if (text.find("BC") == std::string::npos)
		demand(parse_iso8601(text) == t, "every time is read as it was written", text);
	demand(!parse_iso8601(text + "0") && !parse_iso8601(" " + text), "and nothing more than it", text);
}

inline MetadataValue metadata_value(Bytes &bytes) {
	constexpr const char *types[] {"", "null", "string", "number", "boolean", "array", "object"};
	constexpr const char *texts[] {
	    "true", "false", "5m", "1h\x1f", "30", "0", "-1", "2147483647", "2147483648", "1e3", "2025-07-01T00:00:00Z"};
	const uint8_t choice = bytes.byte();
	std::string text;
	for (int parts = choice >> 6; parts >= 0; --parts) {
		if (const uint8_t part = bytes.byte(); part < 192)
			text += texts[part % std::size(texts)];
		else
			text += bytes.text(40);
		if ((choice & 32) != 0)
			text += list_end;
	}
	return {types[choice % std::size(types)], text};
}

inline void demand_tasks(const std::vector<TaskConfiguration> &tasks, std::string_view input) {
	for (const auto &task : tasks) {
		const auto with = [&](const Timeframe &timeframe) {
			return std::count_if(tasks.begin(), tasks.end(), [&](const auto &other) { return other.timeframe == timeframe; });
		};
		demand(task.source == *Grid(task.timeframe).default_source(), "a task reads its default source", input);
		demand(with(task.timeframe) == 1, "each timeframe once", input);
		demand(task.source.ingested() || with(task.source) == 1, "with all that it is built from", input);
		demand(task.delay_seconds >= 0 && task.delay_seconds <= INT32_MAX, "a delay fits", input);
		demand(task.priority >= INT32_MIN && task.priority <= INT32_MAX, "a priority fits", input);
	}
}

inline void registry(std::string_view input) {
	Bytes bytes(input);
	AssetMetadata metadata;
	if ((bytes.byte() & 1) != 0)
		metadata.agg = {"object", ""};
	const Timestamp start {bytes.integer()};
	for (auto *value : {&metadata.agg, &metadata.enabled, &metadata.start_utc, &metadata.mandatory, &metadata.optional,
	                    &metadata.delay_seconds, &metadata.priority}) {
		if ((bytes.byte() & 3) == 1)
			*value = metadata_value(bytes);
	}
	try {
		const auto tasks = configured_tasks(metadata, start);
		demand(!switched_off(metadata) || tasks.empty(), "who wants no tasks gets none", input);
		demand_tasks(tasks, input);
	} catch (const Error &error) {
		demand(error.sqlstate == sqlstate::invalid_parameter_value && error.message.rfind("metadata.agg", 0) == 0 &&
		           error.message.size() < 300,
		       "bad metadata is refused in a short sentence", input);
	}
}

/// The text of a JSON string literal; throws if it is none.
inline std::string read_json_string(std::string_view json, std::string_view input) {
	demand(json.size() >= 2 && json.front() == '"' && json.back() == '"', "a string has quotes", input);
	json = json.substr(1, json.size() - 2);
	std::string text;
	for (size_t i = 0; i < json.size(); ++i) {
		demand(static_cast<unsigned char>(json[i]) >= 0x20 && json[i] != '"', "what JSON must escape is escaped", input);
		if (json[i] != '\\') {
			text += json[i];
			continue;
		}
		demand(i + 1 < json.size(), "an escape is whole", input);
		if (json[i + 1] == 'u') {
			demand(i + 5 < json.size(), "an escape has four digits", input);
			text += static_cast<char>(std::stoi(std::string(json.substr(i + 2, 4)), nullptr, 16));
			i += 5;
		} else {
			text += json[++i];
		}
	}
	return text;
}

inline void json(std::string_view input) {
	demand(read_json_string(json_string(input), input) == input, "a string is read as it was written", input);
	const std::string object = JsonObject().add("key", input).add("n", int64_t {-5}).text();
	demand(object == "{\"key\": " + json_string(input) + ", \"n\": -5}", "and so is an object", input);
	const std::string quoted = shortened(input);
	demand(quoted.size() <= 67 && (input.size() > 64 || quoted == input), "a message quotes the beginning", input);
}

inline void all(std::string_view input) {
	timeframe(input);
	iso8601(input);
	registry(input);
	json(input);
}

} // namespace aggregation::fuzz
