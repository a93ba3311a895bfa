// Rows of a set-returning function, handed over by the thousand.
#pragma once

#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace aggregation {

class RowBuffer {
public:
	RowBuffer(Database &db, size_t columns) : db_(db), columns_(columns) {
	}
	/// Texts of a row live until it is handed over.
	std::string_view keep(std::string text) {
		texts_.push_back(std::make_unique<std::string>(std::move(text)));
		return *texts_.back();
	}
	void add(std::initializer_list<agg_cell> row) {
		cells_.insert(cells_.end(), row);
	}
	bool full() const {
		constexpr size_t rows_at_once = 1000;
		return cells_.size() >= rows_at_once * columns_;
	}
	Op<void> flush() {
		if (!cells_.empty())
			co_await db_.emit_rows(cells_, columns_);
		cells_.clear();
		texts_.clear();
	}

private:
	Database &db_;
	size_t columns_;
	std::vector<agg_cell> cells_;
	std::vector<std::unique_ptr<std::string>> texts_;
};

} // namespace aggregation
