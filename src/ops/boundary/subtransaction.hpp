// Work in a subtransaction: what fails there is undone, and the transaction can go on.
#pragma once

#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"

#include <exception>
#include <optional>

namespace aggregation {

/// What ended the work of a subtransaction. All that it did is undone.
class Fault {
public:
	Fault(const Error &error, std::exception_ptr thrown) : error_(error), thrown_(std::move(thrown)) {
	}
	const Error &error() const {
		return error_;
	}
	/// Raises it again, as the kind of error that it was.
	[[noreturn]] void raise() const {
		std::rethrow_exception(thrown_);
	}

private:
	Error error_;
	std::exception_ptr thrown_;
};

enum class IfDone { keep, undo };

/// Awaits `work()`, an Op<void>, in a subtransaction of its own. `IfDone::undo` leaves nothing behind even where all went well.
template <class Work>
Op<std::optional<Fault>> in_subtransaction(Database &db, const IfDone if_done, Work work) {
	std::optional<Fault> fault;
	co_await db.begin_subtransaction();
	try {
		co_await work();
	} catch (const Error &error) {
		fault.emplace(error, std::current_exception());
	}
	if (fault || if_done == IfDone::undo)
		co_await db.rollback_subtransaction();
	else
		co_await db.release_subtransaction();
	co_return fault;
}

} // namespace aggregation
