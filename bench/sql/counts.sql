-- name: extensions
-- Both come with Postgres; `pg_stat_statements` must have been preloaded.
CREATE EXTENSION IF NOT EXISTS pg_stat_statements;
CREATE EXTENSION IF NOT EXISTS pg_walinspect;

-- name: track
-- The statement that turns counting on for one database, those inside functions included.
SELECT format('ALTER DATABASE %I SET pg_stat_statements.track = ''all''', $1::text);

-- name: flush
-- A commit that waits for the log, so that all before it can be read there.
SET synchronous_commit = on;
SELECT pg_logical_emit_message(true, 'turngate', 'mark');

-- name: position
-- Where the log ends now.
SELECT pg_current_wal_flush_lsn()::text;

-- name: calls
-- How often the gateway's roles have run each statement here; $1: only those that were sent, not those inside functions.
SELECT s.queryid, sum(s.calls)::bigint AS calls FROM pg_stat_statements AS s
JOIN pg_database AS d ON d.oid = s.dbid JOIN pg_roles AS r ON r.oid = s.userid
WHERE d.datname = current_database() AND r.rolname <> current_user AND (s.toplevel OR NOT $1) GROUP BY s.queryid;

-- name: written
-- Commits, records, bytes, index entries, updates and HOT updates between two places of the log. The last commit is the
-- mark's own; what checkpoints, vacuum and standbys write is left out.
WITH written AS (
    SELECT "resource_manager/record_type" AS kind, count, record_size FROM pg_get_wal_stats($1::text::pg_lsn, $2::text::pg_lsn, true)
    WHERE count > 0
)
SELECT
    coalesce(sum(count) FILTER (WHERE kind = 'Transaction/COMMIT'), 1) - 1,
    coalesce(sum(count), 0),
    coalesce(sum(record_size), 0),
    coalesce(sum(count) FILTER (WHERE kind LIKE 'Btree/INSERT%' OR kind LIKE 'Gin/INSERT%' OR kind LIKE 'Gin/UPDATE%'), 0),
    coalesce(sum(count) FILTER (WHERE kind IN ('Heap/UPDATE', 'Heap/HOT_UPDATE', 'Heap/UPDATE+INIT')), 0),
    coalesce(sum(count) FILTER (WHERE kind = 'Heap/HOT_UPDATE'), 0)
FROM written WHERE split_part(kind, '/', 1) IN ('Heap', 'Heap2', 'Btree', 'Gin', 'Gist', 'Transaction', 'Sequence')
    AND kind NOT LIKE '%VACUUM%' AND kind NOT LIKE '%VISIBLE%' AND kind NOT LIKE 'Heap2/PRUNE%';
