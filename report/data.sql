-- Everything that the page knows, as lines "NAME<TAB>JSON". One read-only transaction, so all parts are of one moment.
--
-- Each part is a statement of its own: what this role may not read, or what fails, leaves a line with its error, and the
-- other parts are there all the same. Variables: schema, symbols (one a line), from, to, bars (per symbol and timeframe).

\set ON_ERROR_STOP off
\set ON_ERROR_ROLLBACK on
\pset format unaligned
\pset tuples_only on
\pset fieldsep '\t'
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SET LOCAL search_path = pg_catalog, :"schema", pg_temp;
SET LOCAL extra_float_digits = 1;
-- Of the views' many small parts it compiles for seconds what then runs for less than one.
SET LOCAL jit = off;

SELECT 'about', json_build_object('database', current_database(), 'role', current_user, 'at', extract(epoch FROM date_trunc('second', now())),
	'version', (SELECT extversion FROM pg_extension WHERE extname = 'aggregation'),
	'from', extract(epoch FROM nullif(:'from', '')::timestamptz), 'to', extract(epoch FROM nullif(:'to', '')::timestamptz));

-- Which bars there are. Symbols and timeframes are found by one index probe each, however many bars they have.
\set minutes '[]'
\set derived '[]'
\set tasks '[]'
\set indexes '[]'
WITH RECURSIVE kind AS (
	(SELECT canonical_symbol FROM data_bars ORDER BY canonical_symbol LIMIT 1)
	UNION ALL
	SELECT n.canonical_symbol FROM kind k
	CROSS JOIN LATERAL (SELECT canonical_symbol FROM data_bars b WHERE b.canonical_symbol > k.canonical_symbol ORDER BY canonical_symbol LIMIT 1) n
)
SELECT coalesce(jsonb_agg(jsonb_build_array(k.canonical_symbol, '1m')), '[]') AS minutes FROM kind k
WHERE EXISTS (SELECT FROM data_bars b WHERE b.canonical_symbol = k.canonical_symbol AND b.timeframe = '1m') \gset
\if :ERROR
SELECT 'refused', json_build_object('part', 'data_bars', 'error', :'LAST_ERROR_MESSAGE');
\endif
WITH RECURSIVE kind AS (
	(SELECT canonical_symbol, timeframe FROM derived_data_bars WHERE deleted_at IS NULL ORDER BY canonical_symbol, timeframe LIMIT 1)
	UNION ALL
	SELECT n.canonical_symbol, n.timeframe FROM kind k
	CROSS JOIN LATERAL (
		SELECT canonical_symbol, timeframe FROM derived_data_bars b
		WHERE (b.canonical_symbol, b.timeframe) > (k.canonical_symbol, k.timeframe) AND deleted_at IS NULL ORDER BY canonical_symbol, timeframe LIMIT 1
	) n
)
SELECT coalesce(jsonb_agg(jsonb_build_array(canonical_symbol, timeframe)), '[]') AS derived FROM kind \gset
\if :ERROR
SELECT 'refused', json_build_object('part', 'derived_data_bars', 'error', :'LAST_ERROR_MESSAGE');
\endif
SELECT coalesce(jsonb_agg(jsonb_build_array(canonical_symbol, timeframe, coalesce(calendar, 'utc'))), '[]') AS tasks FROM data_agg_state \gset
\if :ERROR
SELECT 'refused', json_build_object('part', 'data_agg_state', 'error', :'LAST_ERROR_MESSAGE');
\endif
SELECT coalesce(jsonb_agg(canonical_symbol), '[]') AS indexes FROM agg_indexes \gset
\if :ERROR
SELECT 'refused', json_build_object('part', 'agg_indexes', 'error', :'LAST_ERROR_MESSAGE');
\endif

