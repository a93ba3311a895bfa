/*
 * The timeframes that others are made of unless a task says otherwise, from the widest on: the first one that is narrower and fits. For C++
 * and, as SQL, for statements.
 */
#pragma once

/* Each as name and minutes, and whatever else `each` needs. */
#define AGG_DEFAULT_SOURCES(each, ...)                                                                                                     \
	each("1d", 1440, __VA_ARGS__) each("1h", 60, __VA_ARGS__) each("5m", 5, __VA_ARGS__) each("1m", 1, __VA_ARGS__)
