-- name: relations
-- Tables and views in the order in which migrations create them, without the record of migrations itself.
SELECT c.relname AS name, c.relkind = 'v' AS is_view, c.relrowsecurity AS is_protected,
    coalesce(' WITH (' || array_to_string(c.reloptions, ', ') || ')', '') AS options,
    CASE WHEN c.relkind = 'v' THEN pg_get_viewdef(c.oid, true) END AS definition
FROM pg_class AS c
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v') AND NOT starts_with(c.relname, '_pogo_')
ORDER BY c.oid;

-- name: columns
-- What is between the parentheses of each CREATE TABLE, columns first. (Postgres 18 lists NOT NULL among the constraints, too.)
SELECT name, line FROM (
    SELECT c.relname AS name, 0 AS part, a.attnum AS place, '' AS label,
        a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
        || CASE WHEN a.attidentity <> '' THEN ' GENERATED ALWAYS AS IDENTITY' ELSE '' END
        || CASE WHEN a.attgenerated <> '' THEN ' GENERATED ALWAYS AS (' || pg_get_expr(d.adbin, d.adrelid, true) || ') STORED'
            ELSE coalesce(' DEFAULT ' || pg_get_expr(d.adbin, d.adrelid, true), '') END
        || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END AS line
    FROM pg_class AS c
    JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_attrdef AS d ON d.adrelid = c.oid AND d.adnum = a.attnum
    WHERE c.relkind IN ('r', 'p')
    UNION ALL
    SELECT conrelid::regclass::text, strpos('pufcx', contype::text), 0, conname,
        'CONSTRAINT ' || conname || ' ' || pg_get_constraintdef(oid, true)
    FROM pg_constraint WHERE conrelid <> 0 AND contype IN ('p', 'u', 'f', 'c', 'x')
) AS told
ORDER BY part, place, label COLLATE "C";

-- name: attached
-- What comes after each table: indexes, triggers, policies, grants.
SELECT name, line || ';' AS line FROM (
    SELECT i.indrelid::regclass::text AS name, 1 AS part, i.indexrelid::regclass::text AS label,
        pg_get_indexdef(i.indexrelid, 0, true) AS line
    FROM pg_index AS i
    WHERE NOT EXISTS (SELECT FROM pg_constraint AS c WHERE c.conindid = i.indexrelid AND c.contype IN ('p', 'u', 'x'))
    UNION ALL
    SELECT tgrelid::regclass::text, 2, tgname, pg_get_triggerdef(oid, true) FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL
    SELECT p.polrelid::regclass::text, 3, p.polname, 'CREATE POLICY ' || p.polname || ' ON ' || p.polrelid::regclass
        || CASE WHEN p.polpermissive THEN '' ELSE ' AS RESTRICTIVE' END
        || CASE p.polcmd WHEN 'r' THEN ' FOR SELECT' WHEN 'a' THEN ' FOR INSERT' WHEN 'w' THEN ' FOR UPDATE' WHEN 'd' THEN ' FOR DELETE' ELSE '' END
        || coalesce(' TO ' || (SELECT string_agg(r::regrole::text, ', ') FROM unnest(p.polroles) AS r WHERE r <> 0), '')
        || coalesce(' USING (' || pg_get_expr(p.polqual, p.polrelid, true) || ')', '')
        || coalesce(' WITH CHECK (' || pg_get_expr(p.polwithcheck, p.polrelid, true) || ')', '')
    FROM pg_policy AS p
    UNION ALL
    SELECT relation, 4, grantee, 'GRANT ' || string_agg(privilege, ', ' ORDER BY place) || ' ON ' || relation || ' TO ' || grantee
    FROM (
        SELECT c.oid::regclass::text AS relation, g.grantee::regrole::text AS grantee, g.privilege_type AS privilege,
            strpos('SELECT INSERT UPDATE DELETE', g.privilege_type) AS place
        FROM pg_class AS c CROSS JOIN LATERAL aclexplode(c.relacl) AS g
        WHERE c.relkind IN ('r', 'p', 'v') AND g.grantee NOT IN (0, c.relowner)
    ) AS granted
    GROUP BY relation, grantee
) AS told
ORDER BY part, label COLLATE "C";

-- name: domains
-- Domains with their constraints.
SELECT 'CREATE DOMAIN ' || t.typname || ' AS ' || format_type(t.typbasetype, t.typtypmod)
    || string_agg(' ' || pg_get_constraintdef(c.oid, true), '' ORDER BY c.conname) || ';' AS line
FROM pg_type AS t JOIN pg_constraint AS c ON c.contypid = t.oid AND c.contype = 'c'
WHERE t.typnamespace = 'public'::regnamespace AND t.typtype = 'd'
GROUP BY t.oid ORDER BY t.oid;

-- name: types
-- Composite types that don't belong to tables, with their attributes.
SELECT c.relname AS name, array_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod) ORDER BY a.attnum) AS lines
FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND NOT a.attisdropped
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'c'
GROUP BY c.relname ORDER BY c.relname;

-- name: functions
-- Functions by name, without those of extensions; `owner` and `grantees` where they differ from the usual ones.
SELECT
    p.proname AS name, pg_get_functiondef(p.oid) AS definition, p.oid::regprocedure::text AS signature,
    CASE WHEN p.proowner <> (SELECT relowner FROM pg_class WHERE oid = 'chat_sessions'::regclass)
        THEN p.proowner::regrole::text END AS owner,
    CASE WHEN p.proacl IS NOT NULL THEN ARRAY(
        SELECT g.grantee::regrole::text FROM aclexplode(p.proacl) AS g WHERE g.grantee <> p.proowner ORDER BY 1
    ) END AS grantees
FROM pg_proc AS p
WHERE p.pronamespace = 'public'::regnamespace
    AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.objid = p.oid AND d.deptype = 'e')
ORDER BY p.proname, p.oid::regprocedure::text COLLATE "C";
