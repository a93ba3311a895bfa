// Writing the JSON objects that the SQL functions answer with.
#pragma once

#include "core/timestamp.hpp"

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace aggregation {

/// A JSON string literal with its quotes. `text` is in the server's encoding and passes as it is but for what JSON must escape.
std::string json_string(std::string_view text);

/// An object whose keys come in the order in which they were added.
class JsonObject {
public:
	JsonObject &add(std::string_view key, bool value) {
		return add_raw(key, value ? "true" : "false");
	}
	JsonObject &add(std::string_view key, std::integral auto value) {
		return add_raw(key, std::to_string(value));
	}
	JsonObject &add(std::string_view key, std::string_view value) {
		return add_raw(key, json_string(value));
	}
	JsonObject &add(std::string_view key, const char *value) {
		return add(key, std::string_view(value));
	}
	JsonObject &add(std::string_view key, Timestamp value) {
		return add(key, to_iso8601(value));
	}
	template <class T>
	JsonObject &add(std::string_view key, const std::optional<T> &value) {
		return value ? add(key, *value) : add_raw(key, "null");
	}
	/// `json` is a JSON value already.
	JsonObject &add_raw(std::string_view key, std::string_view json);

	std::string text() const {
		return "{" + members_ + "}";
	}

private:
	std::string members_;
};

} // namespace aggregation
