-- Nothing that works on tables is executable by PUBLIC; the worker's role gets everything but the administrator's functions, where it exists.
-- Candlesticks are anybody's: what is IMMUTABLE sees nothing but its arguments.

DO $$
DECLARE
    member record;
    grantee pg_catalog.regrole;
    worker_exists boolean := EXISTS (SELECT FROM pg_catalog.pg_roles AS r WHERE r.rolname OPERATOR(pg_catalog.=) 'service_role');
BEGIN
    FOR member IN
        SELECT p.oid, p.oid::pg_catalog.regprocedure AS signature, p.proname AS name
        FROM pg_catalog.pg_proc AS p
        JOIN pg_catalog.pg_depend AS d ON d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_proc'::pg_catalog.regclass
            AND d.objid OPERATOR(pg_catalog.=) p.oid AND d.deptype OPERATOR(pg_catalog.=) 'e'
        JOIN pg_catalog.pg_extension AS e ON d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_extension'::pg_catalog.regclass
            AND d.refobjid OPERATOR(pg_catalog.=) e.oid AND e.extname OPERATOR(pg_catalog.=) 'aggregation'
        WHERE p.provolatile OPERATOR(pg_catalog.<>) 'i'
    LOOP
        EXECUTE pg_catalog.format('REVOKE ALL ON ROUTINE %s FROM PUBLIC', member.signature);
        -- What default privileges have given away.
        FOR grantee IN
            SELECT DISTINCT x.grantee::pg_catalog.regrole FROM pg_catalog.pg_proc AS p, pg_catalog.aclexplode(p.proacl) AS x
            WHERE p.oid OPERATOR(pg_catalog.=) member.oid AND x.grantee OPERATOR(pg_catalog.<>) p.proowner AND x.grantee OPERATOR(pg_catalog.<>) 0::pg_catalog.oid
        LOOP
            EXECUTE pg_catalog.format('REVOKE ALL ON ROUTINE %s FROM %s', member.signature, grantee);
        END LOOP;
        IF worker_exists AND member.name OPERATOR(pg_catalog.<>) ALL (ARRAY[
            'agg_setup',
            'agg_adopt',
            'agg_distribute',
            'agg_partition_by_month',
            'agg_retire_old_minutes',
            'agg_rollback_report',
            'agg_grant',
            'agg_revoke',
            'agg_schedule',
            'agg_unschedule',
            'agg_retire_source',
            'agg_set_retention',
            'derived_purge_deleted',
            'agg_purge_revisions',
            'agg_capture_changes',
            'agg_note_timeframe',
            'agg_note_task_change',
            'agg_note_calendar_change',
            'agg_note_index_change',
            'agg_note_event',
            'agg_note_due',
            'agg_capture_ticks',
            'agg_watch_partitions'
        ]::pg_catalog.name[]) THEN
            EXECUTE pg_catalog.format('GRANT EXECUTE ON ROUTINE %s TO service_role', member.signature);
        END IF;
    END LOOP;
    IF worker_exists THEN
        GRANT SELECT ON @extschema@.v_aggregation_progress TO service_role;
    END IF;
END
$$;
