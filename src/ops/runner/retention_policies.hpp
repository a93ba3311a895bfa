// agg_retention: how long bars of a timeframe are kept, of a symbol or (NULL) of all others. A runner that has nothing better to do
// carries the policies out, a step after the other:
//
//   a policy for all    A  B  C | D  E  F  G | H ...     by symbol; the row says how far it has got
//   a step                      '-- bounds, seals, deletes, commit --'
//
// A step seals up to where the bars may go (retention_bounds.hpp), and deletes a bounded number of them, in one transaction; or it drops a
// partition that goes as a whole (whole_partitions.hpp). A policy that has been carried out is looked at again in an hour.
#pragma once

#include "core/error.hpp"
#include "core/timestamp.hpp"
#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"
#include "ops/runner/whole_partitions.hpp"

#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace aggregation {

class RetentionRunner {
public:
	explicit RetentionRunner(Database &db) : db_(db) {
	}
	/// Makes one step of a policy that is due and that nobody else is at. False: there is none. Costs a fraction of a statement where there
	/// are no policies. To be called at the beginning of a transaction, which is to be committed then.
	Op<bool> step(Timestamp now);
	/// When the next policy is due; infinity where there is none.
	Op<Timestamp> next_look();

	/// Whether step() has found something to do.
	bool any() const {
		return steps_ > 0;
	}
	int64_t rows_removed() const {
		return rows_removed_;
	}
	int64_t partitions_dropped() const {
		return partitions_dropped_;
	}
	int64_t failure_count() const {
		return failure_count_;
	}
	/// Grows with whatever is to be told.
	int64_t done_or_failed() const {
		return rows_removed_ + partitions_dropped_ + failure_count_;
	}

private:
	struct Policy;
	struct Progress;
	Op<void> carry_out(const Policy &policy, Timestamp now, Progress &progress);
	/// Drops the oldest partition that goes as a whole, if it may go. Where it must wait: bars from its start on are left alone.
	Op<Timestamp> retire_whole(const std::string table, const std::vector<TimePartition> partitions, const KeptBars &kept, Timestamp now,
	                           Timestamp wanted, Progress &progress);

	Database &db_;
	int64_t steps_ = 0;
	int64_t rows_removed_ = 0;
	int64_t partitions_dropped_ = 0;
	int64_t failure_count_ = 0;
	Verdicts verdicts_;                     // of this run
	std::set<uint32_t> waiting_partitions_; // that were looked at and have to wait
};

} // namespace aggregation