-- The symbols of the page: those that were named, or all, indexes first, as far as there is room for them.
WITH stored AS (
	SELECT x.value ->> 0 AS symbol, x.value ->> 1 AS timeframe, x.value ->> 2 AS calendar
	FROM jsonb_array_elements(:'minutes'::jsonb || :'derived'::jsonb || :'tasks'::jsonb) x
), symbol AS (
	SELECT symbol, max(calendar) AS calendar, jsonb_agg(DISTINCT timeframe) AS timeframes, :'indexes'::jsonb ? symbol AS is_index FROM stored GROUP BY symbol
), chosen AS (
	SELECT symbol, calendar, timeframes, is_index, row_number() OVER (ORDER BY array_position(string_to_array(:'symbols', E'\n'), symbol), NOT is_index, symbol) AS place,
		count(*) OVER () AS symbols
	FROM symbol WHERE :'symbols' = '' OR symbol = ANY (string_to_array(:'symbols', E'\n'))
)
SELECT coalesce(jsonb_agg(jsonb_build_object('symbol', symbol, 'calendar', calendar, 'index', is_index, 'timeframes', timeframes) ORDER BY place), '[]') AS catalog,
	coalesce(max(symbols), 0) AS symbols_found, coalesce(sum(jsonb_array_length(timeframes)), 1) AS pairs
FROM chosen WHERE :'symbols' <> '' OR place <= 100 \gset
SELECT coalesce(nullif(:'bars', '')::int, greatest(100, least(20000, 400000 / :pairs))) AS most \gset
SELECT 'catalog', json_build_object('symbols', :'catalog'::jsonb, 'found', :symbols_found, 'most', :most);

-- The newest bars of each symbol and timeframe, and between them the windows of the sessions that have none: of each gap
-- its first twelve windows, its last one, and how many they are. Only the last 100,000 windows are searched for gaps. Windows
-- of days and more go by their trading dates.
SELECT format($statement$
WITH bar AS MATERIALIZED (
	SELECT * FROM agg_bars(%1$L, %2$L, p_to => nullif(%3$L, '')::timestamptz, p_limit => %4$s)
	WHERE ts_utc >= coalesce(nullif(%5$L, ''), '-infinity')::timestamptz
), span AS (
	SELECT min(ts_utc) AS first, max(ts_utc) AS last, greatest(min(ts_utc), max(ts_utc) - 100000 * replace(%2$L, 'mo', 'mon')::interval) AS search_from FROM bar
), win AS (
	SELECT w.ts_utc, w.state = 'filled' AS missing,
		row_number() OVER (ORDER BY w.ts_utc) - row_number() OVER (PARTITION BY w.state = 'filled' ORDER BY w.ts_utc) AS run
	FROM span CROSS JOIN LATERAL agg_bars(%1$L, %2$L, search_from, last, 'null') w
	WHERE first < last
), gap AS (
	SELECT (array_agg(extract(epoch FROM ts_utc) ORDER BY ts_utc))[:12] AS starts, extract(epoch FROM max(ts_utc)) AS last, count(*) AS windows
	FROM win WHERE missing GROUP BY run
)
SELECT 'bars-%6$s-%7$s', json_build_object('symbol', %1$L, 'timeframe', %2$L,
	't', (SELECT array_to_json(array_agg(d ORDER BY ts_utc)) FROM (
		SELECT ts_utc, extract(epoch FROM ts_utc - lag(ts_utc, 1, 'epoch') OVER (ORDER BY ts_utc))::float8 AS d FROM bar) x),
	'o', array_to_json(array_agg(open ORDER BY ts_utc)), 'h', array_to_json(array_agg(high ORDER BY ts_utc)),
	'l', array_to_json(array_agg(low ORDER BY ts_utc)), 'c', array_to_json(array_agg(close ORDER BY ts_utc)),
	'v', array_to_json(array_agg(vol ORDER BY ts_utc)), 'q', array_to_json(array_agg(quality_score ORDER BY ts_utc)),
	's', string_agg(CASE state WHEN 'forming' THEN 'o' ELSE left(state, 1) END, '' ORDER BY ts_utc),
	'gaps', (SELECT array_to_json(array_agg(json_build_array(starts, last, windows) ORDER BY last)) FROM gap),
	'dates', (
		SELECT array_to_json(array_agg(json_build_array(extract(epoch FROM w.window_start), w.trading_date) ORDER BY w.window_start))
		FROM span CROSS JOIN LATERAL agg_calendar_windows(%8$L, %2$L, first, last + interval '1 microsecond') w
		WHERE first IS NOT NULL AND replace(%2$L, 'mo', 'mon')::interval >= '1 day'),
	'searched', (SELECT extract(epoch FROM search_from) FROM span WHERE search_from > first),
	'first', (SELECT extract(epoch FROM ts_utc) FROM agg_bars(%1$L, %2$L, '0001-01-01', p_limit => 1)))
FROM bar$statement$, s.value ->> 'symbol', t.value, :'to', :most, :'from', s.place, t.place, coalesce(s.value ->> 'calendar', 'utc'))
FROM jsonb_array_elements(:'catalog'::jsonb) WITH ORDINALITY s(value, place)
CROSS JOIN LATERAL jsonb_array_elements_text(s.value -> 'timeframes') WITH ORDINALITY t(value, place)
ORDER BY s.place, t.place
\gexec

