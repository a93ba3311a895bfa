// The proof of everything, or of what is asked for of it: the proofs of all tasks and indexes one after the other, and what no task
// answers for.
#pragma once

#include "ops/boundary/arguments.hpp"
#include "ops/proof/proof.hpp"
#include "ops/tasks/indexes.hpp"
#include "ops/tasks/tasks.hpp"

#include <optional>
#include <string>
#include <vector>

namespace aggregation {

struct FoundTasks {
	std::vector<Task> tasks;
	std::vector<TaskKey> left_out; // whose rows make no sense
	Nonsense nonsense;
};

/// Tasks to prove, of one symbol or timeframe or of all.
Op<FoundTasks> find_tasks(Database &db, std::optional<std::string> symbol, std::optional<std::string> timeframe);

/// Where to look: from the first of the infinities to the last where no range is given.
struct Times {
	Timestamp from;
	Timestamp to; // exclusive, but for infinity

	bool holds(Timestamp t) const {
		return t >= from && (t < to || to == Timestamp::infinity());
	}
};

/// Bars of which nothing can be said because the row that says how they are made makes no sense: that is no proof, and nothing explains it.
Op<std::vector<Difference>> bars_left_out(Database &db, std::vector<TaskKey> tasks, std::vector<std::string> indexes, Times times);

/// The indexes that nobody computes, of those that are asked for; each is told, and why.
Op<std::vector<std::string>> tell_left_out_indexes(Database &db, std::vector<IndexRow> left_out, std::optional<std::string> symbol,
                                                   std::optional<std::string> timeframe);

/// What a proof is asked for. NULLs: everything.
struct Asked {
	std::optional<std::string> symbol;
	std::optional<std::string> timeframe;
	Times times;
};

/// The arguments p_symbol, p_tf, p_from_utc and p_to_utc. Throws 22023 for an inverted range.
Asked asked_by(const Arguments &arguments);

/// Takes differences as they are found.
class DifferenceSink {
public:
	virtual ~DifferenceSink() = default;
	virtual Op<Flow> take(std::vector<Difference> differences) = 0;
};

/// Every difference, stretch by stretch, until the sink has enough. Throws P0002 where there is nothing to compare of what was named.
Op<void> prove(Database &db, const Asked asked, DifferenceSink &sink);

} // namespace aggregation
