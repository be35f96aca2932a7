-- name: progress
-- The progress of an index built by a migration's connection, and what it waits for.
SELECT
    p.phase, CASE WHEN p.blocks_total > 0 THEN 100 * p.blocks_done / p.blocks_total END AS percent,
    pg_blocking_pids(me.pid) AS waits_for
FROM (SELECT $1::int AS pid) AS me LEFT JOIN pg_stat_progress_create_index AS p USING (pid);

-- name: hold_replicas
-- Keeps replicas from joining until the transaction ends.
LOCK TABLE replicas IN SHARE ROW EXCLUSIVE MODE;

-- name: older_replicas
-- Live replicas that don't know a migration.
SELECT slot FROM replicas WHERE expires_at > clock_timestamp() AND newest_migration < $1 COLLATE "C" ORDER BY slot;

-- name: forget_older
-- The dead ones as well: one that was only frozen has to join again.
DELETE FROM replicas WHERE newest_migration < $1 COLLATE "C";

-- name: require
-- Only replicas that know the migration may join from now on.
INSERT INTO required_migrations (migration_id) VALUES ($1) ON CONFLICT DO NOTHING;

-- name: missing
-- A migration that replicas have to know and that is newer than the newest one this replica knows.
SELECT max(migration_id COLLATE "C") FROM required_migrations WHERE migration_id > $1 COLLATE "C";
