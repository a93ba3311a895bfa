// Where the windows of a timeframe lie and how many source bars they expect, said once more in SQL, for the proof: from the rules of a
// calendar and the time zones' own, not from the days that were made of them (agg_calendar_days).
#pragma once

namespace aggregation {

/// Parts of the comparison (proof.cpp): its first tables, among them `frame`; what a row `s` of the source means; and how the windows' `g`
/// with its column `complete` is found for the bars `b`.
struct ProofGrid {
	const char *tables;
	const char *start;
	const char *inside; // in a session
	const char *rows;   // of the source, `s`
	const char *counts; // whether the row counts at all
	const char *of_window;
};

/// Windows of equal width in UTC.
extern const ProofGrid arithmetic_grid;
/// All others.
extern const ProofGrid calendar_grid;

} // namespace aggregation
