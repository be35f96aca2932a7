-- name: lock_user
-- Waits for writes of anything new of the user, and makes later ones wait (`migrations/0017`).
SELECT pg_advisory_xact_lock(hashtextextended($1, 30));

-- name: begin
-- From now on, nothing can be created for the user. A repeated request, before the first one is finished, is the same erasure.
INSERT INTO erasures (user_id) VALUES ($1)
ON CONFLICT (user_id) DO UPDATE SET
    asked_at = CASE WHEN erasures.finished_at IS NULL THEN erasures.asked_at ELSE now() END,
    taken_at = now(), finished_at = NULL;

-- name: take
-- A user's erasure that is in progress.
UPDATE erasures SET taken_at = clock_timestamp() WHERE user_id = $1 AND finished_at IS NULL RETURNING asked_at;

-- name: renew
-- The same erasure is still in progress; until the transaction ends nobody finishes it.
UPDATE erasures SET taken_at = clock_timestamp()
WHERE user_id = $1 AND asked_at = $2 AND finished_at IS NULL RETURNING true;

-- name: end_tokens
-- A user's API tokens.
DELETE FROM api_tokens WHERE user_id = $1;

-- name: finish
-- Records that nothing of the user is left.
UPDATE erasures SET finished_at = clock_timestamp() WHERE user_id = $1;

-- name: take_over
-- Users with unfinished erasures whose gateway was killed, or lost its database. A locked one is being worked on.
UPDATE erasures SET taken_at = clock_timestamp()
WHERE user_id IN (
    SELECT user_id FROM erasures
    WHERE finished_at IS NULL AND taken_at < clock_timestamp() - interval '1 minute' FOR UPDATE SKIP LOCKED
) RETURNING user_id;

-- name: forget
-- Erasures that keep out nobody any more.
DELETE FROM erasures WHERE finished_at < clock_timestamp() - interval '1 minute';

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
-- Some of a user's link codes.
WITH gone AS (
    DELETE FROM link_codes WHERE digest IN (SELECT digest FROM link_codes WHERE user_id = $1 LIMIT $2) RETURNING 1
)
SELECT count(*) FROM gone;

-- name: sign_in_codes
-- Some of a user's sign-in codes.
WITH gone AS (
    DELETE FROM sign_in_codes
    WHERE digest IN (SELECT digest FROM sign_in_codes WHERE user_id = $1 LIMIT $2) RETURNING 1
)
SELECT count(*) FROM gone;

-- name: identified_visitors
-- Some of the visitors identified as a user: what remains of each is the fact that its pass is no longer valid.
WITH gone AS (
    UPDATE identified_visitors SET user_id = NULL, sessions = 0
    WHERE visitor_id IN (SELECT visitor_id FROM identified_visitors WHERE user_id = $1 LIMIT $2) RETURNING 1
)
SELECT count(*) FROM gone;

-- name: routes
-- Some of a user's routes.
WITH gone AS (
    DELETE FROM routes
    WHERE user_id = $1 AND route IN (SELECT route FROM routes WHERE user_id = $1 ORDER BY route LIMIT $2) RETURNING 1
)
SELECT count(*) FROM gone;

-- name: usage_log
-- Some of a user's usage that is not added up yet.
WITH gone AS (
    DELETE FROM usage_log WHERE entry IN (SELECT entry FROM usage_log WHERE user_id = $1 LIMIT $2) RETURNING 1
)
SELECT count(*) FROM gone;

-- name: usage_days
-- Some of a user's usage.
WITH gone AS (
    DELETE FROM usage_days
    WHERE (chat_id, day, agent_name, channel, model) IN (
        SELECT chat_id, day, agent_name, channel, model FROM usage_days WHERE user_id = $1 LIMIT $2
    ) RETURNING 1
)
SELECT count(*) FROM gone;

-- name: budget_days
-- What a user has used of their budgets.
WITH gone AS (
    DELETE FROM budget_days WHERE user_id = $1 AND day IN (SELECT day FROM budget_days WHERE user_id = $1 LIMIT $2) RETURNING 1
)
SELECT count(*) FROM gone;

-- name: session_ids
-- A user's sessions, the oldest first.
SELECT session_id FROM chat_sessions WHERE user_id = $1 ORDER BY created_at, chat_id;

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
-- Some of the earlier versions of a session's messages.
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
