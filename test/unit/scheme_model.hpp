// The world of the scheme's model (scheme_model_test.cpp): what is stored, what a few transactions do to it step by step, and a walk
// through every interleaving of their steps.
#pragma once

#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <vector>

namespace scheme {

enum Rule : unsigned {
	log_is_kept_for_derivers = 1,  // an entry ahead of the cursor is marked while somebody derives
	log_is_kept_for_own = 2,       // ... and where the absorber itself has made the change
	unseen_tasks_look_again = 4,   // who derives a task that nobody else can see marks what it derived
	strays_are_looked_for = 8,     // at the frontier a bar without source goes
	changes_mark_above = 16,       // a bar that changes marks the hour above
	uncertain_look_again = 32,     // an hour that had not ended before all derivers began is looked at again
	tasks_are_locked = 64,         // at most one transaction derives a task
	marks_outlive_rollbacks = 128, // a mark goes with the commit of who took it, not when it is taken
	recent_tasks_look_again = 256, // what a task derives that a deriver at work may not have seen is looked at again
	own_absorbers_are_seen = 512,  // ... or one who has absorbed what he has changed himself
	unlooked_look_again = 1024,    // where a wide mark holds neither source nor bar nobody looks, but what is uncertain is looked at again
	tasks_above_are_latest = 2048  // who has an old snapshot looks for tasks above as of now
};
constexpr unsigned all_rules = 4095;

constexpr int processes = 4;
constexpr int nobody = -1;

/// A row's value, and what a transaction that has not ended makes of it. READ COMMITTED: others see the value.
struct Cell {
	int value = 0;
	int writer = nobody;
	int pending = 0;

	int seen_by(int tx) const {
		return writer == tx ? pending : value;
	}
	bool write(int tx, int to) {
		if (writer != nobody && writer != tx)
			return false; // the row is locked
		writer = tx;
		pending = to;
		return true;
	}
	void end(int tx, bool commit) {
		if (writer != tx)
			return;
		if (commit)
			value = pending;
		writer = nobody;
	}
};

/// Rows that come and go: entries of the log, marks.
struct Queue {
	struct Row {
		int by; // who has inserted it and not ended yet
		int taken;
	};
	std::vector<Row> rows;

	void add(int tx) {
		rows.push_back({tx, nobody});
	}
	/// Takes what is visible and not locked; whether there was any, and any of one's own.
	bool take(int tx, bool &own, bool for_good) {
		bool any = false;
		for (auto &row : rows) {
			if (row.taken != nobody || (row.by != nobody && row.by != tx))
				continue;
			any = true;
			own = own || row.by == tx;
			row.taken = tx;
		}
		if (for_good)
			std::erase_if(rows, [&](const Row &row) { return row.taken == tx; });
		return any;
	}
	void end(int tx, bool commit) {
		std::erase_if(rows, [&](const Row &row) { return commit ? row.taken == tx : row.by == tx; });
		for (auto &row : rows) {
			row.by = row.by == tx ? nobody : row.by;
			row.taken = row.taken == tx ? nobody : row.taken;
		}
		std::sort(rows.begin(), rows.end(), [](const Row &a, const Row &b) { return std::pair(a.by, a.taken) < std::pair(b.by, b.taken); });
	}
};

struct Process {
	int step = 0;
	bool over = false;
	bool ending = false;           // all that is left is to commit or to roll back
	bool passed = false;           // where the cursor was when it began to read
	bool began_after_hour = false; // the hour had ended when it began
	bool own = false;              // what it took was of its own
	bool made_task = false;
	bool others = false; // somebody derived when it asked
	bool took = false;
	bool certain = true;
	// It had begun when a run first saw that the task was new, of the five minutes and of the hour.
	bool began_before_five = false;
	bool began_before_hour = false;
	bool changed = false;
	int read = 0;
	// What one sees who has a snapshot of his own.
	bool old = false;
	bool old_marks = false;
	int old_minute = 0, old_five = 0, old_passed = 0, old_task = 0, old_hour_task = 0;
};

struct State {
	Cell minute, five, hour;                             // 0: not there
	Cell five_passed, hour_passed, five_task, hour_task; // the cursors are behind the window; the task is there
	Cell five_recent, hour_recent;                       // the task is new: 1, 2 when it is known since when everybody who begins knows it
	Queue log, five_marks, hour_marks;
	int five_lock = nobody, hour_lock = nobody;
	unsigned deriving = 0;
	unsigned absorbing_own = 0;
	bool ended = true;  // the hour, by the clock
	bool alone = false; // the hour has no other bars, and its marks are wide
	std::array<Process, processes> process;

