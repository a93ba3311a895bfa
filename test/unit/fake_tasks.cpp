// The fake's data_agg_state, registry and run log: what the operations of a task's life ask of them.
#include "fake_cells.hpp"
#include "fake_database.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>

namespace aggregation {

namespace {

using Rows = std::vector<std::vector<agg_cell>>;
using Key = std::pair<std::string, std::string>;

/// Texts that a query's rows point to live until the next query.
std::deque<std::string> kept_texts;

agg_cell kept_text(const std::string &text) {
	kept_texts.push_back(text);
	return text_cell(kept_texts.back());
}
agg_cell maybe_text(const std::optional<std::string> &text) {
	return text ? kept_text(*text) : null_cell_();
}
agg_cell ordinal(size_t k) {
	return number_cell(static_cast<int64_t>(k) + 1);
}
std::optional<Timestamp> time_of(const agg_cell &cell) {
	return cell.is_null ? std::nullopt : std::optional(Timestamp {cell.as.integer});
}
std::optional<std::string> maybe_text_of(const agg_cell &cell) {
	return cell.is_null ? std::nullopt : std::optional(text_of(cell));
}

/// The row of the k-th key, whose parts are the parameters `symbols` and the next one; nullptr where there is none.
StoredTask *find(Tables &tables, const agg_request &request, size_t symbols, size_t k) {
	const auto found = tables.tasks.find({text_of(parameter(request, symbols, k)), text_of(parameter(request, symbols + 1, k))});
	return found == tables.tasks.end() ? nullptr : &found->second;
}

std::vector<agg_cell> due_row(const Key &key, const StoredTask &task) {
	return {kept_text(key.first),          kept_text(key.second),   number_cell(task.priority), number_cell(task.mandatory),
	        maybe_time(task.last_success), number_cell(task.place), maybe_text(task.source),    number_cell(task.interval),
	        number_cell(task.delay),       maybe_time(task.cursor), kept_text(task.status),     number_cell(task.streak)};
}

bool due(const StoredTask &task, const agg_cell &at) {
	return task.status == "idle" && task.enabled && (!task.next_run || task.next_run->us <= at.as.integer);
}

std::vector<agg_cell> configuration(size_t k, const StoredTask &task) {
	return {ordinal(k),
	        maybe_text(task.source),
	        number_cell(task.interval),
	        number_cell(task.delay),
	        number_cell(task.start.us),
	        maybe_time(task.cursor),
	        number_cell(task.freeze),
	        number_cell(task.version),
	        number_cell(task.status == "running"),
	        null_cell_()};
}

void write(Tables &tables, StoredTask &task) {
	task.place = ++tables.last_place;
}

/// `outcome`: the parameter of the cursor, before those of the next run and of the bars.
void succeed(Tables &tables, const agg_request &request, size_t outcome, size_t k, StoredTask &task) {
	const auto cursor = time_of(parameter(request, outcome, k));
	if (cursor)
		task.cursor = std::max(task.cursor.value_or(*cursor), *cursor);
	if (task.status != "hard_failed" && task.status != "disabled")
		task.status = "idle";
	task.next_run = time_of(parameter(request, outcome + 1, k));
	task.created += parameter(request, outcome + 2, k).as.integer;
	task.last_success = time_of(parameter(request, 0));
	task.streak = 0;
	task.last_error = std::nullopt;
	task.running_since = std::nullopt;
	task.token = std::nullopt;
	++task.runs;
	write(tables, task);
}

void release_stale(Tables &tables, const agg_request &request, uint64_t &processed) {
	for (auto &[key, task] : tables.tasks) {
		if (task.status != "running" || (task.running_since && task.running_since->us >= parameter(request, 0).as.integer))
			continue;
		task.status = "idle";
		task.running_since = std::nullopt;
		task.token = std::nullopt;
		task.last_error = "claim was stale and has been released";
		write(tables, task);
		++processed;
	}
}

} // namespace

bool FakeDatabase::run_task_query(const agg_request &request, Rows &rows, uint64_t &processed) {
	const std::string relation = request.relation == nullptr ? "" : request.relation;
	const size_t keys = request.parameter_count > 0 ? request.parameters[0].count : 0;
	kept_texts.clear();

	if (relation.empty() && has(request, "gen_random_uuid")) {
		rows.push_back({kept_text("00000000-0000-0000-0000-000000000001"), kept_text("manual")});
	} else if (relation == "ops_runlog") {
		processed = has(request, "DELETE") ? 0 : 1;
	} else if (relation == "core_asset_registry_all" && keys == 0) {
		for (const auto &[symbol, active] : tables.assets)
			rows.push_back({kept_text(symbol), number_cell(active)});
	} else if (has(request, "SELECT DISTINCT s.canonical_symbol")) {
		for (const auto &[key, task] : tables.tasks)
			rows.push_back({kept_text(key.first)});
	} else if (has(request, "SELECT s.canonical_symbol, s.timeframe FROM")) {
		for (const auto &[key, task] : tables.tasks) {
			if (key.first == text_of(parameter(request, 0)))
				rows.push_back({kept_text(key.first), kept_text(key.second)});
		}
	} else if (has(request, "SELECT COALESCE(a.active, false)")) {
		const auto asset = tables.assets.find(text_of(parameter(request, 0)));
		if (asset != tables.assets.end())
			rows.push_back({number_cell(asset->second), number_cell(false)});
	} else if (has(request, "SELECT s.status, s.enabled, s.disabled_by_operator")) {
		if (const auto *task = find(tables, request, 0, 0))
			rows.push_back({kept_text(task->status), number_cell(task->enabled), number_cell(!task->enabled), maybe_text(task->last_error),
			                maybe_time(task->running_since), maybe_text(task->token), maybe_time(task->next_run)});
	} else if (relation == "core_asset_registry_all") {
		for (size_t k = 0; k < keys; ++k) {
			const auto asset = tables.assets.find(text_of(parameter(request, 0, k)));
			if (asset != tables.assets.end() && asset->second)
				rows.push_back({ordinal(k)});
		}
	} else if (has(request, "s.ctid = ANY ($3::tid[])")) { // a runner's claim
		for (size_t k = 0; k < keys; ++k) {
			for (const auto &[key, task] : tables.tasks) {
				const bool dirty = std::any_of(request.parameters[2].cells, request.parameters[2].cells + request.parameters[2].count,
				                               [&](const agg_cell &place) { return place.as.integer == task.place; });
				if (task.place != parameter(request, 0, k).as.integer ||
				    !(due(task, parameter(request, 1)) || (due(task, number_cell(INT64_MAX)) && dirty)))
					continue;
				auto cells = configuration(k, task);
				cells.erase(cells.begin());
				cells.insert(cells.end(), {number_cell(task.streak), number_cell(task.mandatory), number_cell(task.place),
				                           kept_text(key.first), kept_text(key.second)});
				rows.push_back(std::move(cells));
			}
		}
	} else if (has(request, "waiting_since_utc IS NOT NULL")) {
		// Nobody waits here.
	} else if (has(request, "s.calendar IS NOT NULL LIMIT 1")) {
		// UTC, all of them.
	} else if (has(request, "SELECT t.ord, s.ctid")) {
		for (size_t k = 0; k < keys; ++k) {
			if (const auto *task = find(tables, request, 0, k))
				rows.push_back({ordinal(k), number_cell(task->place)});
		}
	} else if (has(request, "SELECT t.ord, s.source_timeframe")) {
		for (size_t k = 0; k < keys; ++k) {
			if (const auto *task = find(tables, request, 0, k))
				rows.push_back(configuration(k, *task));
			if (!rows.empty() && has(request, "FOR NO KEY UPDATE OF s"))
				rows.back().push_back(number_cell(find(tables, request, 0, k)->place));
		}
	} else if (has(request, "SET status = CASE") && has(request, "s.ctid = ANY")) {
		for (size_t k = 0; k < request.parameters[8].count; ++k) {
			for (auto &[key, task] : tables.tasks) {
				if (task.place == parameter(request, 8, k).as.integer) {
					succeed(tables, request, 1, 0, task);
					++processed;
					break;
				}
			}
		}
	} else if (has(request, "SET status = CASE")) {
		for (size_t k = 0; k < request.parameters[1].count; ++k) {
			if (auto *task = find(tables, request, 1, k)) {
				succeed(tables, request, 3, k, *task);
				++processed;
			}
		}
	} else if (has(request, "SET status = $4::text")) { // a failure
		if (auto *task = find(tables, request, 0, 0)) {
			task->status = text_of(parameter(request, 3));
			task->streak = parameter(request, 4).as.integer;
			task->last_error = maybe_text_of(parameter(request, 5));
			task->next_run = time_of(parameter(request, 6));
			task->running_since = std::nullopt;
			task->token = std::nullopt;
			++task->runs;
			write(tables, *task);
			++processed;
		}
	} else if (has(request, "s.last_successful_at_utc, s.ctid") && keys == 1 && request.parameter_count == 4) { // what is dirty
		for (size_t k = 0; k < request.parameters[1].count; ++k) {
			const auto *task = find(tables, request, 1, k);
			if (task == nullptr || due(*task, parameter(request, 0)) || !due(*task, number_cell(INT64_MAX)) || task->last_error ||
			    parameter(request, 3, k).as.integer >= task->cursor.value_or(task->start).us)
				continue;
			rows.push_back(due_row({text_of(parameter(request, 1, k)), text_of(parameter(request, 2, k))}, *task));
		}
	} else if (has(request, "s.last_successful_at_utc, s.ctid")) { // what is due
		for (const auto &[key, task] : tables.tasks) {
			if (!due(task, parameter(request, 0)))
				continue;
			rows.push_back(due_row(key, task));
			rows.back().resize(request.column_count);
		}
	} else if (has(request, "LIMIT 1") && has(request, "status = 'running'")) {
		for (const auto &[key, task] : tables.tasks) {
			if (task.status == "running" && rows.empty() && task.running_since && task.running_since->us < parameter(request, 0).as.integer)
				rows.push_back({number_cell(1)});
		}
	} else if (has(request, "was stale and has been released")) {
		release_stale(tables, request, processed);
	} else if (has(request, "SET status = 'running'")) { // agg_start
		auto *task = find(tables, request, 0, 0);
		if (task != nullptr && task->status == "idle" && task->enabled) {
			task->status = "running";
			task->running_since = time_of(parameter(request, 2));
			task->token = "token " + std::to_string(tables.last_place);
			write(tables, *task);
			rows.push_back({maybe_text(task->source), number_cell(task->interval), number_cell(task->delay), maybe_time(task->cursor),
			                maybe_text(task->token)});
		}
	} else if (has(request, "$3::text IS NOT NULL")) { // agg_finish locks
		if (const auto *task = find(tables, request, 0, 0)) {
			const auto token = maybe_text_of(parameter(request, 2));
			rows.push_back({kept_text(task->status), maybe_text(task->token), number_cell(task->streak), number_cell(task->mandatory),
			                number_cell(token && token == task->token), null_cell_(), null_cell_(), null_cell_(), null_cell_(),
			                null_cell_()});
		}
	} else {
		ADD_FAILURE() << "a statement that the fake does not know: " << request.sql;
		return false;
	}
	return true;
}

} // namespace aggregation
