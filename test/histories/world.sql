-- What random histories need: tasks for many symbols, a writer of random scripts, and the last word on how it came out.
--
-- Each symbol is a history of its own: six hours of minutes, tasks of five to seven timeframes, and whatever the sessions do to them, and to the tasks. Where
-- the hours lie, and which calendars and sources there are, says rules.sql. EURUSD and the other five are the dollar index's pairs, so that DXY's minutes and bars follow theirs; and so do those of two more indexes, CROSS and DEEP. Of the last symbol source is retired now and then: what is
-- sealed then must stay as it is, which a trigger watches.
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS aggregation;
-- The symbol whose source is retired has a partition of its own, which comes and goes; not where all tables are to be distributed.
\if :{?distributed}
\else
CREATE TABLE IF NOT EXISTS data_bars (canonical_symbol text, timeframe text, ts_utc timestamptz, provider_ticker text, open float8, high float8, low float8, close float8, vol float8, vwap float8, trade_count bigint,
	is_partial boolean NOT NULL DEFAULT false, source text NOT NULL DEFAULT 'ingest', ingested_at timestamptz, raw jsonb, created_at timestamptz, updated_at timestamptz, PRIMARY KEY (canonical_symbol, timeframe, ts_utc)) PARTITION BY LIST (canonical_symbol);
CREATE TABLE IF NOT EXISTS all_others PARTITION OF data_bars DEFAULT;
\endif
DO $$ BEGIN PERFORM agg_setup(); END $$;

CREATE TABLE IF NOT EXISTS symbols (n int PRIMARY KEY, symbol text UNIQUE);
CREATE TABLE IF NOT EXISTS script (n bigint GENERATED ALWAYS AS IDENTITY, line text);
CREATE TABLE IF NOT EXISTS note (what text);

CREATE OR REPLACE FUNCTION dice(p_sides int) RETURNS int LANGUAGE sql VOLATILE AS $$ SELECT floor(random() * p_sides)::int $$;
\ir rules.sql

-- Nothing is left.
CREATE OR REPLACE PROCEDURE forget_everything() LANGUAGE plpgsql AS $$
DECLARE
	name text;
BEGIN
	FOREACH name IN ARRAY ARRAY['data_bars', 'derived_data_bars', 'data_agg_state', 'core_asset_registry_all', 'symbols', 'agg_sealed_ranges', 'agg_refused_ranges', 'agg_dirty_ranges', 'agg_recent_tasks', 'ops_runlog', 'agg_kept_revisions', 'agg_bar_revisions', 'agg_retention'] LOOP
		EXECUTE format('TRUNCATE %I', name);
	END LOOP;
	IF EXISTS (SELECT FROM pg_class WHERE oid = 'data_bars'::regclass AND relkind = 'p') THEN
		DROP TABLE IF EXISTS retired;
		CREATE TABLE retired PARTITION OF data_bars FOR VALUES IN ('S16');
	END IF;
	DELETE FROM agg_change_log;
	DELETE FROM agg_sealed_ranges;
	DELETE FROM note;
	DELETE FROM agg_indexes;
	CALL forget_calendars();
END
$$;

-- Of many nodes none keeps revisions.
CREATE OR REPLACE FUNCTION keeps_revisions() RETURNS boolean LANGUAGE sql AS 'SELECT true';