	std::string key() const {
		std::string key;
		const auto add = [&](int n) { key += static_cast<char>('0' + n); };
		for (const Cell *cell : {&minute, &five, &hour, &five_passed, &hour_passed, &five_task, &hour_task, &five_recent, &hour_recent}) {
			add(cell->value);
			add(cell->writer + 1);
			add(cell->writer == nobody ? 0 : cell->pending);
		}
		for (const Queue *queue : {&log, &five_marks, &hour_marks}) {
			for (const auto &row : queue->rows) {
				add(row.by + 1);
				add(row.taken + 1);
			}
			key += '/';
		}
		add(five_lock + 1);
		add(hour_lock + 1);
		add(static_cast<int>(deriving));
		add(static_cast<int>(absorbing_own));
		add(ended);
		add(alone);
		for (const auto &p : process) {
			for (const int n : {p.step,
			                    static_cast<int>(p.over),
			                    static_cast<int>(p.ending),
			                    static_cast<int>(p.passed),
			                    static_cast<int>(p.began_after_hour),
			                    static_cast<int>(p.own),
			                    static_cast<int>(p.made_task),
			                    static_cast<int>(p.others),
			                    static_cast<int>(p.took),
			                    static_cast<int>(p.certain),
			                    static_cast<int>(p.began_before_five),
			                    static_cast<int>(p.began_before_hour),
			                    static_cast<int>(p.changed),
			                    p.read,
			                    static_cast<int>(p.old),
			                    static_cast<int>(p.old_marks),
			                    p.old_minute,
			                    p.old_five,
			                    p.old_passed,
			                    p.old_task,
			                    p.old_hour_task})
				add(n);
		}
		return key;
	}
};

enum class Kind {
	none,
	feed,
	absorber,
	five_runner,
	hour_runner,
	old_five_runner,
	five_maker,
	maker,
	hour_maker,
	hour_maker_and_runner,
	loader,
	clock
};
enum class Went { on, blocked, to_end, failed };

class Model {
public:
	explicit Model(unsigned rules, std::array<Kind, processes> kinds, int feed_value = 2)
	    : rules_(rules), kinds_(kinds), feed_value_(feed_value) {
	}

	/// Whether every interleaving ends with the truth.
	bool holds_from(State state) {
		for (int tx = 0; tx < processes; ++tx)
			state.process[static_cast<size_t>(tx)].over = kinds_[static_cast<size_t>(tx)] == Kind::none;
		seen_.clear();
		return explore(state);
	}
	size_t states() const {
		return seen_.size();
	}

private:
	bool has(Rule rule) const {
		return (rules_ & rule) != 0;
	}

	bool explore(const State &state) {
		if (!seen_.insert(state.key()).second)
			return true;
		bool anybody = false;
		for (int tx = 0; tx < processes; ++tx) {
			if (state.process[static_cast<size_t>(tx)].over)
				continue;
			State next = state;
			if (!state.process[static_cast<size_t>(tx)].ending) {
				const Went went = step(next, tx, kinds_[static_cast<size_t>(tx)]);
				if (went == Went::blocked)
					continue;
				anybody = true;
				if (went == Went::failed)
					end(next, tx, false);
				next.process[static_cast<size_t>(tx)].ending = went == Went::to_end;
				if (!explore(next))
					return false;
				continue;
			}
			anybody = true;
			for (const bool commit : {true, false}) {
				State after = next;
				end(after, tx, commit);
				if (!explore(after))
					return false;
			}
		}
		return anybody || ends_true(state); // whoever waits for one that waits for him does not exist here
	}

