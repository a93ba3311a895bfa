#include "ops/boundary/database.hpp"

namespace aggregation {

agg_cell null_cell() {
	agg_cell result {};
	result.is_null = true;
	return result;
}

agg_cell cell(bool value) {
	return cell(static_cast<int64_t>(value));
}

agg_cell cell(int64_t value) {
	agg_cell result {};
	result.as.integer = value;
	return result;
}

agg_cell cell(double value) {
	agg_cell result {};
	result.as.real = value;
	return result;
}

agg_cell cell(Timestamp value) {
	return cell(value.us);
}

agg_cell cell(std::string_view value) {
	agg_cell result {};
	result.as.text = value.data();
	result.length = static_cast<int32_t>(value.size());
	return result;
}

uint64_t Database::Pending::outcome() {
	if (fault_)
		std::rethrow_exception(fault_);
	if (error_)
		throw DatabaseError(*error_);
	return processed_;
}

void Database::BulkWrite::describe(agg_request &request) const {
	request.kind = AGG_BULK_WRITE;
	request.relation = relation_;
	request.column_names = columns_.names.data();
	request.column_types = columns_.types.data();
	request.column_count = columns_.types.size();
	request.constants = shared_.data();
	request.constant_count = columns_.shared;
	request.stamped_count = columns_.stamped;
	request.conflict = conflict_;
}

Flow Database::TakeChanges::rows(const agg_cell *cells, size_t row_count) {
	for (size_t i = 0; i < row_count; ++i) {
		const Row row(cells + i * AGG_CHANGE_COLUMNS);
		changes_.add_range(row.text(0), {row.timestamp(1), row.timestamp(2), row.integer(3)});
	}
	return Flow::more;
}

void Database::Telling::describe(agg_request &request) const {
	request.kind = kind_;
	request.text = text_.c_str();
	request.hint = hint_.empty() ? nullptr : hint_.c_str();
}

size_t Database::BulkWrite::fill(agg_cell *cells, size_t most_rows) {
	size_t n = 0;
	while (n < most_rows && source_.next(cells + n * columns_.varying()))
		++n;
	return n;
}

void Database::Simple::describe(agg_request &request) const {
	request.kind = kind_;
	if (cells_ != nullptr) {
		request.cells = cells_->data();
		request.column_count = columns_;
		request.row_count = cells_->size() / columns_;
	}
}

Flow Database::deliver_rows(const agg_cell *cells, size_t row_count) noexcept {
	try {
		return pending_->rows(cells, row_count);
	} catch (...) {
		pending_->fault_ = std::current_exception();
		return Flow::enough;
	}
}

size_t Database::fetch_rows(agg_cell *cells, size_t most_rows) noexcept {
	try {
		return pending_->fill(cells, most_rows);
	} catch (...) {
		pending_->fault_ = std::current_exception();
		return 0;
	}
}

void Database::resume(const agg_outcome &outcome) {
	if (outcome.error != nullptr) {
		const auto text = [](const char *s) { return std::string(s == nullptr ? "" : s); };
		pending_->error_.emplace(outcome.error->sqlstate, text(outcome.error->message), text(outcome.error->hint),
		                         text(outcome.error->detail));
		pending_->error_->table = text(outcome.error->table);
		pending_->error_->constraint = text(outcome.error->constraint);
	}
	pending_->processed_ = outcome.processed;
	pending_->others_ = outcome.others;
	pending_->runners_ = outcome.runners;
	pending_->due_ = {outcome.due};
	pending_ = nullptr;
	waiting_.resume();
}

std::string Database::qualify(std::string_view sql) const {
	if (sql.starts_with('\n')) // of a raw literal
		sql.remove_prefix(1);
	agg_table_names names = tables_;
	names.schema = schema_.c_str();
	std::string result(agg_name_tables(names, sql.data(), sql.size(), nullptr, 0), '\0');
	(void)agg_name_tables(names, sql.data(), sql.size(), result.data(), result.size() + 1);
	return result;
}

} // namespace aggregation
