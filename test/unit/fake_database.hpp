// A database in memory that drives an operation the way the C shim does: it knows the statements of src/ops by their words, hands rows over
// in batches of random size, and can fail at any request.
#pragma once

#include "core/bar.hpp"
#include "core/timeframe.hpp"
#include "ops/boundary/operation.h"

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <tuple>
#include <vector>

namespace aggregation {

using BarKey = std::tuple<std::string, std::string, int64_t>; // symbol, timeframe, start

struct StoredBar {
	SourceBar bar;
	std::string source_timeframe;
	int64_t candles = 0;
	int64_t expected = 0;
	int64_t quality = 0;
	int64_t version = 0;
	bool operator==(const StoredBar &other) const;
};

struct StoredTask {
	std::optional<std::string> source;
	int64_t interval = 5;
	int64_t delay = 30;
	Timestamp start {};
	std::optional<Timestamp> cursor {};
	int64_t created = 0;
	int64_t runs = 0;
	std::string status = "idle";
	bool enabled = true;
	bool mandatory = true;
	int64_t priority = 100;
	int64_t streak = 0;
	std::optional<std::string> last_error {};
	std::optional<Timestamp> next_run {};
	std::optional<Timestamp> last_success {};
	std::optional<Timestamp> running_since {};
	std::optional<std::string> token {};
	bool freeze = false;
	int64_t version = 1;
	int64_t late_rows = 0;
	int64_t refused_rows = 0;
	int64_t place = 0; // changes with each write
};

struct DirtyRow {
	std::string symbol;
	std::string timeframe;
	Timestamp from;
	Timestamp to;
	int64_t rows = 0;
	std::string due = "now";
};

struct ChangeRow {
	std::string symbol; // in tables.sealed, empty: all symbols
	Timestamp from;
	Timestamp to;
	int64_t rows = 0;
};

struct Tables {
	std::map<BarKey, SourceBar> data_bars;
	std::map<BarKey, StoredBar> derived;
	std::map<std::pair<std::string, std::string>, StoredTask> tasks;
	std::map<BarKey, double> dxy;       // what was written back to data_bars
	std::map<std::string, bool> assets; // symbol -> active
	std::vector<ChangeRow> change_log;
	std::vector<DirtyRow> dirty;
	std::vector<DirtyRow> refused;
	std::vector<ChangeRow> sealed;
	std::vector<DirtyRow> again; // marked when the transaction commits
	int64_t last_place = 0;
};

/// What the operation ended with.
struct Ending {
	agg_request_kind kind = AGG_DONE;
	std::string json;
	std::optional<Timestamp> timestamp;
	std::string sqlstate;
	std::string message;
	std::string hint;
	int requests = 0;
	std::vector<std::string> log; // "query derived_data_bars", "bulk", "begin", ...
	int emitted_rows = 0;
};

/// What goes wrong, and when: at request number `at` (from 0).
struct Fault {
	enum class Kind {
		none,
		abandon,      // the server raised an error: the operation is destroyed while it is suspended
		error_outcome // inside a subtransaction: the error comes back; outside one it is the same as abandon
	};
	Kind kind = Kind::none;
	int at = 0;
	const char *sqlstate = "23505";
	bool bulk_only = false; // count bulk writes alone
};

class FakeDatabase {
public:
	Tables tables;
	Timestamp now {};
	Duration clock_step {};      // how far the clock goes on with each request
	bool fixed_snapshot = false; // REPEATABLE READ
	std::shared_ptr<agg_calendar_cache> calendars {agg_calendar_cache_new(), agg_calendar_cache_free};
	bool own_changes = false;
	bool own_tasks = false;
	std::optional<agg_derivers> others {}; // who else is deriving; not set: nobody
	agg_runners runners {};                // who else runs tasks
	Timestamp next_due = Timestamp::minus_infinity();
	unsigned seed = 1;
	std::function<void()> meanwhile; // what another session commits just before request number meanwhile_at (from 0) of each call
	int meanwhile_at = -1;
	std::map<std::string, std::string> poison; // symbols whose bars cannot be written -> the SQLSTATE

	void add_minutes(const std::string &symbol, Timestamp from, int64_t minutes, double price = 1.0);
	void add_task(const std::string &symbol, const std::string &timeframe, Timestamp start);

	Ending call(agg_function function, const std::vector<agg_argument> &arguments, const Fault &fault = {});

private:
	bool run_query(const agg_request &request, agg_operation *operation, uint64_t &processed);
	bool run_bulk_write(const agg_request &request, agg_operation *operation, uint64_t &processed);
	bool run_task_query(const agg_request &request, std::vector<std::vector<agg_cell>> &rows, uint64_t &processed); // fake_tasks.cpp
	bool run_late_query(const agg_request &request, std::vector<std::vector<agg_cell>> &rows, uint64_t &processed); // fake_late_work.cpp
	void mark_again();
	void deliver(agg_operation *operation, const agg_request &request, const std::vector<std::vector<agg_cell>> &rows);

	std::mt19937 random_;
	std::deque<std::string> texts_; // that the rows of a query point to
	std::string failure_;           // of the last bulk write
};

// Arguments; the text of text_argument must outlive the call.
agg_argument text_argument(const char *name, const char *text);
agg_argument integer_argument(const char *name, int64_t value, agg_type type = AGG_INT4);
agg_argument time_argument(const char *name, Timestamp value);
agg_argument null_argument(const char *name, agg_type type);
agg_argument texts_argument(const char *name, const std::vector<std::string> &texts);

} // namespace aggregation
