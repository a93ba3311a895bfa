-- Everything that a release puts into a database, a line for each thing and each thing said in full: the database that was updated and the
-- fresh one must print the same. $1 is the extension's schema; what is only a name of a test's is left out, and so is the index that is only
-- offered for a table that was there.
SET search_path = pg_catalog;
PREPARE of_schema AS
WITH relations AS (SELECT c.* FROM pg_class c WHERE c.relnamespace = $1::regnamespace AND c.relname <> 'data_bars_time_idx'),
members AS (
	SELECT d.classid, d.objid, d.deptype FROM pg_depend d JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
	WHERE e.extname = 'aggregation'
),
acl AS (SELECT a.*, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(a.grantee) END || '=' || a.privilege_type || CASE WHEN a.is_grantable THEN '*' ELSE '' END
		|| '/' || pg_get_userbyid(a.grantor) AS shown
	FROM (SELECT 'pg_proc'::regclass AS class, p.oid, (aclexplode(COALESCE(p.proacl, acldefault('f', p.proowner)))).* FROM pg_proc p
	UNION ALL SELECT 'pg_class', r.oid, (aclexplode(COALESCE(r.relacl, acldefault('r', r.relowner)))).* FROM relations r WHERE r.relkind <> 'i') a),
acls AS (SELECT class, oid, string_agg(shown, ' ' ORDER BY shown) AS shown FROM acl GROUP BY class, oid)
SELECT 'version ' || e.extversion || ' in ' || e.extnamespace::regnamespace || ', config ' || COALESCE(e.extconfig::text, 'none') FROM pg_extension e WHERE e.extname = 'aggregation'
UNION ALL SELECT 'member ' || pg_describe_object(classid, objid, 0) || ' ' || deptype::text FROM members
UNION ALL SELECT 'function ' || p.oid::regprocedure || ' of ' || pg_get_userbyid(p.proowner) || ': ' || pg_get_functiondef(p.oid) FROM pg_proc p WHERE p.pronamespace = $1::regnamespace AND p.prokind <> 'a'
UNION ALL SELECT 'aggregate ' || p.oid::regprocedure || ' (' || pg_get_function_arguments(p.oid) || ') parallel ' || p.proparallel::text || ': ' || (SELECT string_agg(x.key || ' ' || x.value, ', ' ORDER BY x.key) FROM jsonb_each_text(to_jsonb(g)) x) FROM pg_aggregate g JOIN pg_proc p ON p.oid = g.aggfnoid JOIN members m ON m.classid = 'pg_proc'::regclass AND m.objid = p.oid
UNION ALL SELECT 'type ' || t.oid::regtype || ' of ' || pg_get_userbyid(t.typowner) || ': ' || (SELECT string_agg(x.key || ' ' || x.value, ', ' ORDER BY x.key) FROM jsonb_each_text(to_jsonb(t) - '{oid,typarray,typelem,typrelid,typowner,typnamespace}'::text[]) x) FROM pg_type t JOIN members m ON m.classid = 'pg_type'::regclass AND m.objid = t.oid WHERE t.typrelid = 0
UNION ALL SELECT 'rights ' || p.oid::regprocedure || ': ' || COALESCE(a.shown, 'none') FROM pg_proc p LEFT JOIN acls a ON a.class = 'pg_proc'::regclass AND a.oid = p.oid WHERE p.pronamespace = $1::regnamespace
UNION ALL SELECT 'rights ' || r.oid::regclass || ': ' || COALESCE(a.shown, 'none') FROM relations r LEFT JOIN acls a ON a.class = 'pg_class'::regclass AND a.oid = r.oid WHERE r.relkind NOT IN ('i', 'I')
UNION ALL SELECT 'rights at first ' || pg_describe_object(i.classoid, i.objoid, i.objsubid) || ': ' || (SELECT string_agg(x::text, ' ' ORDER BY x::text) FROM unnest(i.initprivs) x) FROM pg_init_privs i JOIN members m ON m.classid = i.classoid AND m.objid = i.objoid
UNION ALL SELECT 'comment ' || pg_describe_object(d.classoid, d.objoid, d.objsubid) || ': ' || d.description FROM pg_description d WHERE (d.classoid, d.objoid) IN (SELECT classid, objid FROM members) OR (d.classoid = 'pg_class'::regclass AND d.objoid IN (SELECT oid FROM relations))
UNION ALL SELECT 'relation ' || r.oid::regclass || ' ' || r.relkind::text || r.relpersistence::text || ' of ' || pg_get_userbyid(r.relowner) || ' ' || COALESCE(r.reloptions::text, '') || r.relrowsecurity::text || r.relreplident::text FROM relations r
UNION ALL SELECT 'column ' || r.oid::regclass || '.' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END
		|| COALESCE(' DEFAULT ' || pg_get_expr(f.adbin, f.adrelid), '') || CASE WHEN r.relname ~ '^agg_' THEN ' as number ' || a.attnum ELSE '' END
	FROM relations r JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped LEFT JOIN pg_attrdef f ON f.adrelid = r.oid AND f.adnum = a.attnum WHERE r.relkind IN ('r', 'p', 'v')
UNION ALL SELECT 'index ' || pg_get_indexdef(x.indexrelid) || ' ' || x.indisvalid FROM pg_index x JOIN relations r ON r.oid = x.indrelid JOIN relations i ON i.oid = x.indexrelid
UNION ALL SELECT 'constraint ' || k.conrelid::regclass || ' ' || k.conname || ' ' || pg_get_constraintdef(k.oid) || ' ' || k.convalidated FROM pg_constraint k JOIN relations r ON r.oid = k.conrelid
UNION ALL SELECT 'trigger on ' || t.tgrelid::regclass || ' ' || t.tgenabled::text || ' ' || pg_get_triggerdef(t.oid) || ' ' || COALESCE((SELECT string_agg(d.deptype::text || ' ' || pg_describe_object(d.refclassid, d.refobjid, 0), ', ' ORDER BY d.deptype, 1) FROM pg_depend d WHERE d.classid = 'pg_trigger'::regclass AND d.objid = t.oid AND d.refclassid = 'pg_extension'::regclass), 'nobody''s') FROM pg_trigger t JOIN relations r ON r.oid = t.tgrelid WHERE NOT t.tgisinternal
UNION ALL SELECT 'view ' || r.oid::regclass || ' ' || pg_get_viewdef(r.oid) FROM relations r WHERE r.relkind = 'v'
UNION ALL SELECT 'event trigger ' || e.evtname || ' ' || e.evtevent || ' ' || e.evtenabled::text || ' ' || e.evttags::text || ' ' || e.evtfoid::regprocedure || ' of ' || pg_get_userbyid(e.evtowner) FROM pg_event_trigger e
UNION ALL SELECT 'setting ' || s.name || ' ' || s.vartype || ' ' || s.context || ' ' || s.boot_val FROM pg_settings s WHERE s.name ~ '^aggregation\.'
ORDER BY 1;
EXECUTE of_schema(:'schema');
