// The tasks that a call has worked on.
#pragma once

#include "ops/tasks/tasks.hpp"

#include <cstddef>
#include <iterator>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

namespace aggregation {

/// Those of one list of due tasks are different ones: they are sorted in only once somebody asks about the next.
class SeenTasks {
public:
	bool empty() const {
		return fresh_.empty() && known_.empty();
	}
	void add(TaskKey key) {
		fresh_.push_back(std::move(key));
	}
	bool contains(const TaskKey &key) {
		sort_in();
		return known_.contains(key);
	}
	/// Whether any task of it is among them.
	bool contains_symbol(const std::string &symbol) {
		sort_in();
		if (symbols_.empty()) {
			for (const auto &key : known_)
				symbols_.insert(key.symbol);
		}
		return symbols_.contains(symbol);
	}
	size_t size() {
		if (!known_.empty())
			sort_in();
		return known_.empty() ? fresh_.size() : known_.size();
	}

private:
	void sort_in() {
		known_.insert(std::make_move_iterator(fresh_.begin()), std::make_move_iterator(fresh_.end()));
		if (!fresh_.empty())
			symbols_.clear();
		fresh_.clear();
	}

	std::vector<TaskKey> fresh_;
	std::unordered_set<TaskKey, TaskKeyHash> known_;
	std::unordered_set<std::string> symbols_; // of known_, once somebody has asked
};

} // namespace aggregation
