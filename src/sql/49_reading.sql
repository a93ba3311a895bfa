-- Reading: bars of any timeframe, for whoever may read the tables.

CREATE FUNCTION @extschema@.agg_bars(p_symbol text, p_timeframe text, p_from timestamptz DEFAULT NULL, p_to timestamptz DEFAULT NULL, p_fill text DEFAULT 'none', p_forming boolean DEFAULT true, p_limit integer DEFAULT NULL, p_now_utc timestamptz DEFAULT NULL, p_as_of timestamptz DEFAULT NULL)
RETURNS TABLE (ts_utc timestamptz, open double precision, high double precision, low double precision, close double precision, vol double precision, vwap double precision, trade_count bigint, quality_score integer, state text, revision integer)
LANGUAGE c STABLE PARALLEL RESTRICTED SECURITY INVOKER ROWS 1000
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_bars';

COMMENT ON FUNCTION @extschema@.agg_bars(text, text, timestamptz, timestamptz, text, boolean, integer, timestamptz, timestamptz) IS
'The bars of a symbol that begin in [p_from, p_to), by time. p_from: NULL or -infinity is the first one; p_to: NULL or infinity is now. Any timeframe: one that has a task is read as stored; another one is made while it is read, of the widest timeframe of the symbol that divides it in its calendar, or of minutes where all tasks of the symbol are made of minutes. 1m are the rows of data_bars that have prices.
Windows that nobody has made yet, that are to be made anew, or that are not over are computed from what is there now, by the rules by which the bars are made. state: final (made, and nothing is to be done), revised (the same, but it has been another bar before), provisional (over, but not made yet or to be made anew: the bar is the one that will be stored if nothing changes), forming (not over; there is a bar as soon as there is a minute; quality_score is NULL), filled (no bar). revision: how many bars the window has had, the first one being 1; NULL where the row is not stored, or a minute. p_forming false leaves out the window that is not over.
p_fill: none; null or close for a row for each window without a bar that touches a session of the calendar, from p_from (or the first bar) to now, without prices or with the last close before it. p_limit: the first bars from p_from on; without p_from the newest ones. p_now_utc: the clock, NULL is now, or p_as_of; what begins later is not there.
p_as_of: the bars as they were stored at that moment, of tasks that keep their revisions (agg_set_keep_revisions()) since then or before; another timeframe is made of such bars as they were. state is final or revised, and where it is made of bars of which the last ones were not there yet, provisional; p_forming does not count. Calendars are those of now. NULL: the bars as they are.
The caller needs SELECT on data_bars and derived_data_bars; row security of these tables applies, to former bars as well. All is read by the snapshot of the query. Errors: 55000 for a p_as_of of which no revisions are kept, 22023 for one that is still to come; P0002 for a symbol that no task, asset or bar has; 22023 for an unknown timeframe or fill, p_to before p_from, p_limit below 1; 54000 for a fill of 5,000,000 windows and more; 42501 without the right to read.';

CREATE FUNCTION @extschema@.agg_bars(p_symbols text[], p_timeframe text, p_from timestamptz DEFAULT NULL, p_to timestamptz DEFAULT NULL, p_fill text DEFAULT 'none', p_forming boolean DEFAULT true, p_limit integer DEFAULT NULL, p_now_utc timestamptz DEFAULT NULL, p_as_of timestamptz DEFAULT NULL)
RETURNS TABLE (canonical_symbol text, ts_utc timestamptz, open double precision, high double precision, low double precision, close double precision, vol double precision, vwap double precision, trade_count bigint, quality_score integer, state text, revision integer)
LANGUAGE c STABLE PARALLEL RESTRICTED SECURITY INVOKER ROWS 1000
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_bars';

COMMENT ON FUNCTION @extschema@.agg_bars(text[], text, timestamptz, timestamptz, text, boolean, integer, timestamptz, timestamptz) IS
'The same for many symbols, one after the other in the order of the array, each by time. p_limit counts for each symbol. A symbol that is given twice counts once. Errors: as for one symbol; 22004 for a NULL symbol; 54000 for more than 100,000 symbols.';

CREATE FUNCTION @extschema@.agg_latest(p_symbols text[], p_timeframe text, p_forming boolean DEFAULT true, p_now_utc timestamptz DEFAULT NULL)
RETURNS TABLE (canonical_symbol text, ts_utc timestamptz, open double precision, high double precision, low double precision, close double precision, vol double precision, vwap double precision, trade_count bigint, quality_score integer, state text, revision integer)
LANGUAGE c STABLE PARALLEL RESTRICTED SECURITY INVOKER ROWS 1000
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_latest';

COMMENT ON FUNCTION @extschema@.agg_latest(text[], text, boolean, timestamptz) IS
'The newest bar of each symbol, in the order of the array: the last row of agg_bars(). A symbol without any bar has no row. p_forming false: the newest of the windows that are over. Errors: as for agg_bars().';

CREATE FUNCTION @extschema@.agg_chart(p_symbol text, p_timeframe text, p_n integer DEFAULT 60, p_height integer DEFAULT 16, p_ascii boolean DEFAULT pg_catalog.pg_client_encoding() OPERATOR(pg_catalog.<>) 'UTF8', p_now_utc timestamptz DEFAULT NULL)
RETURNS SETOF text
LANGUAGE c STABLE PARALLEL RESTRICTED SECURITY INVOKER ROWS 20
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_chart';

COMMENT ON FUNCTION @extschema@.agg_chart(text, text, integer, integer, boolean, timestamptz) IS
'The newest p_n bars of a symbol (1 to 1000), those that agg_bars() gives, as candles in rows of text for a terminal: p_height rows of prices (2 to 200) with their axis, a row for the volume if there is any, the time axis (UTC), and a row that says symbol, timeframe, the last close, its state, and the quality of the last ten bars. A rising body is solid, a falling one shaded. A bar takes one column. p_ascii true uses plain ASCII: the default where the client has another encoding than UTF8, and the only way in a database of another one. Without a bar it is one row that says so.
The caller needs SELECT on data_bars and derived_data_bars; row security of these tables applies. Errors: as for agg_bars(); 22023 for p_n or p_height outside of these ranges.';
