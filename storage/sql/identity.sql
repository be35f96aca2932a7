-- name: look
-- What this connection may do, and its server process.
SELECT
    r.rolname::text AS role,
    session_user::text AS login,
    r.rolsuper OR r.rolbypassrls AS sees_past_policies,
    (SELECT l.rolsuper FROM pg_roles AS l WHERE l.rolname = session_user) AS login_is_superuser,
    EXISTS (
        SELECT FROM pg_roles AS s
        WHERE s.rolname = 'turngate_system' AND s.oid <> r.oid AND pg_has_role(r.oid, s.oid, 'MEMBER')
    ) AS may_act_as_system,
    pg_backend_pid() AS pid,
    current_setting('transaction_read_only')::boolean AS read_only
FROM pg_roles AS r WHERE r.rolname = current_user;
