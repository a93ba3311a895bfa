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

/// `undo` leaves nothing behind even where all went well.
enum class IfDone { keep, undo };

/// Awaits `work()`, an Op<IfDone>, in a subtransaction of its own.
template <class Work>
Op<std::optional<Fault>> in_subtransaction(Database &db, Work work) {
	IfDone if_done = IfDone::undo;
	std::optional<Fault> fault;
	co_await db.begin_subtransaction();
	try {
		if_done = co_await work();
	} catch (const Error &error) {
		fault.emplace(error, std::current_exception());
	}
	if (fault || if_done == IfDone::undo)
		co_await db.rollback_subtransaction();
	else
		co_await db.release_subtransaction();
	co_return fault;
}

/// The same where it is known before: `work()` is an Op<void>.
template <class Work>
Op<std::optional<Fault>> in_subtransaction(Database &db, const IfDone if_done, Work work) {
	auto and_then = [&]() -> Op<IfDone> {
		co_await work();
		co_return if_done;
	};
	co_return co_await in_subtransaction(db, and_then);
}

} // namespace aggregation
