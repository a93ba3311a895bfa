// agg_mend: has windows recomputed whose bars are not what their source says, as many at a time as the runs can bear.
#include "ops/functions/functions.hpp"

#include "ops/boundary/json.hpp"
#include "ops/marks/dirty_ranges.hpp"
#include "ops/marks/noted_changes.hpp"
#include "ops/proof/prove.hpp"

#include <deque>
#include <map>
#include <string>

namespace aggregation {

namespace {

/// Collects the windows of differences that nothing explains.
class Mender : public DifferenceSink {
public:
	Mender(const Indexes &indexes, int64_t most) : indexes_(indexes), most_(most) {
	}
	Op<Flow> take(const std::vector<Difference> differences) override {
		for (const auto &one : differences) {
			if (!one.explanation.empty())
				continue;
			if (!can_be_recomputed(one)) {
				++left_;
				continue;
			}
			RangeSet &known = windows_[one.key];
			if (known.holds(one.window))
				continue; // another column of the same bar
			if (marked_ == most_) {
				more_ = true;
				co_return Flow::enough;
			}
			known.add({one.window, one.window + Duration::minutes(1), 0});
			++marked_;
		}
		co_return Flow::more;
	}

	/// Marks bars to be looked at; minutes of an index by what they are made of.
	Op<void> mark(Database &db) {
		std::vector<TaskMark> marks;
		NotedChanges changes;
		std::deque<std::string> parts;
		for (const auto &[key, windows] : windows_) {
			if (key.timeframe != "1m") {
				marks.push_back({&key, {}});
				marks.back().ranges.now = windows;
				continue;
			}
			const auto &part = parts.emplace_back(indexes_.ingested_parts_of(key.symbol).front());
			for (const auto &range : windows.ranges())
				changes.add(part, {range.from, range.to});
		}
		co_await merge_dirty(db, std::move(marks));
		co_await note_changes(db, std::move(changes));
		if (marked_ > 0)
			co_await db.wake_worker();
	}

	std::string answer() const {
		return JsonObject()
		    .add("success", true)
		    .add("windows_marked", marked_)
		    .add("differences_left", left_)
		    .add("continue", more_)
		    .text();
	}

private:
	bool can_be_recomputed(const Difference &one) const {
		const bool is_kind = one.kind == "missing" || one.kind == "surplus" || one.kind == "differs" || one.kind == "stale_version";
		const bool is_made = one.key.timeframe != "1m" || !indexes_.ingested_parts_of(one.key.symbol).empty();
		return is_kind && is_made && one.window.finite();
	}

	const Indexes &indexes_;
	int64_t most_;
	int64_t marked_ = 0;
	int64_t left_ = 0;
	bool more_ = false;
	std::map<TaskKey, RangeSet> windows_;
};

} // namespace

Op<Answer> agg_mend(Database &db, Arguments arguments) {
	const auto asked = asked_by(arguments);
	const int64_t most = arguments.integer("p_max_windows");
	arguments.check_positive("p_max_windows", "Pass the maximum number of windows to recompute, such as 1000.");
	const auto indexes = co_await read_indexes(db);
	Mender mender(indexes, most);
	co_await prove(db, asked, mender);
	co_await mender.mark(db);
	co_return Answer::json(mender.answer());
}

} // namespace aggregation
