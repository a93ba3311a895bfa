#include "ops/marks/change_capture.h"

#include "core/change_set.hpp"
#include "core/symbol.hpp"

#include <memory>

using namespace aggregation;

struct agg_changes {
	ChangeSet set;
	std::vector<SymbolChange> listed;
};

namespace {

// A feed's transactions are alike: without this each would begin with memory that the kernel has to clear first, which is a third of the
// price of noting ten thousand symbols.
std::unique_ptr<agg_changes> spare;

/// Nothing but memory can fail here.
template <class Work>
bool succeeds(Work work) noexcept {
	try {
		work();
		return true;
	} catch (...) {
		return false;
	}
}

} // namespace

agg_changes *agg_changes_new() noexcept {
	agg_changes *changes = spare.release();
	if (changes == nullptr)
		(void)succeeds([&] { changes = new agg_changes; });
	return changes;
}

void agg_changes_free(agg_changes *changes) noexcept {
	changes->set.clear();
	changes->listed = {};
	spare.reset(changes);
}

bool agg_changes_add_bar(agg_changes *changes, const char *symbol, size_t symbol_length, int64_t time) noexcept {
	// No task can exist for it (see symbol.hpp), and the feed must not fail by it.
	if (symbol_length > longest_symbol)
		return true;
	return succeeds([&] { changes->set.add_bar({symbol, symbol_length}, {time}); });
}

bool agg_changes_add_tick(agg_changes *changes, const char *symbol, size_t symbol_length, int64_t time) noexcept {
	if (symbol_length > longest_symbol)
		return true;
	return succeeds([&] { changes->set.add_minute({symbol, symbol_length}, {time}); });
}

bool agg_changes_add_range(agg_changes *changes, const agg_changed_range *range) noexcept {
	if (range->symbol_length > longest_symbol)
		return true;
	return succeeds([&] { changes->set.add_range({range->symbol, range->symbol_length}, {{range->from}, {range->to}, range->rows}); });
}

bool agg_changes_merge(agg_changes *into, const agg_changes *from) noexcept {
	return succeeds([&] { into->set.merge(from->set); });
}

static bool begin_list(agg_changes *changes, size_t most_of_symbol, size_t *count) noexcept {
	return succeeds([&] {
		changes->listed = changes->set.list(most_of_symbol);
		*count = changes->listed.size();
	});
}

bool agg_changes_begin_list(agg_changes *changes, size_t *count) noexcept {
	return begin_list(changes, most_ranges_of_symbol, count);
}

bool agg_changes_begin_exact_list(agg_changes *changes, size_t *count) noexcept {
	return begin_list(changes, any_number_of_ranges, count);
}

agg_changed_range agg_changes_listed(const agg_changes *changes, size_t i) noexcept {
	const SymbolChange &change = changes->listed[i];
	return {change.symbol->data(), change.symbol->size(), change.range.from.us, change.range.to.us, change.range.rows};
}
