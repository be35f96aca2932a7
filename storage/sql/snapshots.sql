-- name: session
-- The key of a session.
SELECT chat_id FROM chat_sessions WHERE session_id = $1;

-- name: page
-- Newest first, before a number; without the states.
SELECT chat_id, number, reason, size_bytes, message_seq, rewound, created_at FROM snapshots
WHERE chat_id = $1 AND number < $2 ORDER BY number DESC LIMIT $3;

-- name: get
-- One snapshot, or the latest.
SELECT * FROM snapshots WHERE chat_id = $1 AND ($2::bigint IS NULL OR number = $2) ORDER BY number DESC LIMIT 1;

-- name: take
-- Takes a snapshot, optionally only if something changed.
SELECT * FROM take_snapshot($1, $2, $3);

-- name: restore
-- Restores a snapshot, or the latest.
SELECT * FROM restore_snapshot($1, $2, $3, $4);

-- name: due
-- Sessions with a due automatic snapshot, in no order: those that can never be saved must not be the only ones tried.
SELECT chat_id FROM session_states
WHERE dirty_since IS NOT NULL
    AND (changed_at <= clock_timestamp() - $1::interval OR dirty_since <= clock_timestamp() - $2::interval)
ORDER BY random() LIMIT $3;

-- name: save_due
-- Takes the automatic snapshots of some sessions.
SELECT save_states($1, $2, $3);

-- name: clean_up
-- Keeps each session's newest snapshots and the newest of each UTC day for some days, in a slice of all sessions after $3;
-- returns how far it went.
WITH slice AS (
    SELECT chat_id FROM session_states WHERE chat_id > $3 AND snapshot_count > $1::int ORDER BY chat_id LIMIT 500
), placed AS (
    SELECT n.chat_id, n.number, d.day,
        row_number() OVER (PARTITION BY n.chat_id ORDER BY n.number DESC) AS place,
        row_number() OVER (PARTITION BY n.chat_id, d.day ORDER BY n.number DESC) AS place_of_day
    FROM slice JOIN snapshots AS n ON n.chat_id = slice.chat_id
    CROSS JOIN LATERAL (SELECT (n.created_at AT TIME ZONE 'UTC')::date AS day) AS d
), deleted AS (
    DELETE FROM snapshots AS n USING placed AS p
    WHERE n.chat_id = p.chat_id AND n.number = p.number AND p.place > $1::int
        AND (p.place_of_day > 1 OR p.day <= (clock_timestamp() AT TIME ZONE 'UTC')::date - $2::int)
    RETURNING 1
)
SELECT (SELECT count(*) FROM deleted) AS removed, (SELECT chat_id FROM slice ORDER BY chat_id DESC LIMIT 1) AS reached;
