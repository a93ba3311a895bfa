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
inline constexpr const char *invalid_transaction_state = "25000";
inline constexpr const char *object_not_in_prerequisite_state = "55000";
inline constexpr const char *read_only_transaction = "25006";
inline constexpr const char *undefined_table = "42P01";
inline constexpr const char *undefined_object = "42704";
inline constexpr const char *undefined_function = "42883";
inline constexpr const char *no_data_found = "P0002";
inline constexpr const char *dependent_objects_still_exist = "2BP01";
inline constexpr const char *insufficient_privilege = "42501";
inline constexpr const char *program_limit_exceeded = "54000";
inline constexpr const char *foreign_key_violation = "23503";
inline constexpr const char *unique_violation = "23505";
inline constexpr const char *lock_not_available = "55P03";
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
	std::string table {};      // that refused a row
	std::string constraint {}; // by which
};

/// How many bytes of UTF-8 the character has that the text begins with; 0 where it begins with none.
inline size_t first_character(std::string_view text) {
	const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
	const size_t bytes = byte(0) < 0x80 ? 1 : byte(0) < 0xC2 ? 0 : byte(0) < 0xE0 ? 2 : byte(0) < 0xF0 ? 3 : byte(0) < 0xF5 ? 4 : 0;
	for (size_t i = 1; i < bytes; ++i) {
		if (i == text.size() || (byte(i) & 0xC0) != 0x80)
			return 0;
	}
	return bytes;
}

/// A text as a message quotes it: whole up to 64 bytes, else its beginning and an ellipsis. Never ends inside a character: in a database of
/// another encoding, what is neither ASCII nor looks like UTF-8 ends it.
inline std::string shortened(std::string_view text) {
	constexpr size_t longest = 64;
	if (text.size() <= longest)
		return std::string(text);
	size_t end = 0;
	for (size_t next = first_character(text); next > 0 && end + next <= longest; next = first_character(text.substr(end)))
		end += next;
	return std::string(text.substr(0, end)) + "...";
}

} // namespace aggregation
