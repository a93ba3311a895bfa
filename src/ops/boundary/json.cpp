#include "ops/boundary/json.hpp"

namespace aggregation {

std::string json_string(std::string_view text) {
	std::string result = "\"";
	for (const char c : text) {
		if (c == '"' || c == '\\') {
			result += '\\';
			result += c;
		} else if (static_cast<unsigned char>(c) < 0x20) {
			constexpr std::string_view digits = "0123456789abcdef";
			result += "\\u00";
			result += digits[static_cast<unsigned char>(c) >> 4];
			result += digits[static_cast<unsigned char>(c) & 15];
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