-- Everything is new again.
CREATE OR REPLACE PROCEDURE start_over(p_symbols int, p_seed int) LANGUAGE plpgsql AS $$
BEGIN
	CALL forget_everything();
	CALL first_calendars(p_seed);
	CALL first_indexes();
	INSERT INTO symbols SELECT n, CASE WHEN n <= 9 THEN (ARRAY['EURUSD', 'USDJPY', 'GBPUSD', 'USDCAD', 'USDSEK', 'USDCHF', 'DXY', 'CROSS', 'DEEP'])[n] ELSE 'S' || n END
	FROM generate_series(1, p_symbols) AS n;
	INSERT INTO core_asset_registry_all (canonical_symbol, metadata) SELECT symbol, first_metadata(n, p_seed) FROM symbols;
	PERFORM sync_agg_state_from_registry('prod');
	PERFORM agg_set_source(symbol, 'exact') FROM symbols WHERE (n + p_seed) % 5 = 2;
	PERFORM agg_set_keep_revisions(t.canonical_symbol, t.timeframe, true) FROM data_agg_state AS t JOIN symbols AS s ON s.symbol = t.canonical_symbol WHERE (s.n + p_seed) % 3 = 0 AND keeps_revisions();
	-- Bars of the same minute are the same whoever writes them first: a price follows from symbol, minute and a version.
END
$$;

-- A minute's prices in a version: 0 as it came first, others are corrections.
CREATE OR REPLACE FUNCTION bar(p_symbol text, p_minute int, p_version int, OUT open float8, OUT high float8, OUT low float8, OUT close float8, OUT vol float8, OUT vwap float8, OUT trade_count bigint)
LANGUAGE sql IMMUTABLE AS $$
	SELECT b.o, b.o * 1.01, b.o * 0.99, b.o * 1.001, CASE WHEN h % 7 = 0 THEN NULL ELSE (h % 900) + 0.25 END, CASE WHEN h % 5 = 0 THEN NULL ELSE b.o * 1.0005 END, h % 50
	FROM (SELECT abs(hashtext(p_symbol || p_minute || '/' || p_version))::bigint AS h) AS x,
		LATERAL (SELECT CASE WHEN x.h % 97 = 0 THEN 'NaN'::float8 ELSE 1 + (x.h % 10000) / 10000.0 END AS o) AS b
$$;

CREATE OR REPLACE FUNCTION minutes(p_symbol text, p_from int, p_to int, p_version int) RETURNS SETOF data_bars LANGUAGE sql STABLE AS $$
	SELECT r.* FROM generate_series(p_from, p_to) AS m, bar(p_symbol, m, p_version) AS b,
		jsonb_populate_record(NULL::data_bars, jsonb_build_object('canonical_symbol', p_symbol, 'timeframe', '1m', 'ts_utc', at(m), 'is_partial', false, 'source', 'ingest')) AS r0,
		LATERAL (SELECT r0.canonical_symbol, r0.timeframe, r0.ts_utc, r0.provider_ticker, b.open, b.high, b.low, b.close, b.vol, b.vwap, b.trade_count, r0.is_partial, r0.source, now(), '{}'::jsonb, now(), now()) AS r
$$;

-- Bars whose newest revision is not what is stored: what was changed and not told, told and not changed, or told in another order.
CREATE OR REPLACE VIEW untold AS
SELECT r.canonical_symbol, r.timeframe, r.ts_utc, r.made_at, r.revision, r.deleted, r.close AS told, d.close AS stored, d.revision AS stored_revision
FROM (SELECT DISTINCT ON (canonical_symbol, timeframe, ts_utc) * FROM agg_bar_revisions ORDER BY canonical_symbol, timeframe, ts_utc, made_at DESC) AS r
JOIN agg_kept_revisions AS k ON k.canonical_symbol = r.canonical_symbol AND k.timeframe = r.timeframe
LEFT JOIN derived_data_bars AS d ON d.canonical_symbol = r.canonical_symbol AND d.timeframe = r.timeframe AND d.ts_utc = r.ts_utc AND d.deleted_at IS NULL
WHERE (r.deleted <> (d.canonical_symbol IS NULL)
		AND NOT (d.canonical_symbol IS NULL AND EXISTS (SELECT FROM agg_retention AS p WHERE p.canonical_symbol = r.canonical_symbol AND p.timeframe = r.timeframe))) -- what a policy removes is no revision
	OR (NOT r.deleted AND d.canonical_symbol IS NOT NULL AND (r.open, r.high, r.low, r.close, r.vol, r.vwap, r.trade_count, r.quality_score, r.revision)
		IS DISTINCT FROM (d.open, d.high, d.low, d.close, d.vol, d.vwap, d.trade_count, d.quality_score::bigint, d.revision))
