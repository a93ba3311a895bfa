// The arguments of an SQL function, checked: a NULL, infinite or out-of-range one is refused by name before anything is done.
#pragma once

#include "core/error.hpp"
#include "core/symbol.hpp"
#include "core/timeframe.hpp"
#include "ops/boundary/database.hpp"

#include <optional>
#include <string>
#include <vector>

namespace aggregation {

class Arguments {
public:
	explicit Arguments(const agg_parameter *parameters) : parameters_(parameters) {
	}
	/// What the call is about, such as EURUSD/5m: from here on errors name it.
	void concern(const std::string &subject) {
		subject_ = " (" + subject + ")";
	}
	bool is_null(size_t i) const {
		return parameters_[i].is_array ? parameters_[i].cells == nullptr : parameters_[i].cells->is_null;
	}

	// Each throws 22004 for NULL, and 22001 for a text that is longer than one of its name may be. `name` is the argument's name in SQL.
	std::string text(size_t i, const char *name) const;
	int64_t integer(size_t i, const char *name) const;
	bool boolean(size_t i, const char *name) const;
	double real(size_t i, const char *name) const;
	/// Throws 22008 unless it is one of the times that there are (core/time_range.h).
	Timestamp timestamp(size_t i, const char *name) const;
	/// The strings of an array; NULL elements are refused too, and 54000 is thrown where there are too many.
	std::vector<std::string> texts(size_t i, const char *name) const;

	std::optional<std::string> maybe_text(size_t i, const char *name) const;
	std::optional<Timestamp> maybe_timestamp(size_t i, const char *name) const;

private:
	const agg_cell &value(size_t i, const char *name) const;

	[[noreturn]] void refuse_null(const char *name) const;

	const agg_parameter *parameters_;
	std::string subject_;
};

/// 22001 unless a symbol of a table is short enough to be one.
void check_symbol(const std::string &symbol);

/// The timeframe of that name, or 22023 that names the symbol and says what a timeframe looks like.
Timeframe timeframe_or_throw(const std::string &symbol, const std::string &name);

} // namespace aggregation
