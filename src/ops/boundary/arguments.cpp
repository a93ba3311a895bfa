#include "ops/boundary/arguments.hpp"

#include <algorithm>

namespace aggregation {

namespace {

std::string string_of(const agg_cell &cell) {
	return {cell.as.text, static_cast<size_t>(cell.length)};
}

// Each element is copied several times, and a call is one transaction.
constexpr size_t most_elements = 100'000;

// What is kept, shown and compared must not grow without bound. A timeframe is refused by what it says, and p_error is cut, not refused.
size_t longest(std::string_view name) {
	if (name == "p_tf" || name == "p_to_tf" || name == "p_timeframes" || name == "p_error")
		return std::string::npos;
	if (name == "p_stats")
		return size_t {1} << 20;
	if (name == "p_details") // of which a run keeps many
		return size_t {1} << 16;
	if (name == "p_table") // two names, with quotes around them
		return 512;
	if (name == "p_reason" || name == "p_checkpoint")
		return 1'000;
	return longest_symbol; // symbols, and names of jobs, environments, triggers, claims
}

std::string bounded(const agg_cell &cell, const char *name) {
	const auto length = static_cast<size_t>(cell.length);
	if (length > longest(name))
		throw Error(sqlstate::string_data_right_truncation,
		            std::string(name) + " must be at most " + std::to_string(longest(name)) + " bytes long, but \"" +
		                shortened({cell.as.text, length}) + "\" has " + std::to_string(length),
		            "Pass a shorter text.");
	return string_of(cell);
}

} // namespace

void check_symbol(const std::string &symbol) {
	if (symbol.size() > longest_symbol)
		throw Error(sqlstate::string_data_right_truncation,
		            "canonical_symbol must be at most " + std::to_string(longest_symbol) + " bytes long, but \"" + shortened(symbol) +
		                "\" has " + std::to_string(symbol.size()),
		            "Give the asset a shorter symbol; it gets no bars.");
}

void Arguments::refuse_null(const char *name) const {
	throw Error(sqlstate::null_value_not_allowed, std::string(name) + " must not be null" + subject(),
	            std::string("Pass a value for ") + name + ".");
}

std::string Arguments::subject() const {
	std::string subject = subject_;
	for (const char *name : {"p_symbol", "p_tf", "p_to_tf"}) {
		const agg_parameter *given = subject_.empty() ? find(name) : nullptr;
		if (given == nullptr)
			continue;
		if (given->cells->is_null)
			break;
		subject += (subject.empty() ? "" : "/") + shortened(named(string_of(*given->cells)));
	}
	return subject.empty() ? "" : " (" + subject + ")";
}

const agg_parameter *Arguments::find(const char *name) const {
	for (size_t i = 0; i < count_; ++i) {
		if (std::string_view(arguments_[i].name) == name)
			return &arguments_[i].value;
	}
	return nullptr;
}

const agg_parameter &Arguments::parameter(const char *name) const {
	if (const agg_parameter *given = find(name))
		return *given;
	throw Error(sqlstate::undefined_function, std::string("the function was called without its argument ") + name,
	            "The extension in this database is older than its library: ALTER EXTENSION aggregation UPDATE.");
}

bool Arguments::is_null(const char *name) const {
	const agg_parameter &given = parameter(name);
	return given.is_array ? given.cells == nullptr : given.cells->is_null;
}

const agg_cell &Arguments::value(const char *name) const {
	if (is_null(name))
		refuse_null(name);
	return *parameter(name).cells;
}

std::string Arguments::text(const char *name) const {
	return bounded(value(name), name);
}

int64_t Arguments::integer(const char *name) const {
	return value(name).as.integer;
}

void Arguments::check_positive(const char *name, const char *hint) const {
	const int64_t given = integer(name);
	if (given < 1)
		throw Error(sqlstate::invalid_parameter_value, std::string(name) + " must be at least 1, not " + std::to_string(given) + subject(),
		            hint);
}

double Arguments::real(const char *name) const {
	return value(name).as.real;
}

bool Arguments::boolean(const char *name) const {
	return value(name).as.integer != 0;
}

Timestamp Arguments::timestamp(const char *name) const {
	const Timestamp t {value(name).as.integer};
	if (!t.finite())
		throw Error(sqlstate::datetime_field_overflow,
		            std::string(name) + " must be a finite timestamp between 4600 BC and 290000 AD, not " + to_iso8601(t) + subject(),
		            std::string("Pass a time from " AGG_FIRST_TIME " on and before " AGG_END_OF_TIME " for ") + name + ".");
	return t;
}

std::optional<Timestamp> Arguments::maybe_bound(const char *name) const {
	if (is_null(name))
		return std::nullopt;
	return std::clamp(Timestamp {value(name).as.integer}, Timestamp::range_begin(), Timestamp::range_end());
}

std::vector<std::string> Arguments::texts(const char *name) const {
	if (is_null(name))
		refuse_null(name);
	const agg_parameter &given = parameter(name);
	if (given.count > most_elements)
		throw Error(sqlstate::program_limit_exceeded,
		            std::string(name) + " must have at most " + std::to_string(most_elements) + " elements, not " +
		                std::to_string(given.count),
		            "Pass them in several calls.");
	std::vector<std::string> result;
	result.reserve(given.count);
	for (size_t k = 0; k < given.count; ++k) {
		if (given.cells[k].is_null)
			throw Error(sqlstate::null_value_not_allowed, std::string(name) + " must not contain nulls",
			            "Remove element " + std::to_string(k + 1) + " or give it a value.");
		result.push_back(bounded(given.cells[k], name));
	}
	return result;
}

std::optional<std::string> Arguments::maybe_text(const char *name) const {
	return is_null(name) ? std::nullopt : std::optional(bounded(*parameter(name).cells, name));
}

std::optional<int64_t> Arguments::maybe_integer(const char *name) const {
	return is_null(name) ? std::nullopt : std::optional(integer(name));
}

std::optional<Timestamp> Arguments::maybe_timestamp(const char *name) const {
	return is_null(name) ? std::nullopt : std::optional(timestamp(name));
}

Timeframe timeframe_or_throw(const std::string &symbol, const std::string &name) {
	const auto timeframe = Timeframe::parse(name);
	if (!timeframe)
		throw Error(sqlstate::invalid_parameter_value, "unknown timeframe \"" + shortened(name) + "\" (" + shortened(named(symbol)) + ")",
		            "A timeframe is a number and m, h, d, w, mo or y, such as 5m, 15m, 1h, 4h, 1d, 1w or 1mo.");
	return *timeframe;
}

} // namespace aggregation