-- When the markets of these symbols are open: of each calendar the stretches, sessions that touch joined.
SELECT 'calendars', coalesce((
	SELECT json_object_agg(c.calendar, json_build_object('zone', c.time_zone, 'open', (
		SELECT array_to_json(array_agg(ARRAY[extract(epoch FROM opens), extract(epoch FROM closes)] ORDER BY opens)) FROM (
			SELECT min(opens) AS opens, max(closes) AS closes FROM (
				SELECT opens, closes, count(*) FILTER (WHERE opens IS DISTINCT FROM before) OVER (ORDER BY opens) AS stretch FROM (
					SELECT (x.value ->> 0)::timestamptz AS opens, (x.value ->> 1)::timestamptz AS closes,
						lag((x.value ->> 1)::timestamptz) OVER (ORDER BY (x.value ->> 0)::timestamptz) AS before
					FROM agg_trading_days(c.calendar, greatest(span.first, '1990-01-01'), least(span.last, '2050-12-31')) d
					CROSS JOIN LATERAL jsonb_array_elements(d.sessions) x
				) session
			) stretched GROUP BY stretch
		) joined WHERE c.calendar <> 'utc'
	)))
	FROM agg_calendars c
	CROSS JOIN LATERAL (
		SELECT coalesce(min(b.ts_utc), now())::date - 7 AS first, now()::date + 7 AS last
		FROM jsonb_array_elements(:'catalog'::jsonb) s
		CROSS JOIN LATERAL jsonb_array_elements_text(s -> 'timeframes') t
		CROSS JOIN LATERAL agg_bars(s ->> 'symbol', t, '0001-01-01', p_limit => 1) b
		WHERE s ->> 'calendar' = c.calendar AND c.calendar <> 'utc'
	) span
	WHERE c.calendar IN (SELECT s ->> 'calendar' FROM jsonb_array_elements(:'catalog'::jsonb) s)
), '{}');
\if :ERROR
SELECT 'refused', json_build_object('part', 'calendars', 'error', :'LAST_ERROR_MESSAGE');
\endif

-- Completeness by trading date: up to a year that ends with the newest minute of any of these symbols.
SELECT 'completeness', json_build_object('symbols', json_object_agg(x.canonical_symbol, x.dates)) FROM (
	SELECT c.canonical_symbol, json_build_object(
		'date', array_to_json(array_agg(c.trading_date ORDER BY c.trading_date)),
		'expected', array_to_json(array_agg(c.expected_minutes ORDER BY c.trading_date)),
		'missing', array_to_json(array_agg(c.missing_minutes ORDER BY c.trading_date)),
		'longest', array_to_json(array_agg(c.longest_gap_minutes ORDER BY c.trading_date)),
		'outside', array_to_json(array_agg(c.outside_minutes ORDER BY c.trading_date))) AS dates
	FROM (
		SELECT greatest(last - greatest(30, least(370, 20000 / greatest(1, jsonb_array_length(:'catalog'::jsonb)))), first) AS first, last, symbols
		FROM (
			SELECT array_agg(s ->> 'symbol') AS symbols, coalesce(nullif(:'from', '')::timestamptz::date, '-infinity') AS first,
				least(coalesce(max(b.ts_utc)::date + 1, now()::date), nullif(:'to', '')::timestamptz::date) AS last
			FROM jsonb_array_elements(:'catalog'::jsonb) s
			LEFT JOIN LATERAL agg_latest(ARRAY[s ->> 'symbol'], '1m') b ON s -> 'timeframes' ? '1m'
		) newest
	) span
	CROSS JOIN LATERAL agg_completeness(span.first, span.last, span.symbols) c
	WHERE span.symbols IS NOT NULL
	GROUP BY c.canonical_symbol
) x;
\if :ERROR
SELECT 'refused', json_build_object('part', 'completeness', 'error', :'LAST_ERROR_MESSAGE');
\endif

