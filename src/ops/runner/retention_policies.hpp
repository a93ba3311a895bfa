// agg_retention: how long bars of a timeframe are kept, of a symbol or (NULL) of all others. A runner that has nothing better to do
// carries the policies out, a step after the other:
//
//   a policy for all    A  B  C | D  E  F  G | H ...     by symbol; the row says how far it has got
//   a step                      '-- bounds, seals, deletes, commit --'
//
// A step seals up to where the bars may go (retention_bounds.hpp), and deletes a bounded number of them, in one transaction. A policy that
// has been carried out is looked at again in an hour.
#pragma once

#include "core/error.hpp"
#include "core/timestamp.hpp"
#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"

#include <cstdint>

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
	int64_t failure_count() const {
		return failure_count_;
	}

private:
	struct Policy;
	struct Progress;
	Op<void> carry_out(const Policy &policy, Timestamp now, Progress &progress);

	Database &db_;
	int64_t steps_ = 0;
	int64_t rows_removed_ = 0;
	int64_t failure_count_ = 0;
};

} // namespace aggregation