UNION ALL
SELECT d.canonical_symbol, d.timeframe, d.ts_utc, NULL, NULL, NULL, NULL, d.close, d.revision
FROM derived_data_bars AS d JOIN agg_kept_revisions AS k ON k.canonical_symbol = d.canonical_symbol AND k.timeframe = d.timeframe
WHERE d.deleted_at IS NULL AND NOT EXISTS (SELECT FROM agg_bar_revisions AS r WHERE (r.canonical_symbol, r.timeframe, r.ts_utc) = (d.canonical_symbol, d.timeframe, d.ts_utc));

CREATE OR REPLACE FUNCTION retired_symbol() RETURNS text LANGUAGE sql STABLE AS $$ SELECT symbol FROM symbols ORDER BY n DESC LIMIT 1 $$;

-- Seals that were there when the writer's transaction began, and its own: one that is committed while it writes comes after it. Bars of five
-- minutes are sealed by those of minutes and by their own, not by those of hours that a policy has removed. What somebody takes away or brings
-- back by hand is his decision.
CREATE OR REPLACE FUNCTION watch_sealed() RETURNS trigger LANGUAGE plpgsql SET search_path = public AS $$
DECLARE
	seals text;
BEGIN
	IF OLD.timeframe = '5m' AND current_query() !~ 'derived_(soft_delete|restore)_range' THEN
		SELECT string_agg(r::text, ' ') INTO seals FROM agg_sealed_ranges AS r
		WHERE r.canonical_symbol = OLD.canonical_symbol AND COALESCE(r.timeframe, '1m') IN ('1m', '5m')
			AND r.from_utc < OLD.ts_utc + interval '5 min' AND r.to_utc > OLD.ts_utc AND (pg_xact_commit_timestamp(r.xmin) < now()) IS NOT FALSE;
		IF seals IS NOT NULL THEN
			INSERT INTO note VALUES (format('sealed bar changed by %s: %s to %s; seals %s', current_query(), OLD, NEW, seals));
		END IF;
	END IF;
	RETURN NEW;
END
$$;
DROP TRIGGER IF EXISTS watch_sealed ON derived_data_bars;
\if :{?distributed}
\else
CREATE TRIGGER watch_sealed BEFORE UPDATE ON derived_data_bars FOR EACH ROW WHEN ((OLD.open, OLD.high, OLD.low, OLD.close, OLD.vol, OLD.deleted_at) IS DISTINCT FROM (NEW.open, NEW.high, NEW.low, NEW.close, NEW.vol, NEW.deleted_at)) EXECUTE FUNCTION watch_sealed();
\endif

CREATE OR REPLACE FUNCTION some_symbol() RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	k int := 1 + dice((SELECT count(*)::int FROM symbols));
BEGIN
	RETURN (SELECT symbol FROM symbols WHERE n = k AND symbol NOT IN ('DXY', 'CROSS', 'DEEP') UNION ALL SELECT 'EURUSD' LIMIT 1);
END
$$;

-- A change of source, as one statement.
CREATE OR REPLACE FUNCTION random_change() RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	s text := some_symbol();
	-- Half of it where the day has come to, the rest anywhere before.
	phase int := current_setting('history.phase')::int;
	a int := CASE WHEN dice(2) = 0 THEN dice(1 + phase) ELSE greatest(0, phase - 20 + dice(25)) END;
	b int := least(359, a + CASE WHEN dice(3) = 0 THEN dice(40) ELSE dice(6) END);
	v int := dice(5);
	kind int := dice(100);
	span text := format('canonical_symbol = %L AND timeframe = ''1m'' AND ts_utc BETWEEN at(%s) AND at(%s)', s, a, b);
