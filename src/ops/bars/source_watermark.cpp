#include "ops/bars/source_watermark.hpp"

#include "ops/bars/source_probe.hpp"

#include <algorithm>
#include <utility>

namespace aggregation {

Op<std::vector<Timestamp>> source_watermarks(Database &db, const std::vector<Task> &tasks) {
	std::vector<Timestamp> watermarks(tasks.size(), Timestamp::infinity());

	// One round for each level of the chain: which task writes the source, and what has that task still to read?
	struct Link {
		size_t task; // whose watermark this link may lower
		TaskKey key;
		Grid source;
	};
	std::vector<Link> level;
	for (size_t i = 0; i < tasks.size(); ++i) {
		if (!tasks[i].source.ingested())
			level.push_back({i, tasks[i].key, tasks[i].source});
	}

	for (;;) {
		std::vector<size_t> owners;
		std::vector<TaskKey> writers;
		for (const auto &link : level) {
			if (!link.source.ingested()) {
				owners.push_back(link.task);
				writers.push_back({link.key.symbol, link.source.name()});
			}
		}
		if (writers.empty())
			break;
		const auto found = co_await read_tasks(db, writers);
		level.clear();
		std::vector<SourceProbe> probes;
		for (size_t i = 0; i < found.size(); ++i) {
			if (!found[i])
				continue;
			level.push_back({owners[i], writers[i], found[i]->source});
			probes.push_back({found[i]->key.symbol, found[i]->source, found[i]->effective_cursor()});
		}
		const auto pending = co_await first_bars(db, probes);
		for (size_t i = 0; i < pending.size(); ++i) {
			if (pending[i])
				watermarks[level[i].task] = std::min(watermarks[level[i].task], *pending[i]);
		}
	}
	co_return watermarks;
}

} // namespace aggregation