	static void end(State &state, int tx, bool commit) {
		for (Cell *cell : {&state.minute, &state.five, &state.hour, &state.five_passed, &state.hour_passed, &state.five_task,
		                   &state.hour_task, &state.five_recent, &state.hour_recent})
			cell->end(tx, commit);
		for (Queue *queue : {&state.log, &state.five_marks, &state.hour_marks})
			queue->end(tx, commit);
		state.five_lock = state.five_lock == tx ? nobody : state.five_lock;
		state.hour_lock = state.hour_lock == tx ? nobody : state.hour_lock;
		state.deriving &= ~(1U << static_cast<unsigned>(tx));
		state.absorbing_own &= ~(1U << static_cast<unsigned>(tx));
		state.process[static_cast<size_t>(tx)] = {};
		state.process[static_cast<size_t>(tx)].over = true;
	}

	/// Everybody works, one after the other, until nothing is left to do.
	bool ends_true(State state) {
		state.ended = true;
		for (int round = 0; round < 6; ++round) {
			for (const Kind kind : {Kind::absorber, Kind::five_runner, Kind::hour_runner}) {
				state.process[0] = {};
				Went went = Went::on;
				while (went == Went::on)
					went = step(state, 0, kind);
				end(state, 0, true);
			}
		}
		const bool pending = !state.log.rows.empty() || !state.five_marks.rows.empty() || !state.hour_marks.rows.empty();
		const bool five_right = state.five_task.value == 0 || state.five.value == state.minute.value;
		const bool hour_right =
		    state.hour_task.value == 0 || state.hour_passed.value == 0 || state.hour.value == hour_of(state, state.five.value);
		return !pending && five_right && hour_right;
	}

	static int hour_of(const State &state, int five) {
		return state.alone && five == 0 ? 0 : 10 + five;
	}

	Went step(State &state, int tx, Kind kind) {
		Process &p = state.process[static_cast<size_t>(tx)];
		if (p.step == 0)
			p.began_after_hour = state.ended;
		switch (kind) {
		case Kind::none:
			return Went::to_end;
		case Kind::clock:
			state.ended = true;
			return Went::to_end;
		case Kind::feed:
			return feed(state, tx, p);
		case Kind::absorber:
			return absorb(state, tx, p, p.step++);
		case Kind::five_runner:
			return derive_five(state, tx, p, p.step++);
		case Kind::hour_runner:
			return derive_hour(state, tx, p, p.step++);
		case Kind::old_five_runner:
			if (p.step++ == 0)
				return take_snapshot(state, p);
			return derive_five(state, tx, p, p.step - 2);
		case Kind::five_maker:
			return make_five(state, tx, p);
		case Kind::maker: // makes the task and runs it
			if (p.step == 0)
				return make_five(state, tx, p) == Went::blocked ? Went::blocked : Went::on;
			return derive_five(state, tx, p, p.step++ - 1);
		case Kind::hour_maker:
			return make_hour(state, tx, p);
		case Kind::hour_maker_and_runner:
			if (p.step == 0)
				return make_hour(state, tx, p) == Went::blocked ? Went::blocked : Went::on;
			return derive_hour(state, tx, p, p.step++ - 1);
		case Kind::loader: // changes source, and absorbs the log
			if (p.step++ == 0) {
				p.step = 0;
				if (feed(state, tx, p) == Went::blocked)
					return Went::blocked;
				p.step = 1;
				return Went::on;
			}
			return absorb(state, tx, p, p.step - 2);
		}
		return Went::to_end;
	}

	Went feed(State &state, int tx, Process &p) const {
		if (p.step > 0)
			return Went::to_end;
		if (!state.minute.write(tx, feed_value_))
			return Went::blocked;
		state.log.add(tx);
		++p.step;
		return Went::on;
	}

