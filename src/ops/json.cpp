#include "ops/json.hpp"

#include <array>
#include <cstdio>

namespace aggregation {

std::string json_string(std::string_view text) {
	std::string result = "\"";
	for (const char c : text) {
		if (c == '"' || c == '\\') {
			result += '\\';
			result += c;
		} else if (static_cast<unsigned char>(c) < 0x20) {
			std::array<char, 8> buffer {};
			std::snprintf(buffer.data(), buffer.size(), "\\u%04x", static_cast<unsigned>(c));
			result += buffer.data();
		} else {
			result += c;
		}
	}
	return result + '"';
}

JsonObject &JsonObject::add_raw(std::string_view key, std::string_view json) {
	if (!members_.empty())
		members_ += ", ";
	members_ += json_string(key);
	members_ += ": ";
	members_ += json;
	return *this;
}

} // namespace aggregation