-- The tasks of all symbols, those that need attention first.
SELECT 'tasks', coalesce(jsonb_agg(to_jsonb(r) - 'width' ORDER BY r.attention DESC, r.symbol, r.width), '[]') FROM (
	SELECT h.canonical_symbol AS symbol, h.timeframe, h.source_timeframe AS source, h.enabled, h.status, extract(epoch FROM h.cursor) AS cursor, h.cursor_status,
		greatest(0, extract(epoch FROM h.max_source_ts) - extract(epoch FROM h.cursor)) AS behind, extract(epoch FROM h.last_successful_at_utc) AS success,
		h.total_runs AS runs, h.total_bars_created AS bars, h.total_windows_skipped AS skipped, h.hard_fail_streak AS streak,
		s.late_rows AS late, s.refused_rows AS refused, h.last_error AS error, h.source_before_start, replace(h.timeframe, 'mo', 'mon')::interval AS width,
		NOT h.enabled OR h.source_before_start OR h.cursor_status <> 'OK' OR h.hard_fail_streak > 0 OR h.status IN ('hard_failed', 'disabled')
			OR coalesce(h.minutes_since_success, 'infinity') > 60 AS attention
	FROM v_aggregation_frontier_health h
	JOIN data_agg_state s USING (canonical_symbol, timeframe)
) r;
\if :ERROR
SELECT 'refused', json_build_object('part', 'tasks', 'error', :'LAST_ERROR_MESSAGE');
\endif

-- What the next window of a task waits for, of 50 tasks, failed ones first.
SELECT 'why', coalesce(jsonb_agg(jsonb_build_array(t.symbol, t.timeframe, w.state, w.explanation)), '[]') FROM (
	SELECT s.canonical_symbol AS symbol, s.timeframe, s.last_agg_bar_ts_utc FROM data_agg_state s
	WHERE s.last_agg_bar_ts_utc BETWEEN '4600-01-01 00:00+00 BC' AND '289999-12-31 00:00+00'
	ORDER BY s.enabled AND s.status = 'idle' AND s.hard_fail_streak = 0, s.canonical_symbol LIMIT 50
) t
CROSS JOIN LATERAL agg_why(t.symbol, t.timeframe, t.last_agg_bar_ts_utc) w;
\if :ERROR
SELECT 'refused', json_build_object('part', 'why', 'error', :'LAST_ERROR_MESSAGE');
\endif

-- Whether the bars are true: late work, what agg_verify_sample() has found, and bars that nothing reads.
SELECT 'truth', to_jsonb(t) || jsonb_build_object('last_audit_at', extract(epoch FROM last_audit_at), 'oldest_dirty_range_due', extract(epoch FROM oldest_dirty_range_due),
	'oldest_log_entry', extract(epoch FROM oldest_log_entry)) FROM v_aggregation_truth t;
\if :ERROR
SELECT 'refused', json_build_object('part', 'truth', 'error', :'LAST_ERROR_MESSAGE');
\endif
SELECT 'audits', coalesce(jsonb_agg(jsonb_build_array(extract(epoch FROM started_at), tasks, windows, differences, complete, details)), '[]')
FROM (SELECT * FROM agg_audit ORDER BY started_at DESC LIMIT 5) a;
\if :ERROR
SELECT 'refused', json_build_object('part', 'audits', 'error', :'LAST_ERROR_MESSAGE');
\endif
SELECT 'unread', coalesce(jsonb_agg(jsonb_build_array(canonical_symbol, timeframe, extract(epoch FROM first_ts_utc), extract(epoch FROM last_ts_utc), reason)), '[]')
FROM (SELECT * FROM v_aggregation_unread_bars LIMIT 100) u;
\if :ERROR
SELECT 'refused', json_build_object('part', 'unread', 'error', :'LAST_ERROR_MESSAGE');
\endif
COMMIT;