BEGIN
	IF kind < 40 THEN
		RETURN format('INSERT INTO data_bars SELECT * FROM minutes(%L, %s, %s, %s) ON CONFLICT DO NOTHING;', s, a, b, v);
	ELSIF kind < 55 THEN
		RETURN format('INSERT INTO data_bars AS d SELECT * FROM minutes(%L, %s, %s, %s) ON CONFLICT (canonical_symbol, timeframe, ts_utc) DO UPDATE SET open = EXCLUDED.open, high = EXCLUDED.high, low = EXCLUDED.low, close = EXCLUDED.close, vol = EXCLUDED.vol, vwap = EXCLUDED.vwap, trade_count = EXCLUDED.trade_count;', s, a, b, v);
	ELSIF kind < 70 THEN
		RETURN format('DELETE FROM data_bars WHERE %s;', span);
	ELSIF kind < 80 THEN
		RETURN format('UPDATE data_bars SET vol = vol + %s, high = high * 1.1 WHERE %s;', v, span);
	ELSIF kind < 84 THEN
		RETURN format('UPDATE data_bars SET vol = vol, raw = ''{"touched": true}'' WHERE %s;', span);
	ELSIF kind < 88 THEN -- keys change, in time or from one symbol to another
		RETURN CASE WHEN dice(2) = 0 THEN format('UPDATE data_bars SET ts_utc = ts_utc + interval ''%s min'' WHERE %s;', 1 + dice(400), span)
			ELSE format('UPDATE data_bars SET canonical_symbol = %L WHERE %s;', some_symbol(), span) END;
	ELSIF kind < 91 THEN
		RETURN format('UPDATE data_bars SET timeframe = CASE timeframe WHEN ''1m'' THEN ''1x'' ELSE ''1m'' END WHERE canonical_symbol = %L AND ts_utc BETWEEN at(%s) AND at(%s);', s, a, b);
	ELSIF kind < 95 AND current_setting('server_version_num')::int >= 150000 THEN
		RETURN format('MERGE INTO data_bars AS d USING minutes(%L, %s, %s, %s) AS n ON d.canonical_symbol = n.canonical_symbol AND d.timeframe = n.timeframe AND d.ts_utc = n.ts_utc WHEN MATCHED AND n.trade_count %% 2 = 0 THEN DELETE WHEN MATCHED THEN UPDATE SET close = n.close WHEN NOT MATCHED THEN INSERT (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol) VALUES (n.canonical_symbol, n.timeframe, n.ts_utc, n.open, n.high, n.low, n.close, n.vol);', s, a, b, v);
	ELSIF kind < 99 THEN
		RETURN format(E'COPY data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol) FROM stdin;\n%s\n\\.',
			(SELECT string_agg(concat_ws(E'\t', m.canonical_symbol, m.timeframe, m.ts_utc, m.open, m.high, m.low, m.close, coalesce(m.vol::text, '\N')), E'\n') FROM minutes(s, a, b, v) AS m));
	END IF;
	RETURN CASE WHEN dice(12) = 0 THEN 'TRUNCATE data_bars;' ELSE format('DELETE FROM data_bars WHERE canonical_symbol = %L;', s) END;
END
$$;

-- Work on a task, as a worker, a runner or an administrator does it.
CREATE OR REPLACE FUNCTION random_work() RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	s text := (SELECT symbol FROM symbols ORDER BY random() LIMIT 1);
	tf text := (ARRAY['5m', '5m', '15m', '1h', '4h', '1d', '1w', '1mo'])[1 + dice(8)];
	start text := format('at(%s)', dice(1 + current_setting('history.phase')::int / 5) * 5);
	kind int := dice(100);
	nap text := format('SELECT pg_sleep(%s);', round(random()::numeric / 30, 4));
	token text := CASE WHEN dice(2) = 0 THEN ', p_claim_token => :''token''' ELSE '' END;
	-- Somebody's clock is anywhere in the day, before or behind what is there already; or some days or weeks later.
	clock text := CASE WHEN dice(4) = 0 THEN format(', p_now_utc => at(%s)', dice(420)) WHEN dice(8) = 0 THEN format(', p_now_utc => at(%s) + interval ''%s hours''', dice(420), dice(1000)) ELSE '' END;
