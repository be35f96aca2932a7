-- name: join
-- Registers this process in its slot; whatever ran there before is dead. An earlier call of the same replica may still be at
-- work, and may conflict on either of two unique indexes, so no index is named. A version that a post migration has shut out may
-- not join.
WITH allowed AS (
    SELECT WHERE NOT EXISTS (SELECT FROM required_migrations WHERE migration_id > $4 COLLATE "C")
), former AS (
    UPDATE replicas SET
        replica_id = $1, newest_migration = $4, started_at = now(), expires_at = clock_timestamp() + $3
    WHERE slot = $2 AND EXISTS (SELECT FROM allowed) RETURNING true
)
INSERT INTO replicas (replica_id, slot, newest_migration, expires_at)
SELECT $1, $2, $4, clock_timestamp() + $3 FROM allowed WHERE NOT EXISTS (SELECT FROM former)
ON CONFLICT DO NOTHING;

-- name: is_shut_out
-- Whether a post migration has removed what this version uses.
SELECT EXISTS (SELECT FROM required_migrations WHERE migration_id > $1 COLLATE "C");

-- name: beat
-- Sends another heartbeat; a replica that was counted dead and removed returns by joining.
UPDATE replicas SET expires_at = clock_timestamp() + $2 WHERE replica_id = $1 RETURNING true;

-- name: leave
-- Ends its leases immediately.
DELETE FROM replicas WHERE replica_id = $1;

-- name: forget
-- Replicas that have been dead for an hour.
DELETE FROM replicas WHERE expires_at < clock_timestamp() - interval '1 hour';

-- name: hold
-- Takes the lease for polling an account, unless another live replica has it. The current holder writes nothing: the lease is
-- checked before every poll.
WITH held AS (
    SELECT true AS mine FROM poll_leases WHERE account = $1 AND owner = $2
), taken AS (
    INSERT INTO poll_leases AS l (account, owner) SELECT $1, $2 WHERE NOT EXISTS (SELECT FROM held)
    ON CONFLICT (account) DO UPDATE SET owner = excluded.owner
    WHERE NOT EXISTS (SELECT FROM replicas AS r WHERE r.replica_id = l.owner AND r.expires_at > clock_timestamp())
    RETURNING true AS mine
)
SELECT mine FROM held UNION ALL SELECT mine FROM taken;

-- name: is_held
-- Whether a live replica polls an account.
SELECT EXISTS (
    SELECT FROM poll_leases AS l JOIN replicas AS r ON r.replica_id = l.owner
    WHERE l.account = $1 AND r.expires_at > clock_timestamp()
);

-- name: give_up
-- Releases an account.
DELETE FROM poll_leases WHERE account = $1 AND owner = $2;

-- name: quarantine
-- Quarantines an update, once.
INSERT INTO quarantine (account, key, raw, reason) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING;

-- name: ago
-- A past moment, by the database's clock.
SELECT clock_timestamp() - $1::interval;

