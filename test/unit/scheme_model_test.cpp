// A model of the scheme of docs/internals.md ("Truth under change"), checked exhaustively: a minute, the bar of its five minutes, and the
// bar of the hour above, as a few transactions change, log, absorb, derive and configure them. Every interleaving of their steps is gone
// through, each transaction ending in a commit or a rollback; then everybody works until nothing is left, and the bars must be what the
// minute says. And each rule of the scheme is taken out once: then some interleaving must end wrong.
#include "scheme_model.hpp"

#include <gtest/gtest.h>

namespace {

using namespace scheme;

struct Scenario {
	const char *name;
	State state;
	std::array<Kind, processes> kinds;
	int feed_value = 2;
};

/// minute, five, hour, five passed, hour passed, task, ended
State world(int minute, int five, int hour, int five_passed, int hour_passed, int task, bool ended = true) {
	State state;
	state.minute.value = minute;
	state.five.value = five;
	state.hour.value = hour;
	state.five_passed.value = five_passed;
	state.hour_passed.value = hour_passed;
	state.five_task.value = task;
	state.hour_task.value = 1;
	state.ended = ended;
	return state;
}

/// The bar of five minutes is to be made again, and there is no hour yet, or one that nobody has seen to for long.
State late_below_no_hour(int hour) {
	State state = world(2, 1, hour, 1, hour == 0 ? 0 : 1, 1);
	state.five_marks.add(nobody);
	state.hour_task.value = 0;
	return state;
}

/// The hour's bar was made of the minute, and is to be made of its only bar of five minutes from now on, which is being made.
State source_changes() {
	State state = world(2, 0, 12, 1, 1, 1);
	state.five_marks.add(nobody);
	state.hour_task.value = 0;
	state.alone = true;
	return state;
}

std::vector<Scenario> scenarios() {
	using enum Kind;
	return {
	    {"a minute changes while the window is passed", world(1, 0, 0, 0, 0, 1), {feed, five_runner, absorber, none}},
	    {"two derive it", world(1, 0, 0, 0, 0, 1), {feed, five_runner, five_runner, absorber}},
	    {"a late minute", world(1, 1, 11, 1, 1, 1), {feed, absorber, five_runner, hour_runner}},
	    {"a late minute goes while the hour is made", world(1, 1, 0, 1, 0, 1), {feed, absorber, five_runner, hour_runner}, 0},
	    {"a minute arrives while the hour is made without it", world(0, 0, 0, 0, 0, 1), {feed, five_runner, hour_runner, absorber}},
	    {"the hour ends meanwhile", world(1, 1, 0, 1, 0, 1, false), {loader, five_runner, hour_runner, clock}},
	    {"the hour ends while a bar is made", world(0, 0, 0, 0, 0, 1, false), {feed, five_runner, hour_runner, clock}},
	    {"a task is made and run", world(1, 0, 0, 0, 0, 0), {maker, feed, absorber, five_runner}},
	    {"a loader absorbs what it has changed", world(1, 0, 0, 0, 0, 1), {loader, five_runner, absorber, none}},
	    {"a task is made and run while a loader absorbs what it has changed",
	     world(1, 0, 0, 0, 0, 0),
	     {loader, five_maker, five_runner, absorber}},
	    {"it is made where its bar is", world(1, 1, 11, 0, 1, 0), {loader, five_maker, five_runner, five_runner}},
	    {"a bar ahead of the cursor loses its source", world(1, 1, 0, 0, 0, 1), {feed, absorber, five_runner, hour_runner}, 0},
	    {"the hour's task is made while a bar below changes", late_below_no_hour(0), {five_runner, hour_maker, hour_runner, none}},
	    {"that is made where its bar is", late_below_no_hour(11), {five_runner, hour_maker, hour_runner, none}},
	    {"it gets another source while its only bar is made", source_changes(), {five_runner, hour_maker, hour_runner, hour_runner}},
	    {"it is made while one with an old snapshot changes a bar below",
	     late_below_no_hour(0),
	     {old_five_runner, hour_maker, hour_runner, none}},
	    {"one with an old snapshot derives it", world(1, 0, 0, 0, 0, 1), {old_five_runner, feed, five_runner, absorber}},
	    {"two run it one after the other", late_below_no_hour(0), {five_runner, hour_maker, hour_runner, hour_runner}},
	    {"its maker runs it", late_below_no_hour(0), {five_runner, hour_maker_and_runner, hour_runner, none}},
	    {"its maker runs it while two change bars below", late_below_no_hour(0), {feed, absorber, five_runner, hour_maker_and_runner}},
	};
}

bool all_hold(unsigned rules, size_t *states = nullptr) {
	for (const auto &scenario : scenarios()) {
		Model model(rules, scenario.kinds, scenario.feed_value);
		const bool holds = model.holds_from(scenario.state);
		if (states != nullptr)
			*states += model.states();
		if (!holds) {
			if (rules == all_rules)
				ADD_FAILURE() << scenario.name;
			return false;
		}
	}
	return true;
}

} // namespace

TEST(SchemeModel, EveryInterleavingEndsWithTheTruth) {
	size_t states = 0;
	EXPECT_TRUE(all_hold(all_rules, &states));
	EXPECT_GT(states, 10'000U) << "there was something to go through";
}

TEST(SchemeModel, EachRuleIsNeeded) {
	for (unsigned rule = 1; rule < all_rules; rule *= 2)
		EXPECT_FALSE(all_hold(all_rules & ~rule)) << "without rule " << rule << " nothing went wrong";
}