BEGIN
	IF kind < 30 THEN
		RETURN format('CALL agg_run(p_time_budget => ''%s ms'', p_batch => %s, p_max_windows => %s%s);', dice(60), 1 + dice(40), 1 + dice(60), clock);
	ELSIF kind < 55 THEN -- a worker outside: claim, read, move on, each a transaction of its own
		RETURN format(E'\\set claimed f\nSELECT coalesce(a ->> ''success'', ''f'') AS claimed, coalesce(a ->> ''claim_token'', gen_random_uuid()::text) AS token, coalesce(a ->> ''last_agg_bar_ts_utc'', at(0)::text) AS cursor FROM agg_start(%L, %L) AS a \\gset\n\\if :claimed\nSELECT catchup_aggregation_range(%L, %L, :''cursor'', %s%s) ->> ''cursor_advanced_to'' AS cursor \\gset\n%s\nSELECT agg_finish(%L, %L, true, :''cursor''%s);\n\\endif',
			s, tf, s, tf, 1 + dice(80), clock, nap, s, tf, token || clock);
	ELSIF kind < 65 THEN -- by hand, from anywhere, now and then with a snapshot that is old by then
		RETURN CASE dice(4)
			WHEN 0 THEN format('SELECT catchup_aggregation_range(%L, %L, %s, %s%s);', s, tf, start, 1 + dice(100), clock)
			WHEN 3 THEN format(E'BEGIN;\nSELECT catchup_aggregation_range(%L, %L, %s, %s);\n%s\nCOMMIT;', s, tf, start, 1 + dice(100), nap)
			WHEN 1 THEN format(E'BEGIN ISOLATION LEVEL REPEATABLE READ;\nSELECT count(*) FROM symbols;\n%s\nSELECT agg_start(%L, %L);\nSELECT agg_finish(%L, %L, true, (catchup_aggregation_range(%L, %L, coalesce((SELECT last_agg_bar_ts_utc FROM data_agg_state WHERE canonical_symbol = %L AND timeframe = %L), at(0)), %s) ->> ''cursor_advanced_to'')::timestamptz);\n%s\nCOMMIT;', nap, s, tf, s, tf, s, tf, s, tf, 1 + dice(80), nap)
			ELSE format(E'BEGIN ISOLATION LEVEL REPEATABLE READ;\nSELECT count(*) FROM symbols;\n%s\nSELECT agg_run_batch(p_max_tasks => %s);\n%s\n%s;', nap, 1 + dice(20), nap, CASE WHEN dice(4) = 0 THEN 'ROLLBACK' ELSE 'COMMIT' END)
		END;
	ELSIF kind < 72 THEN
		RETURN format(E'BEGIN;\nSELECT agg_run_batch(p_max_tasks => %s, p_max_windows => %s%s);\n%s\n%s;', 1 + dice(30), 1 + dice(100), clock, nap, CASE WHEN dice(3) = 0 THEN 'ROLLBACK' ELSE 'COMMIT' END);
	ELSIF kind < 78 THEN
		RETURN format(E'BEGIN;\nSELECT aggregate_window(%L, ''5m'', %s, %s + interval ''5 min'');\n%s\nCOMMIT;', s, start, start, nap);
	ELSIF kind < 84 THEN
		RETURN format('SELECT derived_rebuild_range(%L, %L, %s, %s + interval ''%s min'', %s, ''rebuilt'', %s);', s, tf, start, start, 1 + dice(200), CASE WHEN dice(2) = 0 THEN 'true' ELSE 'false' END, 1 + dice(50));
	ELSIF kind < 87 THEN
		RETURN format(E'BEGIN;\nSELECT derived_soft_delete_range(%L, %L, %s, %s + interval ''2 hours'', ''history'');\n%s\nSELECT %s(%L, %L, %s, %s + interval ''2 hours'');\n%s;', s, tf, start, start, nap, CASE WHEN dice(2) = 0 THEN 'derived_restore_range' ELSE 'derived_rebuild_range' END, s, tf, start, start, CASE WHEN dice(3) = 0 THEN 'ROLLBACK' ELSE 'COMMIT' END);
	ELSIF kind < 91 THEN
		RETURN CASE WHEN dice(3) = 0 THEN 'SELECT agg_reset_cursor();' ELSE format('SELECT agg_reset_cursor(%L, %L, %s);', s, tf, start) END;
	ELSIF kind < 93 THEN
		RETURN format('SELECT agg_mark_changed(%L, %s, %s + interval ''1 hour'');', s, start, start);
	ELSIF kind < 97 THEN
		RETURN 'SELECT count(*) FROM agg_get_due_tasks(''prod'', p_running_stale_seconds => 0);';
	ELSIF kind < 98 THEN
		RETURN format('SELECT agg_compute_index(%L, %s, %s + interval ''1 hour'');', (ARRAY['DXY', 'CROSS', 'DEEP'])[1 + dice(3)], start, start);
	ELSIF kind < 99 THEN
		RETURN format('SELECT agg_disable_task(%L, %L); SELECT agg_enable_task(%L, %L);', s, tf, s, tf);
	END IF;
	RETURN 'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE ''history%'' AND pid <> pg_backend_pid() ORDER BY random() LIMIT 1;';
