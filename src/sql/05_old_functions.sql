-- An older system's functions of the same names. They stop CREATE EXTENSION, unless the session lets them make way:
--
--   SET aggregation.move_old_functions = on;
--   CREATE EXTENSION aggregation;                public.agg_finish(…)  ->  aggregation_legacy.agg_finish(…)
--   SELECT * FROM aggregation_legacy.restore();  and back, after days as well
--
-- Views of the names that agg_setup() uses go with them: it would replace them. The schema and restore() are not the extension's own: they must
-- survive DROP EXTENSION.

DO $install$
DECLARE
    old record;
    listed text;
    -- What agg_setup() makes.
    views CONSTANT pg_catalog.name[] := ARRAY['v_aggregation_alerts', 'v_aggregation_completeness', 'v_aggregation_consumers', 'v_aggregation_frontier_health', 'v_aggregation_lag',
        'v_aggregation_metrics', 'v_aggregation_progress', 'v_aggregation_quality', 'v_aggregation_retention', 'v_aggregation_tick_sources', 'v_aggregation_truth', 'v_aggregation_unread_bars'];
    move CONSTANT boolean := COALESCE(NULLIF(pg_catalog.current_setting('aggregation.move_old_functions', true), ''), 'off')::pg_catalog.bool;
BEGIN
    SELECT pg_catalog.string_agg(p.oid::pg_catalog.regprocedure::pg_catalog.text, E'\n' ORDER BY p.proname, p.oid) INTO listed
    FROM pg_catalog.pg_proc AS p
    WHERE p.pronamespace OPERATOR(pg_catalog.=) '@extschema@'::pg_catalog.regnamespace
        AND p.proname OPERATOR(pg_catalog.=) ANY (ARRAY[@function_names@]::pg_catalog.name[])
        AND NOT EXISTS (
            SELECT FROM pg_catalog.pg_depend AS d
            WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.objid OPERATOR(pg_catalog.=) p.oid
                AND d.deptype OPERATOR(pg_catalog.=) 'e');
    IF listed IS NULL THEN
        RETURN;
    END IF;
    IF NOT move THEN
        RAISE EXCEPTION USING ERRCODE = 'duplicate_function',
            MESSAGE = 'schema "@extschema@" has functions of the names that aggregation uses',
            DETAIL = listed,
            HINT = 'SET aggregation.move_old_functions = on and repeat CREATE EXTENSION: they move to the schema aggregation_legacy, and '
                'aggregation_legacy.restore() brings them back. Then run agg_adopt().';
    END IF;
    IF pg_catalog.to_regnamespace('aggregation_legacy') IS NULL THEN
        CREATE SCHEMA aggregation_legacy;
        ALTER EXTENSION aggregation DROP SCHEMA aggregation_legacy;
    END IF;
    DROP FUNCTION IF EXISTS aggregation_legacy.restore();
    EXECUTE pg_catalog.format($create$
CREATE FUNCTION aggregation_legacy.restore() RETURNS TABLE (object text, action text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $restore$
DECLARE
    home CONSTANT regnamespace := %L;
    dropped boolean := false;
    old record;
BEGIN
    IF EXISTS (SELECT FROM pg_extension WHERE extname = 'aggregation') THEN
        EXECUTE format('SELECT %%s.agg_retire_old_minutes(p_back => true)', home);
        IF EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_cron') THEN
            EXECUTE format('SELECT %%s.agg_unschedule()', home);
        END IF;
        DROP EXTENSION aggregation;
        dropped := true;
        object := 'extension aggregation';
        action := 'dropped';
        RETURN NEXT;
    END IF;
    FOR old IN
        SELECT p.oid::regprocedure::text AS signature, format('%%s.%%I(%%s)', home, p.proname, pg_get_function_identity_arguments(p.oid)) AS name
        FROM pg_proc p WHERE p.pronamespace = 'aggregation_legacy'::regnamespace AND p.proname <> 'restore' ORDER BY p.proname, p.oid
    LOOP
        EXECUTE format('ALTER ROUTINE %%s SET SCHEMA %%s', old.signature, home);
        object := old.name;
        action := 'moved back';
        RETURN NEXT;
    END LOOP;
    FOR old IN SELECT v.name, c.oid::regclass::text AS signature FROM unnest(%L::name[]) AS v(name)
        LEFT JOIN pg_class c ON c.relnamespace = 'aggregation_legacy'::regnamespace AND c.relkind = 'v' AND c.relname = v.name ORDER BY v.name
    LOOP
        CONTINUE WHEN NOT dropped AND old.signature IS NULL;
        object := format('view %%s.%%I', home, old.name);
        action := 'dropped';
        BEGIN
            EXECUTE format('DROP VIEW IF EXISTS %%s.%%I', home, old.name);
            IF old.signature IS NOT NULL THEN
                EXECUTE format('ALTER VIEW %%s SET SCHEMA %%s', old.signature, home);
                action := 'moved back';
            END IF;
        EXCEPTION WHEN dependent_objects_still_exist THEN
            action := 'left: something depends on it' || CASE WHEN old.signature IS NULL THEN '' ELSE '; yours is in aggregation_legacy' END;
        END;
        RETURN NEXT;
    END LOOP;
END
$restore$
    $create$, '@extschema@', views);
    COMMENT ON FUNCTION aggregation_legacy.restore() IS
'Drops the extension aggregation and its views, and moves the functions and views of the system before it back to their schema. Tables, bars, tasks, cursors and statistics stay as they are. Says what it did, one row each; a second call does nothing. agg_rollback_report() says beforehand what it means.';
    REVOKE ALL ON FUNCTION aggregation_legacy.restore() FROM PUBLIC;
    ALTER EXTENSION aggregation DROP FUNCTION aggregation_legacy.restore();
    FOR old IN SELECT s.signature FROM pg_catalog.string_to_table(listed, E'\n') AS s(signature) LOOP
        EXECUTE pg_catalog.format('ALTER ROUTINE %s SET SCHEMA aggregation_legacy', old.signature);
        RAISE NOTICE '% makes way: it is in the schema aggregation_legacy now', old.signature;
    END LOOP;
    FOR old IN
        SELECT c.oid::pg_catalog.regclass::pg_catalog.text AS signature FROM pg_catalog.pg_class AS c
        WHERE c.relnamespace OPERATOR(pg_catalog.=) '@extschema@'::pg_catalog.regnamespace AND c.relkind OPERATOR(pg_catalog.=) 'v'
            AND c.relname OPERATOR(pg_catalog.=) ANY (views)
    LOOP
        EXECUTE pg_catalog.format('ALTER VIEW %s SET SCHEMA aggregation_legacy', old.signature);
        RAISE NOTICE 'view % makes way: it is in the schema aggregation_legacy now', old.signature;
    END LOOP;
END
$install$;
