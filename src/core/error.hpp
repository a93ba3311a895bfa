// The one way in which the core and the operations refuse: an error as data, thrown inside C++ and turned into a PostgreSQL
// error by the shim. It never crosses into C as an exception.
#pragma once

#include <exception>
#include <string>
#include <string_view>
#include <utility>

namespace aggregation {

/// SQLSTATEs that this extension raises itself, named as in PostgreSQL's errcodes.txt.
namespace sqlstate {
inline constexpr const char *null_value_not_allowed = "22004";
inline constexpr const char *string_data_right_truncation = "22001";
inline constexpr const char *datetime_field_overflow = "22008";
inline constexpr const char *invalid_parameter_value = "22023";
inline constexpr const char *object_not_in_prerequisite_state = "55000";
inline constexpr const char *no_data_found = "P0002";
inline constexpr const char *unique_violation = "23505";
inline constexpr const char *serialization_failure = "40001";
inline constexpr const char *insufficient_resources = "53000";
inline constexpr const char *out_of_memory = "53200";
inline constexpr const char *internal_error = "XX000";
} // namespace sqlstate

/// What a user is told: a five-character SQLSTATE, a message in lower case, and optionally a detail and a hint as sentences.
struct Error : std::exception {
	Error(std::string state, std::string text, std::string hint_text = {}, std::string detail_text = {})
	    : sqlstate(std::move(state)), message(std::move(text)), detail(std::move(detail_text)), hint(std::move(hint_text)) {
	}
	const char *what() const noexcept override {
		return message.c_str();
	}

	std::string sqlstate;
	std::string message;
	std::string detail;
	std::string hint;
};

/// A text as a message quotes it: whole up to 64 bytes, else its beginning and an ellipsis. Never ends inside a character.
inline std::string shortened(std::string_view text) {
	constexpr size_t longest = 64;
	if (text.size() <= longest)
		return std::string(text);
	text = text.substr(0, longest);
	while (!text.empty() && static_cast<unsigned char>(text.back()) >= 0x80)
		text.remove_suffix(1);
	return std::string(text) + "...";
}

} // namespace aggregation