	Went absorb(State &state, int tx, Process &p, int at) const {
		if (at == 0) {
			const bool own = std::any_of(state.log.rows.begin(), state.log.rows.end(), [&](const Queue::Row &row) { return row.by == tx; });
			if (own && has(own_absorbers_are_seen))
				state.absorbing_own |= 1U << static_cast<unsigned>(tx);
			p.took = state.log.take(tx, p.own, false);
			return p.took ? Went::on : Went::to_end;
		}
		if (at == 1) {
			p.others = (state.deriving & ~(1U << static_cast<unsigned>(tx))) != 0;
			return Went::on;
		}
		const bool passed = state.five_passed.seen_by(tx) != 0;
		const bool keep = (p.others && has(log_is_kept_for_derivers)) || (p.own && has(log_is_kept_for_own));
		if (state.five_task.seen_by(tx) != 0 && (passed || keep))
			state.five_marks.add(tx);
		return Went::to_end;
	}

	static Went take_snapshot(const State &state, Process &p) {
		p.old = true;
		p.old_marks =
		    std::any_of(state.five_marks.rows.begin(), state.five_marks.rows.end(), [](const Queue::Row &row) { return row.by == nobody; });
		p.old_minute = state.minute.value;
		p.old_five = state.five.value;
		p.old_passed = state.five_passed.value;
		p.old_task = state.five_task.value;
		p.old_hour_task = state.hour_task.value;
		return Went::on;
	}

	Went derive_five(State &state, int tx, Process &p, int at) const {
		bool own = false;
		switch (at) {
		case 0:
			state.deriving |= 1U << static_cast<unsigned>(tx);
			return Went::on;
		case 1:
			if (has(tasks_are_locked) && state.five_lock != nobody && state.five_lock != tx) {
				--p.step;
				return Went::blocked;
			}
			if (has(tasks_are_locked))
				state.five_lock = tx;
			if (p.old && state.five_passed.value != p.old_passed)
				return Went::failed; // could not serialize access
			return (p.old ? p.old_task : state.five_task.seen_by(tx)) != 0 ? Went::on : Went::to_end;
		case 2:
			p.took = (!p.old || p.old_marks) && state.five_marks.take(tx, own, !has(marks_outlive_rollbacks));
			p.passed = state.five_passed.seen_by(tx) != 0;
			return Went::on;
		case 3:
			if (!p.made_task && !p.old && has(recent_tasks_look_again))
				p.certain = everybody_knows(state, tx, state.absorbing_own, state.five_recent, &Process::began_before_five);
			return Went::on;
		case 4:
			p.read = p.old ? p.old_minute : state.minute.seen_by(tx);
			return Went::on;
		case 5: {
			const int before = p.old ? p.old_five : state.five.seen_by(tx);
			int after = before;
			if (p.passed ? p.took : p.read != 0 || p.took || has(strays_are_looked_for))
				after = p.read;
			if (!p.passed && p.read != 0 && !state.five_passed.write(tx, 1))
				return again(p);
			if (p.old && state.five.value != before)
				return Went::failed;
			if (after != before && !state.five.write(tx, after))
				return again(p);
			p.changed = after != before;
			return Went::on;
		}
		default: {
			if (!p.certain)
				state.five_marks.add(tx);
			const bool above = (p.old && !has(tasks_above_are_latest) ? p.old_hour_task : state.hour_task.seen_by(tx)) != 0;
			if (p.changed && above && has(changes_mark_above)) {
				bool unended = !state.ended && !p.began_after_hour;
				for (size_t other = 0; other < processes; ++other) {
					if (other != static_cast<size_t>(tx) && (state.deriving >> other & 1U) != 0)
						unended = unended && !state.process[other].began_after_hour;
				}
				if (!unended)
					state.hour_marks.add(tx);
			}
			if ((p.made_task || p.old) && has(unseen_tasks_look_again))
				state.five_marks.add(tx);
			return Went::to_end;
		}
		}
	}

