// The fake's change log and dirty ranges, and what the operations ask of the tasks' rows because of them.
#include "fake_cells.hpp"
#include "fake_database.hpp"

#include "core/grid.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace aggregation {

namespace {

using Rows = std::vector<std::vector<agg_cell>>;

agg_cell ordinal(size_t k) {
	return number_cell(static_cast<int64_t>(k) + 1);
}

std::string source_of(const std::string &timeframe, const StoredTask &task) {
	if (task.source)
		return *task.source;
	const auto source = Grid(*Timeframe::parse(timeframe)).default_source();
	return source ? source->name() : "";
}

} // namespace

bool FakeDatabase::run_late_query(const agg_request &request, Rows &rows, uint64_t &processed) {
	const std::string relation = request.relation == nullptr ? "" : request.relation;
	const size_t keys = request.parameter_count > 0 ? request.parameters[0].count : 0;
	texts_.clear();
	const auto text = [&](const std::string &value) {
		texts_.push_back(value);
		return text_cell(texts_.back());
	};

	if (relation == "agg_change_log") {
		for (const auto &change : tables.change_log)
			rows.push_back({text(change.symbol), number_cell(change.from.us), number_cell(change.to.us), number_cell(change.rows)});
		tables.change_log.clear();
	} else if (relation == "agg_recent_tasks") {
		// There is nobody else.
	} else if (relation == "agg_dirty_ranges" && has(request, "SELECT 1 FROM")) {
		for (const auto &row : tables.dirty) {
			const bool meant = request.parameter_count == 0 ||
			                   (row.symbol == text_of(parameter(request, 0)) && row.timeframe == text_of(parameter(request, 1)));
			if (meant && rows.empty())
				rows.push_back({number_cell(1)});
		}
	} else if (relation == "agg_dirty_ranges" && has(request, "FOR KEY SHARE")) {
		for (size_t k = 0; k < keys; ++k) {
			const bool covered = std::any_of(tables.dirty.begin(), tables.dirty.end(), [&](const DirtyRow &row) {
				return row.symbol == text_of(parameter(request, 0, k)) && row.timeframe == text_of(parameter(request, 1, k)) &&
				       row.from.us <= parameter(request, 2, k).as.integer && row.to.us >= parameter(request, 3, k).as.integer &&
				       (row.due == "now" || row.due == text_of(parameter(request, 4, k)));
			});
			if (covered)
				rows.push_back({ordinal(k)});
		}
	} else if (relation == "agg_dirty_ranges" && has(request, "DELETE FROM")) {
		const auto take = [&](size_t k, size_t most, const auto &wanted) {
			size_t seen = 0;
			std::erase_if(tables.dirty, [&](const DirtyRow &row) {
				const bool meant = row.symbol == text_of(parameter(request, 0, k)) && row.timeframe == text_of(parameter(request, 1, k));
				if (!meant || !wanted(row) || seen++ >= most)
					return false;
				rows.push_back({ordinal(k), number_cell(row.from.us), number_cell(row.to.us), number_cell(row.rows), text(row.due)});
				return true;
			});
		};
		const auto newest_first = [](const DirtyRow &a, const DirtyRow &b) { return a.from > b.from; };
		for (size_t k = 0; k < keys; ++k) {
			const Timestamp from {parameter(request, 2, k).as.integer}; // of a new mark, or a cursor
			std::sort(tables.dirty.begin(), tables.dirty.end(), newest_first);
			if (has(request, "c.from_utc <= t.to_utc")) {
				// The last one that begins at or before the end of a new mark, if it touches it.
				const Timestamp to {parameter(request, 3, k).as.integer};
				const auto last = std::find_if(tables.dirty.begin(), tables.dirty.end(), [&](const DirtyRow &row) {
					return row.symbol == text_of(parameter(request, 0, k)) && row.timeframe == text_of(parameter(request, 1, k)) &&
					       row.from <= to;
				});
				if (last != tables.dirty.end() && last->to >= from)
					take(k, 1, [&, begin = last->from](const DirtyRow &row) { return row.from == begin; });
				continue;
			}
			const auto most = static_cast<size_t>(parameter(request, 3).as.integer);
			take(k, most, [&](const DirtyRow &row) { return row.from < from; });
			std::reverse(tables.dirty.begin(), tables.dirty.end());
			take(k, most, [&](const DirtyRow &row) { return row.from >= from; });
		}
	} else if (relation == "agg_dirty_ranges" && has(request, "INSERT INTO")) {
		for (size_t k = 0; k < keys; ++k) {
			const auto p = [&](size_t i) -> const agg_cell & { return parameter(request, i, k); };
			tables.dirty.push_back({text_of(p(0)), text_of(p(1)), {p(2).as.integer}, {p(3).as.integer}, p(4).as.integer, text_of(p(5))});
			++processed;
		}
	} else if (relation == "agg_dirty_ranges" && has(request, "GROUP BY d.canonical_symbol")) {
		for (const auto &row : tables.dirty) {
			if (row.due != "next_run")
				rows.push_back({text(row.symbol), text(row.timeframe), number_cell(row.from.us)});
		}
	} else if (relation == "agg_timeframes") {
		std::map<std::string, std::string> pairs;
		for (const auto &[key, task] : tables.tasks)
			pairs[key.second] = task.source.value_or("");
		for (const auto &[timeframe, source] : pairs)
			rows.push_back({text(timeframe), text(source)});
	} else if (relation == "agg_sealed_ranges" && has(request, "LIMIT 1")) {
		for (const auto &sealed : tables.sealed) {
			if (rows.empty() || rows[0][0].as.integer < sealed.to.us)
				rows = {{number_cell(sealed.to.us)}};
		}
	} else if (relation == "agg_sealed_ranges") {
		for (size_t k = 0; k < keys; ++k) {
			for (const auto &sealed : tables.sealed) {
				if ((sealed.symbol.empty() || sealed.symbol == text_of(parameter(request, 0, k))) &&
				    sealed.to.us > parameter(request, 1, k).as.integer && sealed.from.us < parameter(request, 2, k).as.integer)
					rows.push_back({ordinal(k), text("1m"), number_cell(sealed.from.us), number_cell(sealed.to.us)});
			}
		}
	} else if (relation == "agg_refused_ranges" && has(request, "INSERT INTO")) {
		for (size_t k = 0; k < request.parameters[2].count; ++k)
			tables.refused.push_back({text_of(parameter(request, 0)),
			                          text_of(parameter(request, 1)),
			                          {parameter(request, 2, k).as.integer},
			                          {parameter(request, 3, k).as.integer},
			                          parameter(request, 4, k).as.integer,
			                          "now"});
	} else if (relation == "agg_refused_ranges") {
		tables.refused.clear();
	} else if (has(request, "SELECT 1 FROM (SELECT k.symbol")) {
		// Nobody else is there to be kept out.
	} else if (has(request, "SELECT t.ord, s.timeframe, s.agg_start_utc")) { // who reads 1m bars
		for (size_t k = 0; k < keys; ++k) {
			for (const auto &[key, task] : tables.tasks) {
				if (key.first == text_of(parameter(request, 0, k)) && source_of(key.second, task) == "1m")
					rows.push_back({ordinal(k), text(key.second), number_cell(task.start.us), maybe_time(task.cursor),
					                number_cell(task.status == "running"), null_cell_()});
			}
		}
	} else if (has(request,
	               "SELECT t.ord FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS t(symbol, timeframe, ord) JOIN")) { // tasks above
		for (size_t k = 0; k < keys; ++k) {
			const auto task = tables.tasks.find({text_of(parameter(request, 0, k)), text_of(parameter(request, 1, k))});
			if (task != tables.tasks.end() && source_of(task->first.second, task->second) == text_of(parameter(request, 2)))
				rows.push_back({ordinal(k)});
		}
	} else if (has(request, "SET late_rows")) {
		auto &task = tables.tasks.at({text_of(parameter(request, 0)), text_of(parameter(request, 1))});
		task.late_rows += parameter(request, 2).as.integer;
		task.refused_rows += parameter(request, 3).as.integer;
		task.place = ++tables.last_place;
	} else {
		return false;
	}
	return true;
}

} // namespace aggregation
