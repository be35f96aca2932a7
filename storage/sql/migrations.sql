-- name: progress
-- How far a migration's connection is with an index, and whom it waits for.
SELECT
    p.phase, CASE WHEN p.blocks_total > 0 THEN 100 * p.blocks_done / p.blocks_total END AS percent,
    pg_blocking_pids(me.pid) AS waits_for
FROM (SELECT $1::int AS pid) AS me LEFT JOIN pg_stat_progress_create_index AS p USING (pid);