	static Went make_five(State &state, int tx, Process &p) {
		if (!state.five_task.write(tx, 1) || !state.five_recent.write(tx, 1))
			return Went::blocked;
		if (state.five.seen_by(tx) != 0)
			state.five_marks.add(tx);
		p.made_task = true;
		++p.step;
		return Went::to_end;
	}

	static Went make_hour(State &state, int tx, Process &p) {
		if (!state.hour_task.write(tx, 1) || !state.hour_recent.write(tx, 1))
			return Went::blocked;
		state.hour_marks.add(tx);
		p.made_task = true;
		++p.step;
		return Went::to_end;
	}

	/// Whether everybody who changes something below knows of the task. Forgets that it is new when so, and remembers since when if not.
	static bool everybody_knows(State &state, int tx, unsigned at_work, Cell &recent, bool Process::*began_before) {
		const int seen = recent.seen_by(tx);
		bool known = true;
		for (size_t other = 0; other < processes; ++other) {
			if (other != static_cast<size_t>(tx) && (at_work >> other & 1U) != 0)
				known = known && seen == 2 && !(state.process[other].*began_before);
		}
		if (seen == 0 || known) {
			if (seen != 0)
				recent.write(tx, 0);
			return true;
		}
		if (seen == 1 && recent.write(tx, 2)) {
			for (auto &other : state.process)
				other.*began_before = !other.over && other.step > 0;
		}
		return false;
	}

	Went derive_hour(State &state, int tx, Process &p, int at) const {
		bool own = false;
		switch (at) {
		case 0:
			state.deriving |= 1U << static_cast<unsigned>(tx);
			return Went::on;
		case 1:
			if (has(tasks_are_locked) && state.hour_lock != nobody)
				return again(p);
			if (has(tasks_are_locked))
				state.hour_lock = tx;
			return state.hour_task.seen_by(tx) != 0 ? Went::on : Went::to_end;
		case 2:
			p.took = state.hour_marks.take(tx, own, !has(marks_outlive_rollbacks));
			return Went::on;
		case 3:
			p.certain = state.ended;
			for (size_t other = 0; other < processes; ++other) {
				if (other != static_cast<size_t>(tx) && (state.deriving >> other & 1U) != 0)
					p.certain = p.certain && state.process[other].began_after_hour;
			}
			if (!p.made_task && has(recent_tasks_look_again))
				p.certain = everybody_knows(state, tx, state.deriving, state.hour_recent, &Process::began_before_hour) && p.certain;
			return Went::on;
		case 4: {
			// Not confirmed, or the task below has something unread: marks are put back.
			const bool waits =
			    !state.ended || (state.five_task.seen_by(tx) != 0 && state.five_passed.seen_by(tx) == 0 && state.minute.seen_by(tx) != 0);
			if (state.hour_passed.seen_by(tx) == 0 ? waits : !p.took) {
				if (p.took)
					state.hour_marks.add(tx);
				return Went::to_end;
			}
			return Went::on;
		}
		case 5:
			p.read = state.five.seen_by(tx);
			if (state.alone && p.read == 0 && state.hour.seen_by(tx) == 0 && state.hour_passed.seen_by(tx) != 0) {
				if (!p.certain && has(unlooked_look_again))
					state.hour_marks.add(tx);
				return Went::to_end;
			}
			return Went::on;
		default:
			if (!state.hour.write(tx, hour_of(state, p.read)) || !state.hour_passed.write(tx, 1))
				return again(p);
			if ((!p.certain && has(uncertain_look_again)) || (p.made_task && has(unseen_tasks_look_again)))
				state.hour_marks.add(tx);
			return Went::to_end;
		}
	}

	static Went again(Process &p) {
		--p.step;
		return Went::blocked;
	}

	unsigned rules_;
	std::array<Kind, processes> kinds_;
	int feed_value_;
	std::set<std::string> seen_;
};

} // namespace scheme