END
$$;

CREATE OR REPLACE FUNCTION configuration_kind() RETURNS int LANGUAGE sql VOLATILE AS 'SELECT dice(7)';

-- Tasks that go, come back, and are configured anew, a transaction's own changes, and source that is retired, often in one transaction with
-- a run.
CREATE OR REPLACE FUNCTION random_configuration() RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	s text := (SELECT symbol FROM symbols ORDER BY random() LIMIT 1);
	tf text := (ARRAY['5m', '15m', '1h', '4h', '1d', '1w', '1mo'])[1 + dice(7)];
	moment text := format('at(%s)', dice(1 + current_setting('history.phase')::int));
	nap text := format('SELECT pg_sleep(%s);', round(random()::numeric / 20, 4));
	run text := (ARRAY['', format('SELECT agg_run_batch(p_max_tasks => %s);', 1 + dice(40)), format('SELECT catchup_aggregation_range(%L, %L, at(0), %s);', s, tf, 1 + dice(80))])[1 + dice(3)];
	ending text := CASE WHEN dice(4) = 0 THEN 'ROLLBACK;' ELSE 'COMMIT;' END;
BEGIN
	CASE configuration_kind()
	WHEN 0 THEN -- gone and back; a task that is not there must not be caught up
		RETURN format(E'BEGIN;\nDELETE FROM data_agg_state WHERE canonical_symbol = %L AND timeframe = %L;\n%s\n%s\nSELECT sync_agg_state_from_registry(''prod'');\n%s\n%s\n%s', s, tf, CASE WHEN dice(3) = 0 THEN E'COMMIT;\nBEGIN;' ELSE '' END, nap, run, nap, ending);
	WHEN 1 THEN
		RETURN format(E'BEGIN;\nSELECT agg_set_start(%L, %L, %s);\n%s\n%s\n%s', s, tf, moment, run, nap, ending);
	WHEN 2 THEN
		RETURN format(E'BEGIN;\nUPDATE data_agg_state SET agg_start_utc = %s WHERE canonical_symbol = %L AND timeframe = %L;\n%s\n%s\n%s', moment, s, tf, run, nap, ending);
	WHEN 3 THEN
		RETURN format(E'BEGIN;\nUPDATE data_agg_state SET source_timeframe = CASE source_timeframe WHEN ''1m'' THEN CASE WHEN timeframe = ''4h'' AND calendar IS NULL THEN ''1h'' ELSE ''5m'' END ELSE ''1m'' END WHERE canonical_symbol = %L AND timeframe IN (''15m'', ''1h'', ''4h'', ''1d'');\n%s\n%s\n%s', s, run, nap, ending);
	WHEN 4 THEN -- a partition is emptied, goes or comes back, now and then by one with an old snapshot
		RETURN format(E'BEGIN%s;\nSELECT count(*) FROM symbols;\n%s\n%s\n%s', CASE WHEN dice(2) = 0 THEN ' ISOLATION LEVEL REPEATABLE READ' ELSE '' END, nap,
			(ARRAY['TRUNCATE retired;', 'TRUNCATE data_bars;', 'ALTER TABLE data_bars DETACH PARTITION retired;', E'DROP TABLE retired;\nCREATE TABLE retired PARTITION OF data_bars FOR VALUES IN (''S16'');',
				E'DELETE FROM all_others WHERE canonical_symbol = ''S16'';\nALTER TABLE data_bars ATTACH PARTITION retired FOR VALUES IN (''S16'');'])[(ARRAY[1, 1, 2, 3, 3, 4, 5, 5, 5, 5])[1 + dice(10)]], ending);
	WHEN 5 THEN -- its own changes, seen by its own run
		RETURN format(E'BEGIN;\n%s\n%s\n%s\n%s', random_change(), CASE WHEN run = '' THEN 'SELECT count(*) FROM agg_get_due_tasks(''prod'');' ELSE run END, nap, ending);
	ELSE
		RETURN format(E'BEGIN;\n%s\n%s\n%s', CASE dice(4)
			WHEN 0 THEN format('SELECT agg_unseal_range(%L, at(0), %s);', retired_symbol(), moment)
			WHEN 1 THEN format('SELECT agg_set_retention(%L, %L, now() - %s);', retired_symbol(), (ARRAY['1m', '1m', '5m', '1h'])[1 + dice(4)], moment)
			ELSE format('SELECT agg_retire_source(%s, %L);', moment, retired_symbol()) END, nap, ending)
			|| E'\nCALL agg_run(p_max_tasks => 1);';
	END CASE;
