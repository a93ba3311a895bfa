// What row security of derived_data_bars shows to the caller, for what is read with the rights of somebody else.
#pragma once

#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"

#include <string_view>
#include <vector>

namespace aggregation {

/// Whether row security is between the caller and the bars.
Op<bool> sees_some_rows_only(Database &db);

/// Bars by their keys; texts are somebody else's.
class BarKeys {
public:
	void add(std::string_view symbol, std::string_view timeframe, Timestamp start) {
		symbols_.push_back(cell(symbol));
		timeframes_.push_back(cell(timeframe));
		starts_.push_back(cell(start));
	}
	std::vector<Parameter> parameters() &&;

private:
	std::vector<agg_cell> symbols_;
	std::vector<agg_cell> timeframes_;
	std::vector<agg_cell> starts_;
};

/// The places of those keys, in their order, of which the caller may see a bar, live or deleted. One that is gone for good is nobody's.
Op<std::vector<size_t>> visible_bars(Database &db, BarKeys keys);

} // namespace aggregation
