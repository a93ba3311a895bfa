-- Behind world.sql, where the tables are going to be distributed: tasks stay, source is not retired, and the tables have no partitions.
CREATE OR REPLACE FUNCTION configuration_kind() RETURNS int LANGUAGE sql VOLATILE AS 'SELECT (ARRAY[1, 2, 5])[1 + dice(3)]';
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
