-- Says what happened and commits. Included by load.sql.

SELECT count(*) AS lines,
	count(*) FILTER (WHERE skipped IS NULL AND refused IS NULL) AS good,
	count(*) FILTER (WHERE refused IS NOT NULL AND skipped IS NULL) AS refused,
	count(*) FILTER (WHERE skipped = 'flat') AS flat
FROM minute
\gset
SELECT :good > 0 AS any_good, :refused > 0 AS any_refused, :refused > 20 AS many_refused, :flat > 0 AS any_flat
\gset

SELECT format('%s: %s lines read, %s inserted, %s updated, %s unchanged, %s refused',
	CASE WHEN length(:'symbol') > 60 THEN left(:'symbol', 57) || '…' ELSE :'symbol' END, :lines,
	count(*) FILTER (WHERE outcome = 'inserted'), count(*) FILTER (WHERE outcome = 'updated'),
	count(*) FILTER (WHERE outcome = 'unchanged'), :refused)
FROM compared;

\if :any_good
SELECT format('  from %s to %s UTC', to_char(min(ts_utc), 'YYYY-MM-DD HH24:MI'), to_char(max(ts_utc), 'YYYY-MM-DD HH24:MI'))
FROM compared;
\endif
\if :any_flat
	\echo ' ' :flat 'flat minutes without volume skipped (--keep-flat loads them)'
\endif
\if :any_refused
SELECT format('  refused %s: %s', count(*), refused)
FROM minute WHERE refused IS NOT NULL AND skipped IS NULL GROUP BY refused ORDER BY count(*) DESC, refused;

SELECT format('    %s, line %s: %s: %s', name, m.number, m.refused,
	CASE WHEN length(l.text) > 80 THEN left(l.text, 79) || '…' ELSE l.text END)
FROM (SELECT * FROM minute WHERE refused IS NOT NULL AND skipped IS NULL ORDER BY file, number LIMIT 20) m
JOIN source USING (file)
JOIN (SELECT file, number, translate(pg_temp.tidy(text, number), E'\x01\x02\t', '?? ') AS text FROM pg_temp.line) l USING (file, number)
ORDER BY m.file, m.number;
\endif
\if :many_refused
SELECT format('    and %s more', :refused - 20);
\endif

SELECT format('  %s: no good 1-minute bar in it', name) FROM source
WHERE NOT EXISTS (SELECT FROM minute WHERE minute.file = source.file AND skipped IS NULL AND refused IS NULL)
	AND NOT EXISTS (SELECT FROM minute WHERE minute.file = source.file AND refused LIKE 'the same minute%');

CREATE TEMP TABLE shown AS SELECT min(ts_utc) AS ts_utc FROM compared;
COMMIT;

\if :any_good
-- What stays to be known: in which zone the stamps were read, and whether anybody makes bars of these.
SELECT format('  time stamps were read %s', CASE WHEN :'format' = 'binance' THEN 'as UTC' WHEN :'timezone' <> '' THEN format('in %s, except those with an offset of their own', :'timezone')
	WHEN :'format' = 'histdata' THEN 'as UTC-5 all year, as HistData documents; some files are at UTC-4 (--timezone)'
	ELSE 'as UTC, except those with an offset of their own (--timezone reads them in another zone)' END);
SELECT to_regclass(format('%I.data_agg_state', :'schema')) IS NOT NULL AS tasks
\gset
\if :tasks
SELECT count(*) = 0 AS no_task, coalesce(min(agg_start_utc) > (SELECT min(ts_utc) FROM shown), false) AS before_start, min(agg_start_utc) AS start,
	quote_ident(:'schema') AS home
FROM :"schema".data_agg_state WHERE canonical_symbol = :'symbol' AND enabled
\gset
\if :no_task
SELECT format(E'  no task makes bars of it yet. To have one start at the first bar:\n'
	'    INSERT INTO %1$s.core_asset_registry_all (canonical_symbol, metadata) VALUES (%2$L, ''{"agg": {"start_utc": "first_bar"}}'');\n'
	'    SELECT %1$s.sync_agg_state_from_registry();', :'home', :'symbol');
\endif
\if :before_start
SELECT format(E'  its tasks make no bars before %3$s. To have bars of everything that was imported:\n'
	'    UPDATE %1$s.core_asset_registry_all SET metadata = jsonb_set(jsonb_set(coalesce(metadata, ''{}''), ''{agg}'', coalesce(metadata -> ''agg'', ''{}'')), ''{agg,start_utc}'', ''"first_bar"'') WHERE canonical_symbol = %2$L;\n'
	'    SELECT %1$s.sync_agg_state_from_registry();', :'home', :'symbol', to_char(:'start'::timestamptz, 'YYYY-MM-DD HH24:MI "UTC"'));
\endif
\endif
\else
DO $$ BEGIN RAISE EXCEPTION 'nothing was loaded: the files hold no good 1-minute bar'; END $$;
\endif
