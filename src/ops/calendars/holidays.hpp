// Holidays of the shipped calendars, by rules, as SQL: queries of trading_date, closed, opens, closes, note.
#pragma once

namespace aggregation {

/// None.
extern const char *const no_holidays;
/// Christmas and New Year's Day, where they are weekdays.
extern const char *const fx_holidays;
/// New York Stock Exchange, 1990 to 2040: its rule 7.2, early closes, and what was closed, opened late or closed early for once.
extern const char *const nyse_holidays;
/// The days without trading in CME Globex's equity index futures.
extern const char *const cme_globex_holidays;

} // namespace aggregation
