#include "ops/arguments.hpp"

namespace aggregation {

namespace {

std::string string_of(const agg_cell &cell) {
	return {cell.as.text, static_cast<size_t>(cell.length)};
}

} // namespace

void Arguments::refuse_null(const char *name) const {
	throw Error(sqlstate::null_value_not_allowed, std::string(name) + " must not be null" + subject_,
	            std::string("Pass a value for ") + name + ".");
}

const agg_cell &Arguments::value(size_t i, const char *name) const {
	if (is_null(i))
		refuse_null(name);
	return *parameters_[i].cells;
}

std::string Arguments::text(size_t i, const char *name) const {
	return string_of(value(i, name));
}

int64_t Arguments::integer(size_t i, const char *name) const {
	return value(i, name).as.integer;
}

double Arguments::real(size_t i, const char *name) const {
	return value(i, name).as.real;
}

bool Arguments::boolean(size_t i, const char *name) const {
	return value(i, name).as.integer != 0;
}

Timestamp Arguments::timestamp(size_t i, const char *name) const {
	const Timestamp t {value(i, name).as.integer};
	if (!t.finite())
		throw Error(sqlstate::datetime_field_overflow, std::string(name) + " must be a finite timestamp, not " + to_iso8601(t) + subject_,
		            std::string("Pass a time between 4714 BC and 294276 AD for ") + name + ".");
	return t;
}

std::vector<std::string> Arguments::texts(size_t i, const char *name) const {
	if (is_null(i))
		refuse_null(name);
	std::vector<std::string> result;
	result.reserve(parameters_[i].count);
	for (size_t k = 0; k < parameters_[i].count; ++k) {
		if (parameters_[i].cells[k].is_null)
			throw Error(sqlstate::null_value_not_allowed, std::string(name) + " must not contain nulls",
			            "Remove element " + std::to_string(k + 1) + " or give it a value.");
		result.push_back(string_of(parameters_[i].cells[k]));
	}
	return result;
}

std::optional<std::string> Arguments::maybe_text(size_t i) const {
	return is_null(i) ? std::nullopt : std::optional(string_of(*parameters_[i].cells));
}

std::optional<Timestamp> Arguments::maybe_timestamp(size_t i, const char *name) const {
	return is_null(i) ? std::nullopt : std::optional(timestamp(i, name));
}

Timeframe timeframe_or_throw(const std::string &symbol, const std::string &name) {
	const auto timeframe = Timeframe::parse(name);
	if (!timeframe)
		throw Error(sqlstate::invalid_parameter_value, "unknown timeframe \"" + shortened(name) + "\" (" + shortened(symbol) + ")",
		            "A timeframe is a number and m, h, d or w, such as 5m, 15m, 30m, 1h, 4h, 1d or 1w.");
	return *timeframe;
}

} // namespace aggregation
