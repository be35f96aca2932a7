-- name: find
-- What currently waits for this replica's loops. Each of them then does its work with its own statements, which decide: a
-- condition here may be broader than theirs, and must never be narrower.
SELECT
    -- Includes those that died within the last minute: their work is still being taken over.
    EXISTS (SELECT FROM replicas WHERE replica_id <> $1 AND expires_at > statement_timestamp() - interval '1 minute') AS company,
    EXISTS (
        SELECT FROM running_turns AS k JOIN turns AS t ON t.turn_id = k.turn_id LEFT JOIN replicas AS r ON r.replica_id = t.owner
        WHERE t.status = 'running' AND NOT (t.owner = $1 AND t.turn_id = ANY ($2::uuid[])) AND (
            r.replica_id IS NULL OR r.replica_id = $1
            OR r.expires_at < statement_timestamp() OR t.deadline < statement_timestamp()
        )
    ) OR EXISTS (
        SELECT FROM approvals WHERE expires_at <= statement_timestamp() AND answered_at IS NULL AND closed_at IS NULL
    ) AS turns,
    EXISTS (
        SELECT FROM outbox AS o LEFT JOIN replicas AS r ON r.replica_id = o.owner
        WHERE o.state = 'unsent' AND NOT (o.owner = $1 AND o.item_id = ANY ($3::bigint[]))
            AND (r.replica_id IS NULL OR r.replica_id = $1 OR r.expires_at < statement_timestamp())
    ) AS deliveries,
    (SELECT min(next_fire_at) FROM schedules WHERE is_active) - statement_timestamp() AS fires_in,
    EXISTS (
        SELECT FROM session_states
        WHERE dirty_since IS NOT NULL
            AND (changed_at <= statement_timestamp() - $4::interval OR dirty_since <= statement_timestamp() - $5::interval)
    ) AS states,
    EXISTS (SELECT FROM recent_activity WHERE turn_id IS NULL) AS activity,
    EXISTS (
        SELECT FROM erasures
        WHERE finished_at < statement_timestamp() - interval '1 minute'
            OR finished_at IS NULL AND taken_at < statement_timestamp() - interval '1 minute'
    ) AS erasures,
    ARRAY(
        SELECT visitor_id FROM identified_visitors WHERE visitor_id = ANY ($6::text[])
    ) AS identified,
    ARRAY(
        SELECT given.digest FROM unnest($7::bytea[]) AS given (digest)
        WHERE NOT EXISTS (
            SELECT FROM api_tokens AS t
            WHERE t.digest = given.digest AND t.revoked_at IS NULL
                AND (t.expires_at IS NULL OR t.expires_at > statement_timestamp())
        )
    ) AS ended,
    ARRAY(SELECT user_id FROM erasures) AS erased,
    -- As `changes` in replicas.sql has them.
    clock_timestamp() AS now,
    pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS oldest,
    pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS next;
