-- name: list
-- A page of sessions, latest activity first; a null narrows nothing.
SELECT s.*, EXISTS (SELECT FROM turns AS t WHERE t.chat_id = s.chat_id AND t.status = 'running') AS running
FROM chat_sessions AS s
WHERE ($1::text IS NULL OR user_id = $1)
    AND ($2::text IS NULL OR channel = $2)
    AND ($3::text IS NULL OR agent_name = $3)
    AND ($4::boolean IS NULL OR is_active = $4)
    AND ($5::text[] IS NULL OR session_has(metadata, $5, $6::text[]))
    AND ($7::timestamptz IS NULL OR (coalesce(last_message_at, created_at), chat_id) < ($7, $8::uuid))
ORDER BY coalesce(last_message_at, created_at) DESC, chat_id DESC
LIMIT $9 OFFSET $10;

-- name: count
-- How many sessions a list has in all: from an index alone, as long as no agent, activity or metadata narrows it.
SELECT count(*) FROM chat_sessions
WHERE ($1::text IS NULL OR user_id = $1)
    AND ($2::text IS NULL OR channel = $2)
    AND ($3::text IS NULL OR agent_name = $3)
    AND ($4::boolean IS NULL OR is_active = $4)
    AND ($5::text[] IS NULL OR session_has(metadata, $5, $6::text[]));

-- name: get
-- One session.
SELECT s.*, EXISTS (SELECT FROM turns AS t WHERE t.chat_id = s.chat_id AND t.status = 'running') AS running
FROM chat_sessions AS s WHERE session_id = $1;

-- name: current
-- The current session of a route, and whether the resume rule lets it go on.
SELECT s.*, r.running,
    session_resumes(s.is_active, coalesce(s.last_message_at, s.created_at), r.running, clock_timestamp(), $3) AS resumes
FROM routes AS ro
JOIN chat_sessions AS s ON s.chat_id = ro.chat_id
CROSS JOIN LATERAL (
    SELECT EXISTS (SELECT FROM turns AS t WHERE t.chat_id = s.chat_id AND t.status = 'running') AS running
) AS r
WHERE ro.user_id = $1 AND ro.route = $2;

-- name: latest
-- The latest session of a user, an agent and a channel that the resume rule lets go on.
SELECT s.*, r.running FROM chat_sessions AS s
CROSS JOIN LATERAL (
    SELECT EXISTS (SELECT FROM turns AS t WHERE t.chat_id = s.chat_id AND t.status = 'running') AS running
) AS r
WHERE s.user_id = $1 AND s.agent_name = $2
    AND session_resumes(s.is_active, coalesce(s.last_message_at, s.created_at), r.running, clock_timestamp(), $3)
ORDER BY coalesce(s.last_message_at, s.created_at) DESC, s.chat_id DESC LIMIT 1;

-- name: create
-- A session before any message.
INSERT INTO chat_sessions (user_id, channel, agent_name, route, title, title_is_users, metadata)
VALUES ($1, $2, $3, $4, $5::text, $5::text IS NOT NULL, $6) RETURNING *, false AS running;

-- name: point
-- Makes a session the current one of its route.
INSERT INTO routes (user_id, route, chat_id) VALUES ($1, $2, $3)
ON CONFLICT (user_id, route) DO UPDATE SET chat_id = excluded.chat_id;

-- name: rename
-- The user's own title.
UPDATE chat_sessions SET title = $2, title_is_users = true, updated_at = clock_timestamp()
WHERE session_id = $1 RETURNING *, false AS running;

-- name: set_active
-- Ends a session, or opens it again.
UPDATE chat_sessions SET
    is_active = $2, ended_at = CASE WHEN $2 THEN NULL ELSE clock_timestamp() END, updated_at = clock_timestamp()
WHERE session_id = $1 RETURNING *, false AS running;

-- name: leave
-- The next message on the route begins a new session.
UPDATE routes SET chat_id = NULL WHERE user_id = $1 AND (route = $2 OR chat_id = $3);

-- name: lock_routes
-- Route before session, as everywhere, so that nobody waits in a circle.
SELECT ro.route FROM chat_sessions AS s JOIN routes AS ro ON ro.chat_id = s.chat_id WHERE s.session_id = $1 FOR UPDATE OF ro;

-- name: delete
-- A session with everything in it.
DELETE FROM chat_sessions WHERE session_id = $1 RETURNING *;

-- name: open_turns
-- Queued and running turns of a session, oldest first.
SELECT t.turn_id FROM chat_sessions AS s JOIN turns AS t ON t.chat_id = s.chat_id
WHERE s.session_id = $1 AND t.status IN ('queued', 'running') AND t.seq > s.last_seq - 10000 ORDER BY t.seq;

-- name: page
-- A page of the transcript, newest first, below a place in it.
SELECT * FROM chat_messages WHERE chat_id = $1 AND seq < $2 ORDER BY seq DESC LIMIT $3;

-- name: after
-- The transcript after a place in it.
SELECT m.* FROM chat_sessions AS s JOIN chat_messages AS m ON m.chat_id = s.chat_id
WHERE s.session_id = $1 AND m.seq > $2 ORDER BY m.seq LIMIT $3;

-- name: after_recalled
-- The same for somebody who may not have heard what was changed before that place.
(SELECT m.* FROM chat_sessions AS s JOIN chat_messages AS m ON m.chat_id = s.chat_id
WHERE s.session_id = $1 AND m.seq <= $2 AND m.seq > $2 - 400
    AND (m.deleted_at IS NOT NULL OR m.changed_at IS NOT NULL))
UNION ALL
(SELECT m.* FROM chat_sessions AS s JOIN chat_messages AS m ON m.chat_id = s.chat_id
WHERE s.session_id = $1 AND m.seq > $2 ORDER BY m.seq LIMIT $3)
ORDER BY seq;

-- name: outcome
-- What a turn came to, once it has ended; without a message while it is open.
SELECT m.*, t.status AS turn_status, t.usage
FROM turns AS t LEFT JOIN chat_messages AS m ON m.chat_id = t.chat_id AND m.seq = t.reply_seq
WHERE t.turn_id = $1;
