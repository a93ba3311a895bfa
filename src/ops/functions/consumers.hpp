// Consumers of events: who calls, which consumer is meant, and whether it has missed anything. What the outbox is, is said in events.h.
#pragma once

#include "ops/boundary/arguments.hpp"
#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"

#include <optional>
#include <string>

namespace aggregation {

struct Caller {
	std::string role;
	bool sees_some_rows = false; // row security is between a caller who reads and the bars
};

struct Consumer {
	std::string role;
	bool may; // the caller
	std::optional<int64_t> acked;
	int64_t polled;
	bool keeps_up;
	int64_t newest; // event of all
	bool recorded;  // events are made
	std::optional<std::string> symbols;
	std::optional<std::string> timeframes;
};

/// p_consumer; 22023 if it is empty.
std::string consumer_name(const Arguments &arguments);

/// As errors call it.
std::string consumer_subject(const std::string &name);

/// Throws 25006 on a standby.
Op<Caller> find_caller(Database &db);

/// The same, and 42501 unless the caller may read bars.
Op<Caller> find_reading_caller(Database &db);

enum class Hold { no, until_end_of_transaction };

/// nullopt: there is none. 42501 if it is another role's.
Op<std::optional<Consumer>> find_consumer(Database &db, const std::string name, const Caller caller, Hold hold);

/// The same, or P0002.
Op<Consumer> consumer_or_throw(Database &db, const std::string name, const Caller caller, Hold hold);

/// Throws 55000 if the consumer has missed events, or would.
void refuse_lost(const std::string &name, const Consumer &consumer);

/// Frees events that nobody waits for any more.
Op<void> prune_events(Database &db);

} // namespace aggregation
