-- name: schedules
-- Some of a user's schedules.
WITH gone AS (
    DELETE FROM schedules
    WHERE schedule_id IN (SELECT schedule_id FROM schedules WHERE user_id = $1 LIMIT $2) RETURNING 1
)
SELECT count(*) FROM gone;

-- name: links
-- Some of a user's links.
WITH gone AS (
    DELETE FROM links WHERE link_id IN (SELECT link_id FROM links WHERE user_id = $1 LIMIT $2) RETURNING 1
)
SELECT count(*) FROM gone;

-- name: link_codes
-- Some of a user's codes for links.
WITH gone AS (
    DELETE FROM link_codes WHERE digest IN (SELECT digest FROM link_codes WHERE user_id = $1 LIMIT $2) RETURNING 1
)
SELECT count(*) FROM gone;

-- name: sign_in_codes
-- Some of a user's codes for signing in.
WITH gone AS (
    DELETE FROM sign_in_codes
    WHERE digest IN (SELECT digest FROM sign_in_codes WHERE user_id = $1 LIMIT $2) RETURNING 1
)
SELECT count(*) FROM gone;

-- name: identified_visitors
-- Some of the visitors that a user turned out to be.
WITH gone AS (
    DELETE FROM identified_visitors
    WHERE visitor_id IN (SELECT visitor_id FROM identified_visitors WHERE user_id = $1 LIMIT $2) RETURNING 1
)
SELECT count(*) FROM gone;

-- name: routes
-- Some of the places that a user has written from.
WITH gone AS (
    DELETE FROM routes
    WHERE user_id = $1 AND route IN (SELECT route FROM routes WHERE user_id = $1 ORDER BY route LIMIT $2) RETURNING 1
)
SELECT count(*) FROM gone;

-- name: lock_session
-- Session before turn and message, as everywhere.
SELECT chat_id FROM chat_sessions WHERE session_id = $1 FOR UPDATE;

-- name: outbox
-- Some of a session's chunks.
WITH gone AS (
    DELETE FROM outbox
    WHERE chat_id = $1 AND item_id IN (SELECT item_id FROM outbox WHERE chat_id = $1 LIMIT $2) RETURNING 1
)
SELECT count(*) FROM gone;

-- name: snapshots
-- Some of a session's snapshots.
WITH gone AS (
    DELETE FROM snapshots
    WHERE chat_id = $1 AND number IN (SELECT number FROM snapshots WHERE chat_id = $1 ORDER BY number LIMIT $2) RETURNING 1
)
SELECT count(*) FROM gone;

-- name: versions
-- Some of what a session's messages were before.
WITH gone AS (
    DELETE FROM message_versions
    WHERE chat_id = $1 AND (seq, version) IN (
        SELECT seq, version FROM message_versions WHERE chat_id = $1 ORDER BY seq, version LIMIT $2
    ) RETURNING 1
)
SELECT count(*) FROM gone;

-- name: messages
-- Some of a session's messages.
WITH gone AS (
    DELETE FROM chat_messages
    WHERE chat_id = $1 AND seq IN (SELECT seq FROM chat_messages WHERE chat_id = $1 ORDER BY seq LIMIT $2) RETURNING 1
)
SELECT count(*) FROM gone;

-- name: turns
-- Some of a session's turns.
WITH gone AS (
    DELETE FROM turns
    WHERE chat_id = $1 AND seq IN (SELECT seq FROM turns WHERE chat_id = $1 ORDER BY seq LIMIT $2) RETURNING 1
)
SELECT count(*) FROM gone;

-- name: end_tokens
-- A user's API tokens.
DELETE FROM api_tokens WHERE user_id = $1 RETURNING digest;