END
$$;

-- Some changes in one transaction, with savepoints, and an end that is not always a commit.
CREATE OR REPLACE FUNCTION random_transaction() RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	lines text[] := ARRAY['BEGIN;'];
	depth int := 0;
BEGIN
	FOR i IN 1 .. 1 + dice(6) LOOP
		CASE dice(7)
		WHEN 0 THEN
			depth := depth + 1;
			lines := lines || format('SAVEPOINT s%s;', depth);
		WHEN 1 THEN
			IF depth > 0 THEN
				lines := lines || format('ROLLBACK TO s%s;', depth);
			END IF;
		WHEN 2 THEN
			IF depth > 0 THEN
				lines := lines || format('RELEASE s%s;', depth);
				depth := depth - 1;
			END IF;
		WHEN 3 THEN
			lines := lines || format('SELECT pg_sleep(%s);', round(random()::numeric / 15, 4));
		WHEN 4 THEN -- one that fails inside and is survived
			lines := lines || format('DO $do$ BEGIN %s RAISE division_by_zero; EXCEPTION WHEN OTHERS THEN NULL; END $do$;', replace(CASE WHEN dice(1) = 0 THEN format('UPDATE data_bars SET vol = 1 WHERE canonical_symbol = %L;', some_symbol()) END, E'\n', ' '));
		ELSE
			lines := lines || random_change();
		END CASE;
	END LOOP;
	lines := lines || CASE WHEN dice(4) = 0 THEN 'ROLLBACK;' ELSE 'COMMIT;' END;
	RETURN array_to_string(lines, E'\n');
END
$$;

