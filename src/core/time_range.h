/*
 * The times that there are, for C, C++ and SQL: of bars, cursors, starts and clocks. timestamptz reaches a little further at both ends, so
 * that the ends of windows, which are up to 5,200 weeks wide, and the intervals of tasks still fit: nothing is stored that a dump could not
 * bring back. What lies outside is treated as the infinities are.
 */
#pragma once

#define AGG_FIRST_TIME "4600-01-01 00:00:00+00 BC"
#define AGG_END_OF_TIME "290000-01-01 00:00:00+00"

/* The same in microseconds since 2000-01-01. */
#define AGG_FIRST_TIME_US (-208244304000000000)
#define AGG_END_OF_TIME_US 9088402176000000000

/* Whether a column's time is one of them, as SQL. */
#define AGG_IS_TIME(column) "(" column " >= '" AGG_FIRST_TIME "'::timestamptz AND " column " < '" AGG_END_OF_TIME "'::timestamptz)"
