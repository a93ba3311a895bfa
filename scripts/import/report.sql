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

COMMIT;

\if :any_good
\else
DO $$ BEGIN RAISE EXCEPTION 'nothing was loaded: the files hold no good 1-minute bar'; END $$;
\endif
