#include "ops/bars/by_place.hpp"

#include "core/error.hpp"
#include "ops/boundary/subtransaction.hpp"

namespace aggregation {

namespace {

constexpr const char *no_such_place = "42P10"; // TimescaleDB's for a ctid in a compressed chunk

}

Op<uint64_t> execute_by_place(Database &db, const Statement &statement, std::vector<Parameter> list) {
	const uint64_t in_chunks = co_await db.rows_in_chunks();
	if (in_chunks == 0)
		co_return co_await db.execute(statement, std::move(list));
	uint64_t rows = 0;
	auto work = [&]() -> Op<void> { rows = co_await db.execute(statement, std::move(list)); };
	const auto fault = co_await in_subtransaction(db, IfDone::keep, work);
	if (fault && fault->error().sqlstate == no_such_place)
		throw Error(sqlstate::object_not_in_prerequisite_state, "derived_data_bars has compressed chunks",
		            "Decompress them (SELECT decompress_chunk(c, true) FROM show_chunks('derived_data_bars') c), call again, and compress "
		            "them again.",
		            fault->error().message);
	if (fault)
		fault->raise();
	co_return rows;
}

} // namespace aggregation
