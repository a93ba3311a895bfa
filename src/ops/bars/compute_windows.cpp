#include "ops/bars/compute_windows.hpp"

#include "ops/bars/source_slice.hpp"
#include "ops/bars/window_fold.hpp"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>

namespace aggregation {

namespace {

/// Folds rows that come read by read, and in each by time.
class ByKey : public SourceBarSink {
public:
	ByKey(std::vector<Segment> &segments, const std::vector<SharedRead> &reads) : segments_(segments), reads_(reads) {
		windows_.reserve(segments.size()); // where a batch is of many tasks, each has one
	}

	Flow take(size_t read, const SourceBar &bar) override {
		if (!fold_ || read != read_)
			begin(read);
		if (!fold_->in_order(bar))
			refuse();
		const bool wanted = fold_->take(bar, windows_);
		return wanted || read + 1 < reads_.size() ? Flow::more : Flow::enough;
	}

	std::vector<ComputedWindow> finish() {
		end();
		return std::move(windows_);
	}

private:
	[[noreturn]] static void refuse() {
		throw Error(sqlstate::internal_error, "source bars arrived out of order", "Please report this as a bug.");
	}
	void begin(size_t read) {
		if (read >= reads_.size() || (fold_ && read < read_))
			refuse();
		end();
		read_ = read;
		fold_.emplace(segments_, reads_[read]);
	}
	void end() {
		if (fold_)
			fold_->finish(windows_);
		fold_.reset();
	}

	std::vector<Segment> &segments_;
	const std::vector<SharedRead> &reads_;
	std::vector<ComputedWindow> windows_;
	std::optional<SharedFold> fold_;
	size_t read_ = 0;
};

/// Which of some symbols a row is of: thousands of rows ask in no order, so what is looked at lies together.
class SymbolTable {
public:
	static constexpr uint32_t none = std::numeric_limits<uint32_t>::max();

	explicit SymbolTable(size_t symbols) : slots_(std::bit_ceil(2 * symbols + 1)) {
	}
	/// The value of the symbol, to be set where it is `none`.
	uint32_t &operator[](std::string_view symbol) {
		Slot &slot = find(symbol);
		slot.symbol = symbol;
		return slot.value;
	}
	uint32_t at(std::string_view symbol) {
		return find(symbol).value;
	}

private:
	struct Slot {
		std::string_view symbol;
		uint32_t value = none;
	};
	Slot &find(std::string_view symbol) {
		const size_t mask = slots_.size() - 1;
		size_t i = std::hash<std::string_view> {}(symbol)&mask;
		while (slots_[i].value != none && slots_[i].symbol != symbol)
			i = (i + 1) & mask;
		return slots_[i];
	}

	std::vector<Slot> slots_;
};

/// Folds rows that come in any order, as long as those of a read come by time: where they do not, that read has to be read again by key.
class ByTime : public SliceSink {
public:
	/// `which` of the reads the slice holds.
	ByTime(std::vector<Segment> &segments, const std::vector<SharedRead> &reads, const std::vector<size_t> &which)
	    : segments_(segments), reads_(reads), plans_(segments), first_of_(which.size()) {
		folds_.reserve(which.size());
		for (const size_t read : which) {
			uint32_t &first = first_of_[reads[read].read.symbol];
			folds_.push_back({reads[read].read.from, reads[read].read.to, first, false, SharedFold(segments, reads[read]), read, {}});
			first = static_cast<uint32_t>(folds_.size() - 1);
		}
	}

	void take(std::string_view symbol, const SourceBar &bar) override {
		for (uint32_t i = first_of_.at(symbol); i != SymbolTable::none; i = folds_[i].next) {
			Fold &fold = folds_[i];
			if (bar.start < fold.from || bar.start >= fold.to || fold.disordered)
				continue;
			if (fold.rows.in_order(bar))
				fold.rows.take(bar, fold.windows);
			else
				fold.disordered = true;
		}
	}

	/// Adds windows in the order of the reads; returns those reads that came in disorder, as if nobody had read them.
	std::vector<size_t> finish(std::vector<ComputedWindow> &windows) {
		std::vector<size_t> again;
		for (auto &fold : folds_) {
			if (fold.disordered) {
				again.push_back(fold.read);
				const SharedRead &shared = reads_[fold.read];
				plans_.restore(segments_, shared.first, shared.first + shared.segments);
				continue;
			}
			windows.insert(windows.end(), fold.windows.begin(), fold.windows.end());
			fold.rows.finish(windows);
		}
		return again;
	}

private:
	struct Fold {
		Timestamp from;
		Timestamp to;
		uint32_t next; // fold of the same symbol
		bool disordered;
		SharedFold rows;
		size_t read;
		std::vector<ComputedWindow> windows; // that have ended
	};

	std::vector<Segment> &segments_;
	const std::vector<SharedRead> &reads_;
	SavedPlans plans_;
	std::vector<Fold> folds_;
	SymbolTable first_of_;
};

std::vector<SourceRead> reads_of(const std::vector<SharedRead> &shared) {
	std::vector<SourceRead> reads;
	reads.reserve(shared.size());
	for (const auto &one : shared)
		reads.push_back(one.read);
	return reads;
}

/// `reads`: those of `shared`.
Op<std::vector<ComputedWindow>> fold_by_key(Database &db, std::vector<Segment> &segments, const std::vector<SharedRead> &shared,
                                            std::vector<SourceRead> reads) {
	ByKey folds(segments, shared);
	co_await read_source_bars(db, std::move(reads), folds);
	co_return folds.finish();
}

Op<std::vector<ComputedWindow>> fold_by_time(Database &db, std::vector<Segment> &segments, const std::vector<SharedRead> &shared,
                                             const SourceSlice slice) {
	std::vector<size_t> inside;
	std::vector<size_t> by_key;
	for (size_t i = 0; i < shared.size(); ++i)
		(slice.holds(shared[i].read) ? inside : by_key).push_back(i);
	std::vector<ComputedWindow> windows;
	windows.reserve(segments.size());
	ByTime folds(segments, shared, inside);
	co_await read_slice(db, slice, folds);
	const auto again = folds.finish(windows);
	by_key.insert(by_key.end(), again.begin(), again.end());
	if (by_key.empty())
		co_return windows;
	std::sort(by_key.begin(), by_key.end());
	std::vector<SharedRead> rest;
	for (const size_t i : by_key)
		rest.push_back(shared[i]);
	const auto others = co_await fold_by_key(db, segments, rest, reads_of(rest));
	const auto middle = static_cast<ptrdiff_t>(windows.size());
	windows.insert(windows.end(), others.begin(), others.end());
	std::inplace_merge(windows.begin(), windows.begin() + middle, windows.end(),
	                   [](const ComputedWindow &a, const ComputedWindow &b) { return a.segment < b.segment; });
	co_return windows;
}

} // namespace

Op<std::vector<ComputedWindow>> compute_windows(Database &db, std::vector<Segment> &segments) {
	const auto shared = shared_reads(segments);
	auto reads = reads_of(shared);
	const auto slice = co_await cheaper_slice(db, reads);
	if (slice)
		co_return co_await fold_by_time(db, segments, shared, *slice);
	co_return co_await fold_by_key(db, segments, shared, std::move(reads));
}

} // namespace aggregation
