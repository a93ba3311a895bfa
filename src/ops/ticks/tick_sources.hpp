// Tick sources: tables of ticks, or trades, whose minutes are 1m bars. agg_tick_sources holds what was registered; where the table and its
// columns are, its triggers know (tick_triggers.h).
#pragma once

#include "core/error.hpp"
#include "core/timestamp.hpp"
#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace aggregation {

struct TickSource {
	std::string name; // the table's, with its schema, as it was registered
	Duration delay;   // a minute is made so long after its end
	bool has_size = false;
	bool has_condition = false;
	bool failing = false; // as it was noted last
	bool due = false;     // minutes that are over are in the log
	std::optional<uint32_t> table;
	bool dropped = false;            // the table, and everything of it
	std::optional<Error> problem {}; // why nothing may be read
};

/// All of them, by name. `now` says what is over.
Op<std::vector<TickSource>> read_tick_sources(Database &db, Timestamp now);

/// By which a source knows the bars that it has made.
std::string raw_of_minutes(const TickSource &source);

/// The minutes before this are over.
Timestamp over_until(const TickSource &source, Timestamp now);

/// Until the transaction ends nobody else makes minutes of the source. False: somebody does, or it is gone.
Op<bool> lock_tick_source(Database &db, const std::string name);

/// Until the transaction ends nobody makes minutes of any; waits for those who do.
Op<void> lock_tick_sources(Database &db);

/// What became of a source's minutes, for people: minutes of others that were left as they are, the last one of these; and the error, or
/// that there is none. A source that somebody has locked is left to him.
struct TickNote {
	int64_t kept = 0;
	std::string last_kept {};
	std::optional<std::string> error {};
};
Op<void> note_on_tick_source(Database &db, const std::string name, const TickNote note);

/// Removes a source whose table is gone, and its entries in the log.
Op<void> forget_tick_source(Database &db, const std::string name);

/// The statement that reads the ticks of [$1, $2) of the symbols $3 (`all_symbols`: without $3): symbol, time, price and size; a tick with
/// an excluded condition has no price. Throws where the columns are none that ticks can have.
struct TickReading {
	uint32_t table;
	std::string of_symbols;
	std::string of_all;
};
Op<TickReading> tick_reading(Database &db, const TickSource &source);

/// A column as it is in a table of ticks: its type, without the name of a domain.
void check_tick_column(const std::string &table, const char *role, const std::string &column, const std::string &type);

/// An identifier, and a text, as a statement of ours may hold them, in which @ stands for the schema.
std::string quoted_identifier(const std::string &name);
std::string quoted_text(const std::string &text);

} // namespace aggregation