-- A session's script; lines that say -- next -- are where a session that was killed goes on.
CREATE OR REPLACE FUNCTION random_script(p_seed int, p_session int, p_steps int) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	lines text[] := ARRAY[]::text[];
BEGIN
	PERFORM setseed(((p_seed * 31 + p_session * 7919) % 1000003) / 1000003.0);
	FOR i IN 1 .. p_steps LOOP
		PERFORM set_config('history.phase', (i * 355 / p_steps)::text, false);
		lines := lines || CASE
			WHEN dice(100) < 20 THEN random_change()
			WHEN dice(100) < 45 THEN random_transaction()
			WHEN dice(100) < 12 THEN random_configuration()
			WHEN dice(100) < 6 THEN random_rules()
			ELSE random_work() END || E'\n-- next --'::text;
	END LOOP;
	RETURN array_to_string(lines, E'\n');
END
$$;

-- Works until nothing is left to do.
CREATE OR REPLACE PROCEDURE work_to_the_end(p_sync boolean) LANGUAGE plpgsql AS $$
DECLARE
	left_over bigint;
BEGIN
	-- A session may have been killed between disabling a task and enabling it again; and a task that could not be made from its source in a
	-- calendar that has since been changed, or that the symbol no longer has, may have been disabled for its failures.
	PERFORM agg_enable_task(canonical_symbol, timeframe) FROM data_agg_state WHERE NOT enabled OR status = 'disabled';
	-- What was done to the tasks stays in most rounds: a sync would make most of them anew. In the others they are what the registry says.
	IF p_sync THEN
		PERFORM sync_agg_state_from_registry('prod');
	END IF;
	-- Bars before the start of a task stay, but no fresh database can make them.
	UPDATE data_agg_state SET agg_start_utc = first_start() WHERE agg_start_utc IS DISTINCT FROM first_start();
	-- Source of tasks that are gone is not made any more, and the proof would say so.
	INSERT INTO data_agg_state (canonical_symbol, timeframe, source_timeframe, calendar, agg_start_utc)
	SELECT s.symbol, d.tf, d.source, (SELECT max(t.calendar) FROM data_agg_state AS t WHERE t.canonical_symbol = s.symbol), first_start()
	FROM symbols AS s, (VALUES ('5m', '1m'), ('15m', '5m'), ('1h', '5m'), ('4h', '1m'), ('1d', '1m'), ('1w', '1d'), ('1mo', '1d')) AS d(tf, source)
	WHERE NOT EXISTS (SELECT FROM data_agg_state AS t WHERE t.canonical_symbol = s.symbol AND t.timeframe = d.tf)
		AND (d.tf IN ('5m', '1h', '1d') OR EXISTS (SELECT FROM derived_data_bars AS b WHERE b.canonical_symbol = s.symbol AND b.timeframe = d.tf));
	COMMIT;
	FOR i IN 1 .. 200 LOOP
		PERFORM count(*) FROM agg_get_due_tasks('prod', p_running_stale_seconds => 0, p_limit => 1);
		UPDATE data_agg_state SET next_run_at = NULL, last_error = NULL WHERE next_run_at IS NOT NULL OR last_error IS NOT NULL;
		COMMIT;
		LOOP
			SELECT (a ->> 'windows_processed')::bigint + (a ->> 'late_windows_processed')::bigint + CASE WHEN (a ->> 'continue')::boolean THEN 1 ELSE 0 END INTO left_over FROM agg_run_batch(p_max_windows => 100000) AS a;
			COMMIT;
			EXIT WHEN left_over = 0;
		END LOOP;
		EXIT WHEN NOT EXISTS (SELECT FROM agg_change_log) AND NOT EXISTS (SELECT FROM agg_dirty_ranges WHERE due = 'now');
	END LOOP;
END
$$;

CREATE OR REPLACE VIEW outcome AS
SELECT canonical_symbol, timeframe, ts_utc, float8send(open) AS open, float8send(high) AS high, float8send(low) AS low, float8send(close) AS close, float8send(vol) AS vol, float8send(vwap) AS vwap, trade_count, source_timeframe, source_candles, expected_candles, quality_score
FROM derived_data_bars WHERE deleted_at IS NULL;
