#include "ops/bulk_insert.hpp"

#include <optional>

namespace aggregation {

Op<bool> bulk_insert(Database &db, const char *relation, const BulkColumns &columns, RowSource &source) {
	co_await db.begin_subtransaction();
	std::optional<DatabaseError> error;
	try {
		co_await db.bulk_write(relation, columns, source);
	} catch (const DatabaseError &caught) {
		error = caught;
	}
	if (!error) {
		co_await db.release_subtransaction();
		co_return true;
	}
	co_await db.rollback_subtransaction();
	if (error->sqlstate != sqlstate::unique_violation)
		throw DatabaseError(*error);
	co_return false;
}

} // namespace aggregation
