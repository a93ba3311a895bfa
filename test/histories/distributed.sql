-- Behind world.sql, where the tables are going to be distributed: what sessions do on any node. What is about all symbols commits on each node
-- for itself, so it stands alone. Tasks stay, and the tables have no partitions.
CREATE OR REPLACE FUNCTION random_configuration() RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	s text := (SELECT symbol FROM symbols ORDER BY random() LIMIT 1);
	tf text := (ARRAY['5m', '15m', '1h', '4h', '1d', '1w', '1mo'])[1 + dice(7)];
	moment text := format('at(%s)', dice(1 + current_setting('history.phase')::int));
	nap text := format('SELECT pg_sleep(%s);', round(random()::numeric / 20, 4));
	run text := (ARRAY['', format('SELECT catchup_aggregation_range(%L, %L, at(0), %s);', s, tf, 1 + dice(80))])[1 + dice(2)];
	ending text := CASE WHEN dice(4) = 0 THEN 'ROLLBACK;' ELSE 'COMMIT;' END;
BEGIN
	CASE dice(5)
	WHEN 0 THEN
		RETURN format(E'BEGIN;\nSELECT agg_set_start(%L, %L, %s);\n%s\n%s\n%s', s, tf, moment, run, nap, ending);
	WHEN 1 THEN
		RETURN format(E'BEGIN;\nUPDATE data_agg_state SET agg_start_utc = %s WHERE canonical_symbol = %L AND timeframe = %L;\n%s\n%s\n%s', moment, s, tf, run, nap, ending);
	WHEN 2 THEN -- its own changes, seen by its own run
		RETURN format(E'BEGIN;\n%s\n%s\n%s\n%s', random_change(), run, nap, ending);
	WHEN 3 THEN
		RETURN 'SELECT sync_agg_state_from_registry(''prod'');';
	ELSE
		RETURN format('SELECT agg_set_source(%L, %L);', s, (ARRAY['exact', 'chain'])[1 + dice(2)]);
	END CASE;
END
$$;

CREATE OR REPLACE FUNCTION keeps_revisions() RETURNS boolean LANGUAGE sql AS 'SELECT false';

-- What is called at(17) in a script has a name that all nodes know.
CREATE OR REPLACE FUNCTION with_times(p_script text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	FOR n IN 0 .. 420 LOOP
		p_script := replace(p_script, format('at(%s)', n), quote_literal(at(n)) || '::timestamptz');
	END LOOP;
	RETURN p_script;
END
$$;