-- name: changes
-- What changed in the topics that this replica's sockets follow since the last query; overlaps, since commits are not in order of
-- time.
SELECT
    clock_timestamp() AS now,
    -- Transactions that were open then may commit earlier writes later: gateway.core.lookback.
    pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS oldest,
    pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS next,
    ARRAY(
        SELECT s FROM chat_sessions AS s
        WHERE s.session_id = ANY ($1::text[]) AND s.updated_at > $3::timestamptz - interval '5 seconds'
    ) AS followed,
    ARRAY(
        SELECT f.session_id FROM unnest($1::text[]) AS f (session_id)
        WHERE NOT EXISTS (SELECT FROM chat_sessions AS s WHERE s.session_id = f.session_id)
    ) AS missing,
    ARRAY(
        SELECT s FROM unnest($2::text[]) AS u (user_id) CROSS JOIN LATERAL (
            SELECT c FROM chat_sessions AS c WHERE c.user_id = u.user_id
            ORDER BY c.listed_at DESC, coalesce(c.last_message_at, c.created_at) DESC, c.chat_id DESC LIMIT 20
        ) AS newest (s)
        WHERE (s).updated_at > $3::timestamptz - interval '5 seconds'
    ) AS listed,
    -- The newest of those that may not be in their places in the index yet; some of them are listed above, too.
    ARRAY(
        SELECT s FROM unnest($2::text[]) AS u (user_id) CROSS JOIN LATERAL (
            SELECT used.c FROM recent_activity AS a CROSS JOIN LATERAL (
                SELECT c FROM chat_sessions AS c WHERE c.chat_id = a.chat_id OFFSET 0
            ) AS used
            WHERE a.user_id = u.user_id AND (used.c).updated_at > $3::timestamptz - interval '5 seconds'
            ORDER BY coalesce((used.c).last_message_at, (used.c).created_at) DESC LIMIT 20
        ) AS newest (s)
    ) AS used,
    ARRAY(
        SELECT s FROM (
            SELECT c FROM chat_sessions AS c WHERE $5::boolean
            ORDER BY c.listed_at DESC, coalesce(c.last_message_at, c.created_at) DESC, c.chat_id DESC LIMIT 50
        ) AS newest (s)
        WHERE (s).updated_at > $3::timestamptz - interval '5 seconds'
    ) AS everybodys,
    ARRAY(
        SELECT s FROM recent_activity AS a CROSS JOIN LATERAL (
            SELECT c FROM chat_sessions AS c WHERE c.chat_id = a.chat_id OFFSET 0
        ) AS used (s)
        WHERE $5::boolean AND (s).updated_at > $3::timestamptz - interval '5 seconds'
        ORDER BY coalesce((s).last_message_at, (s).created_at) DESC LIMIT 50
    ) AS used_by_anybody,
    -- Ordered by their start: a turn that answers an old message again is far back. This replica has announced its own turns
    -- itself.
    ARRAY(
        SELECT t FROM chat_sessions AS s CROSS JOIN LATERAL (
            (SELECT u FROM turns AS u WHERE u.chat_id = s.chat_id AND u.place_in_time IS NULL ORDER BY u.seq DESC LIMIT 200)
            UNION ALL
            (SELECT u FROM turns AS u WHERE u.chat_id = s.chat_id AND u.place_in_time IS NOT NULL
            ORDER BY u.place_in_time DESC, u.created_at DESC, u.turn_id DESC LIMIT 200)
        ) AS newest (t)
        WHERE s.session_id = ANY ($1::text[]) AND s.updated_at > $3::timestamptz - interval '5 seconds'
            AND (t).owner IS DISTINCT FROM $6::uuid
            AND ((t).status IN ('queued', 'running', 'waiting') OR (t).ended_at > $3::timestamptz - interval '5 seconds')
    ) AS turns,
    ARRAY(
        SELECT m FROM chat_sessions AS s CROSS JOIN LATERAL (
            SELECT u FROM turns AS u
            WHERE u.chat_id = s.chat_id AND u.seq > s.last_seq - 400 AND u.superseded = 'rollback'
                AND u.ended_at > $3::timestamptz - interval '5 seconds'
        ) AS taken_back (t)
        JOIN chat_messages AS m
            ON m.chat_id = s.chat_id AND m.seq >= (t).seq AND m.seq <= s.last_seq AND m.turn_id = (t).turn_id
            AND m.seq <> (t).reply_seq
        WHERE s.session_id = ANY ($1::text[]) AND s.updated_at > $3::timestamptz - interval '5 seconds'
    ) AS dropped,
    -- New followers have already read the transcript. If there is more than a socket can take at once, the latest rows count.
    ARRAY(
        SELECT m FROM chat_sessions AS s CROSS JOIN LATERAL (
            SELECT c FROM chat_messages AS c
            WHERE c.chat_id = s.chat_id
                AND c.changed_at > greatest($3::timestamptz, statement_timestamp() - interval '10 minutes') - interval '5 seconds'
            ORDER BY c.changed_at DESC, c.seq DESC LIMIT 400
        ) AS newest (m)
        WHERE s.session_id = ANY ($1::text[]) AND s.updated_at > $3::timestamptz - interval '5 seconds'
        ORDER BY (m).changed_at DESC, (m).seq LIMIT 2000
    ) AS changed,
    -- A turn that no longer exists was removed with its session.
    ARRAY(
        SELECT w.turn_id FROM unnest($4::uuid[]) AS w (turn_id) LEFT JOIN turns AS t USING (turn_id)
        WHERE t.turn_id IS NULL OR t.cancel_requested
    ) AS cancelled;
