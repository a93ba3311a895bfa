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
	Arguments(const agg_argument *arguments, size_t count) : arguments_(arguments), count_(count) {
	}
	/// What the call is about, where its arguments p_symbol, p_tf and p_to_tf do not say it: errors name it.
	void concern(std::string subject) {
		subject_ = std::move(subject);
	}
	// `name` is always the argument's name in SQL.
	bool is_null(const char *name) const;

	// Each throws 22004 for NULL, and 22001 for a text that is longer than one of its name may be.
	std::string text(const char *name) const;
	int64_t integer(const char *name) const;
	bool boolean(const char *name) const;
	double real(const char *name) const;
	/// Throws 22008 unless it is one of the times that there are (core/time_range.h).
	Timestamp timestamp(const char *name) const;
	/// The strings of an array; NULL elements are refused too, and 54000 is thrown where there are too many.
	std::vector<std::string> texts(const char *name) const;
	/// 22023 with the hint unless the integer is at least 1.
	void check_positive(const char *name, const char *hint) const;

	std::optional<std::string> maybe_text(const char *name) const;
	std::optional<int64_t> maybe_integer(const char *name) const;
	std::optional<Timestamp> maybe_timestamp(const char *name) const;
	/// The end of a range that may be infinite: the infinities, and what is no time, become the first time or the end of all times.
	std::optional<Timestamp> maybe_bound(const char *name) const;
	/// Whether the function has an argument of this name.
	bool has(const char *name) const {
		return find(name) != nullptr;
	}

private:
	const agg_parameter *find(const char *name) const;
	const agg_parameter &parameter(const char *name) const;
	const agg_cell &value(const char *name) const;

	/// What errors say that the call is about, such as " (EURUSD/5m)".
	std::string subject() const;
	[[noreturn]] void refuse_null(const char *name) const;

	const agg_argument *arguments_;
	size_t count_;
	std::string subject_;
};

/// 22001 unless a symbol of a table is short enough to be one.
void check_symbol(const std::string &symbol);

/// The timeframe of that name, or 22023 that names the symbol and says what a timeframe looks like.
Timeframe timeframe_or_throw(const std::string &symbol, const std::string &name);

} // namespace aggregation
