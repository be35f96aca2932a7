-- name: observe
-- The oldest transaction id that is still open while later ones have ended, and which transaction that may be, as far as this
-- login can see.
SELECT
    nullif(pg_snapshot_xmin(snapshot)::text::bigint, pg_snapshot_xmax(snapshot)::text::bigint) AS oldest,
    longest.*
FROM pg_current_snapshot() AS snapshot
LEFT JOIN LATERAL (
    SELECT clock_timestamp() - since AS age, holder FROM (
        SELECT
            xact_start AS since,
            format('pid %s, user %s, %s, %s', pid, usename, coalesce(nullif(application_name, ''), 'no name'), state) AS holder
        FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
            AND (backend_xid IS NOT NULL OR backend_xmin IS NOT NULL)
        UNION ALL
        SELECT prepared, format('prepared transaction %L of %s', gid, owner)
        FROM pg_prepared_xacts WHERE database = current_database()
    ) AS seen
    WHERE since IS NOT NULL
    ORDER BY since LIMIT 1
) AS longest ON true;
