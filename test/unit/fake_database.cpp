#include "fake_database.hpp"

#include "fake_cells.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <deque>

namespace aggregation {

namespace {

// Cells that arguments are made of live as long as the test program; a test makes few.
agg_cell *new_cells(size_t count) {
	static std::deque<std::vector<agg_cell>> kept;
	kept.emplace_back(std::max<size_t>(count, 1));
	return kept.back().data();
}

std::vector<agg_cell> bar_cells(int64_t start, const SourceBar &bar) {
	return {number_cell(start),   real_cell(bar.open), real_cell(bar.high), real_cell(bar.low),
	        real_cell(bar.close), real_cell(bar.vol),  real_cell(bar.vwap), maybe_number(bar.trade_count)};
}

} // namespace

bool StoredBar::operator==(const StoredBar &other) const {
	return bar.open == other.bar.open && bar.high == other.bar.high && bar.low == other.bar.low && bar.close == other.bar.close &&
	       bar.vol == other.bar.vol && bar.vwap == other.bar.vwap && bar.trade_count == other.bar.trade_count &&
	       source_timeframe == other.source_timeframe && candles == other.candles && expected == other.expected &&
	       quality == other.quality && version == other.version;
}

agg_argument text_argument(const char *name, const char *text) {
	agg_cell *cell = new_cells(1);
	cell->as.text = text;
	cell->length = static_cast<int32_t>(std::strlen(text));
	return {name, {AGG_TEXT, false, cell, 1}};
}
agg_argument integer_argument(const char *name, int64_t value, agg_type type) {
	agg_cell *cell = new_cells(1);
	*cell = number_cell(value);
	return {name, {type, false, cell, 1}};
}
agg_argument time_argument(const char *name, Timestamp value) {
	return integer_argument(name, value.us, AGG_TIMESTAMPTZ);
}
agg_argument null_argument(const char *name, agg_type type) {
	agg_cell *cell = new_cells(1);
	*cell = null_cell_();
	return {name, {type, false, cell, 1}};
}
agg_argument texts_argument(const char *name, const std::vector<std::string> &texts) {
	static std::deque<std::vector<std::string>> kept;
	kept.push_back(texts);
	agg_cell *cells = new_cells(texts.size());
	for (size_t i = 0; i < texts.size(); ++i)
		cells[i] = text_cell(kept.back()[i]);
	return {name, {AGG_TEXT, true, cells, texts.size()}};
}

void FakeDatabase::add_minutes(const std::string &symbol, Timestamp from, int64_t minutes, double price) {
	for (int64_t n = 0; n < minutes; ++n) {
		const Timestamp t = from + Duration::minutes(n);
		const double p = price + static_cast<double>(n % 17) / 100;
		tables.data_bars[{symbol, "1m", t.us}] = {
		    .start = t, .open = p, .high = p + 0.5, .low = p - 0.5, .close = p + 0.1, .vol = 1.0, .vwap = p, .trade_count = n % 3};
	}
}

void FakeDatabase::add_task(const std::string &symbol, const std::string &timeframe, Timestamp start) {
	StoredTask task;
	task.start = start;
	task.interval = Timeframe::parse(timeframe)->width().us / Duration::minutes(1).us;
	task.place = ++tables.last_place;
	tables.tasks[{symbol, timeframe}] = task;
	tables.assets[symbol] = true;
}

void FakeDatabase::deliver(agg_operation *operation, const agg_request &request, const std::vector<std::vector<agg_cell>> &rows) {
	size_t done = 0;
	while (done < rows.size()) {
		const size_t batch = std::min<size_t>(rows.size() - done, random_() % 7 + 1);
		std::vector<agg_cell> cells;
		for (size_t i = done; i < done + batch; ++i) {
			ASSERT_EQ(rows[i].size(), request.column_count) << request.sql;
			cells.insert(cells.end(), rows[i].begin(), rows[i].end());
		}
		if (!agg_operation_rows(operation, cells.data(), batch))
			return;
		done += batch;
	}
}

bool FakeDatabase::run_query(const agg_request &request, agg_operation *operation, uint64_t &processed) {
	const std::string relation = request.relation == nullptr ? "" : request.relation;
	const bool derived = relation == "derived_data_bars";
	std::vector<std::vector<agg_cell>> rows;
	const auto live = [&](const std::string &symbol, const std::string &timeframe, int64_t from, int64_t to, auto each) {
		const BarKey first {symbol, timeframe, from};
		if (derived) {
			for (auto i = tables.derived.lower_bound(first); i != tables.derived.end() && i->first < BarKey {symbol, timeframe, to}; ++i)
				each(std::get<2>(i->first), i->second.bar, &i->second);
		} else {
			for (auto i = tables.data_bars.lower_bound(first); i != tables.data_bars.end() && i->first < BarKey {symbol, timeframe, to};
			     ++i)
				each(std::get<2>(i->first), i->second, static_cast<const StoredBar *>(nullptr));
		}
	};
	const size_t keys = request.parameter_count > 0 ? request.parameters[0].count : 0;

	if (run_late_query(request, rows, processed)) {
		// known
	} else if (has(request, "LOCK TABLE")) {
		// nobody else is there
	} else if (relation == "agg_registry_sync") {
		// Nothing was ever synced.
	} else if (relation == "agg_indexes") {
		static const std::vector<std::pair<std::string, double>> components {{"EURUSD", -0.576}, {"USDJPY", 0.136}, {"GBPUSD", -0.119},
		                                                                     {"USDCAD", 0.091},  {"USDSEK", 0.042}, {"USDCHF", 0.036}};
		static const std::string symbol = "DXY";
		for (const auto &[component, exponent] : components)
			rows.push_back({text_cell(symbol), real_cell(50.14348112), number_cell(8), number_cell(0), text_cell(component),
			                real_cell(exponent), null_cell_(), null_cell_()});
	} else if (relation == "data_agg_state" || relation == "core_asset_registry_all" || relation == "ops_runlog" || relation.empty()) {
		if (!run_task_query(request, rows, processed))
			return false;
	} else if (has(request, "LIMIT 1) b")) { // first or last bar
		const bool last = has(request, "DESC");
		for (size_t k = 0; k < keys; ++k) {
			std::optional<int64_t> found;
			const int64_t from = parameter(request, 2, k).as.integer;
			const int64_t to = last ? parameter(request, 3, k).as.integer : INT64_MAX;
			live(text_of(parameter(request, 0, k)), text_of(parameter(request, 1, k)), from, to,
			     [&](int64_t start, const SourceBar &, const StoredBar *) { found = last || !found ? start : *found; });
			if (found)
				rows.push_back({number_cell(static_cast<int64_t>(k) + 1), number_cell(*found)});
		}
	} else if (has(request, "SELECT count(*) FROM unnest")) { // what was written can be read
		int64_t found = 0;
		for (size_t k = 0; k < keys; ++k) {
			const BarKey key {text_of(parameter(request, 0, k)), text_of(parameter(request, 2)), parameter(request, 1, k).as.integer};
			found += static_cast<int64_t>(derived ? tables.derived.count(key) : tables.dxy.count(key));
		}
		rows.push_back({number_cell(found)});
	} else if (has(request, "UPDATE x.derived_data_bars d SET deleted_at")) {
		for (size_t k = 0; k < request.parameters[4].count; ++k)
			processed +=
			    tables.derived.erase({text_of(parameter(request, 0)), text_of(parameter(request, 1)), parameter(request, 4, k).as.integer});
	} else if (has(request, "SELECT d.ts_utc, d.close")) {
		live(text_of(parameter(request, 0)), "1m", parameter(request, 1).as.integer, parameter(request, 2).as.integer,
		     [&](int64_t start, const SourceBar &bar, const StoredBar *) {
			     rows.push_back({number_cell(start), real_cell(bar.close)});
		     });
	} else if (relation == "data_bars" && has(request, "'synthetic'")) { // stored index
		for (const auto &[key, value] : tables.dxy) {
			const int64_t start = std::get<2>(key);
			if (start >= parameter(request, 1).as.integer && start < parameter(request, 2).as.integer)
				rows.push_back({number_cell(start), real_cell(value), real_cell(value), real_cell(value), real_cell(value), number_cell(1),
				                number_cell(0)});
		}
	} else if (has(request, "d.deleted_at IS NOT NULL")) {
		// Deleted bars are gone here.
	} else if (has(request, "d.ts_utc, d.open")) { // source or stored bars, one range or many
		const bool many = request.parameters[0].is_array;
		const bool stored = has(request, "d.source_candles");
		for (size_t k = 0; k < (many ? keys : 1); ++k) {
			live(text_of(parameter(request, 0, k)), text_of(parameter(request, 1, k)), parameter(request, 2, k).as.integer,
			     parameter(request, 3, k).as.integer, [&](int64_t start, const SourceBar &bar, const StoredBar *more) {
				     auto cells = bar_cells(start, bar);
				     if (stored)
					     for (const int64_t value : {more->candles, more->expected, more->quality, more->version,
					                                 static_cast<int64_t>(more->source_timeframe == text_of(parameter(request, 4, k)))})
						     cells.push_back(number_cell(value));
				     if (many)
					     cells.push_back(number_cell(static_cast<int64_t>(k) + 1));
				     rows.push_back(std::move(cells));
			     });
		}
	} else {
		ADD_FAILURE() << "a statement that the fake does not know: " << request.sql;
		return false;
	}
	deliver(operation, request, rows);
	return true;
}

bool FakeDatabase::run_bulk_write(const agg_request &request, agg_operation *operation, uint64_t &processed) {
	const size_t given = request.column_count - request.stamped_count;
	const size_t varying = given - request.constant_count;
	std::vector<agg_cell> cells(varying * 5);
	std::map<BarKey, StoredBar> fresh;
	std::map<BarKey, double> fresh_dxy;
	failure_ = "23505";
	while (const size_t rows = agg_operation_fill(operation, cells.data(), random_() % 5 + 1)) {
		for (size_t i = 0; i < rows; ++i) {
			std::map<std::string, agg_cell> row;
			for (size_t c = 0; c < given; ++c)
				row[request.column_names[c]] = c < varying ? cells[i * varying + c] : request.constants[c - varying];
			const BarKey key {text_of(row["canonical_symbol"]), text_of(row["timeframe"]), row["ts_utc"].as.integer};
			if (poison.contains(text_of(row["canonical_symbol"]))) {
				failure_ = poison.at(text_of(row["canonical_symbol"]));
				return false;
			}
			if (std::string(request.relation) == "data_bars") {
				fresh_dxy[key] = row["close"].as.real;
			} else {
				fresh[key] = {{{std::get<2>(key)},
				               real_of(row["open"]),
				               real_of(row["high"]),
				               real_of(row["low"]),
				               real_of(row["close"]),
				               real_of(row["vol"]),
				               real_of(row["vwap"]),
				               number_of(row["trade_count"])},
				              text_of(row["source_timeframe"]),
				              row["source_candles"].as.integer,
				              row["expected_candles"].as.integer,
				              row["quality_score"].as.integer,
				              row["derivation_version"].as.integer};
			}
			++processed;
		}
	}
	for (const auto &[key, bar] : fresh) {
		if (request.conflict != nullptr)
			tables.derived.erase(key);
		else if (tables.derived.contains(key))
			return false; // a unique violation: all or none
	}
	for (const auto &[key, value] : fresh_dxy) {
		if (request.conflict != nullptr)
			tables.dxy.erase(key);
		else if (tables.dxy.contains(key))
			return false;
	}
	tables.derived.merge(fresh);
	tables.dxy.merge(fresh_dxy);
	return true;
}

void FakeDatabase::mark_again() {
	tables.dirty.insert(tables.dirty.end(), tables.again.begin(), tables.again.end());
	tables.again.clear();
}

Ending FakeDatabase::call(agg_function function, const std::vector<agg_argument> &arguments, const Fault &fault) {
	random_.seed(seed);
	Ending ending;
	const agg_context context {{"x", nullptr, 0}, now.us, fixed_snapshot, "9.9", calendars.get(), AGG_READ_AS_CHEAPER};
	agg_operation *operation = agg_operation_new(function, &context, arguments.data(), arguments.size());
	if (operation == nullptr) {
		ending.kind = AGG_FAILED;
		ending.sqlstate = "53200";
		return ending;
	}
	// Copied only where it will be needed: tables of a year are large.
	const bool may_be_abandoned = fault.kind == Fault::Kind::abandon;
	Tables committed = may_be_abandoned ? tables : Tables();
	agg_outcome outcome {};
	outcome.clock = now.us;
	outcome.own_changes = own_changes;
	outcome.own_tasks = own_tasks;
	agg_request request {};
	agg_error error {};
	std::vector<Tables> savepoints;
	int bulk_writes = 0;
	bool broken = false;
	for (;;) {
		agg_operation_resume(operation, &outcome, &request);
		outcome = {};
		now = now + clock_step;
		outcome.clock = now.us;
		EXPECT_TRUE(!broken || request.kind == AGG_ROLLBACK_SUBTRANSACTION || request.kind == AGG_FAILED_BY_DATABASE ||
		            request.kind == AGG_FAILED)
		    << "after a failed request only a roll back is possible";
		const bool data = request.kind == AGG_QUERY || request.kind == AGG_BULK_WRITE;
		const bool now_faulty =
		    fault.kind != Fault::Kind::none && data &&
		    (fault.bulk_only ? request.kind == AGG_BULK_WRITE && request.conflict == nullptr && bulk_writes++ == fault.at
		                     : ending.requests == fault.at);
		if (meanwhile && request.kind < AGG_DONE && ending.requests == meanwhile_at)
			meanwhile();
		if (request.kind < AGG_DONE)
			++ending.requests;
		if (now_faulty && (fault.kind == Fault::Kind::abandon || savepoints.empty())) {
			ending.kind = AGG_FAILED_BY_DATABASE;
			if (may_be_abandoned)
				tables = committed;
			break;
		}
		if (now_faulty) {
			error = {fault.sqlstate, "made to fail", nullptr, nullptr, nullptr, nullptr};
			outcome.error = &error;
			broken = true;
			ending.log.emplace_back("fault");
			continue;
		}
		if (request.kind == AGG_QUERY) {
			ending.log.push_back(std::string("query ") + (request.relation == nullptr ? "" : request.relation));
			if (!run_query(request, operation, outcome.processed))
				break;
		} else if (request.kind == AGG_BULK_WRITE) {
			ending.log.emplace_back(request.conflict == nullptr ? "bulk" : "put");
			if (!run_bulk_write(request, operation, outcome.processed)) {
				EXPECT_FALSE(savepoints.empty()) << "a bulk write outside a subtransaction cannot be survived";
				error = {failure_.c_str(), "refused", nullptr, nullptr, nullptr, nullptr};
				outcome.error = &error;
				broken = true;
			}
		} else if (request.kind == AGG_BEGIN_SUBTRANSACTION) {
			ending.log.emplace_back("begin");
			savepoints.push_back(tables);
		} else if (request.kind == AGG_RELEASE_SUBTRANSACTION || request.kind == AGG_ROLLBACK_SUBTRANSACTION) {
			ending.log.emplace_back(request.kind == AGG_RELEASE_SUBTRANSACTION ? "release" : "rollback");
			EXPECT_FALSE(savepoints.empty());
			if (request.kind == AGG_ROLLBACK_SUBTRANSACTION)
				tables = savepoints.back();
			savepoints.pop_back();
			broken = false;
		} else if (request.kind == AGG_COMMIT || request.kind == AGG_COMMIT_LAZILY) {
			EXPECT_TRUE(savepoints.empty()) << "a commit inside a subtransaction";
			ending.log.emplace_back("commit");
			mark_again();
			if (may_be_abandoned)
				committed = tables;
		} else if (request.kind == AGG_PROGRESS || request.kind == AGG_NOTICE || request.kind == AGG_WAKE_WORKER) {
			ending.log.emplace_back(request.kind == AGG_PROGRESS ? "progress" : request.kind == AGG_NOTICE ? "notice" : "wake");
		} else if (request.kind == AGG_ASK_CHUNKS) {
			outcome.processed = 0;
		} else if (request.kind == AGG_ASK_PAGES) {
			const std::string_view relation = request.relation;
			outcome.processed = relation == "agg_dirty_ranges"    ? tables.dirty.size()
			                    : relation == "agg_sealed_ranges" ? tables.sealed.size()
			                                                      : 0;
		} else if (request.kind == AGG_BEGIN_RUNNING || request.kind == AGG_ASK_RUNNING) {
			outcome.runners = runners;
		} else if (request.kind == AGG_ASK_DUE) {
			outcome.due = next_due.us;
		} else if (request.kind == AGG_NOTE_DUE || request.kind == AGG_LOOK_AHEAD) {
			ending.log.emplace_back(request.kind == AGG_NOTE_DUE ? "note due" : "look ahead");
		} else if (request.kind == AGG_ASK_PASS) {
			outcome.processed = request.most;
		} else if (request.kind == AGG_BEGIN_ABSORBING || request.kind == AGG_ASK_ABSORBING) {
			ending.log.emplace_back(request.kind == AGG_BEGIN_ABSORBING ? "absorb own" : "ask");
			outcome.others = {false, Timestamp::infinity().us, Timestamp::minus_infinity().us};
		} else if (request.kind == AGG_BEGIN_DERIVING || request.kind == AGG_ASK_DERIVING) {
			ending.log.emplace_back(request.kind == AGG_BEGIN_DERIVING ? "derive" : "ask");
			outcome.others = others.value_or(agg_derivers {false, Timestamp::infinity().us, Timestamp::minus_infinity().us});
		} else if (request.kind == AGG_LOOK_AGAIN) {
			ending.log.emplace_back("look again");
			for (size_t i = 0; i < request.row_count; ++i) {
				const agg_cell *row = request.cells + i * request.column_count;
				tables.again.push_back({text_of(row[0]), text_of(row[1]), {row[2].as.integer}, {row[3].as.integer}, 0, text_of(row[4])});
			}
		} else if (request.kind == AGG_TAKE_CHANGES) {
			ending.log.emplace_back("take changes"); // its source is not tracked
		} else if (request.kind == AGG_OWN_CHANGES) {
			own_changes = true;
		} else if (request.kind == AGG_EMIT_ROWS) {
			ending.emitted_rows += static_cast<int>(request.row_count);
		} else {
			ending.kind = request.kind;
			if (request.kind == AGG_DONE) {
				mark_again();
				EXPECT_TRUE(savepoints.empty()) << "done inside a subtransaction";
				if (request.result_type == AGG_TEXT && request.result.as.text != nullptr)
					ending.json = text_of(request.result);
				else if (request.result_type == AGG_TIMESTAMPTZ)
					ending.timestamp = Timestamp {request.result.as.integer};
			} else if (request.kind == AGG_FAILED) {
				ending.sqlstate = request.error.sqlstate;
				ending.message = request.error.message;
				ending.hint = request.error.hint == nullptr ? "" : request.error.hint;
			}
			break;
		}
	}
	agg_operation_free(operation);
	return ending;
}

} // namespace aggregation
