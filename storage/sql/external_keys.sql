-- name: find
-- A user's session by the key that another system gave it, or by its own id.
SELECT s.*, EXISTS (SELECT FROM running_turns AS k WHERE k.user_id = s.user_id AND k.chat_id = s.chat_id) AS running
FROM chat_sessions AS s
WHERE s.chat_id = coalesce(
    (SELECT k.chat_id FROM external_keys AS k WHERE k.user_id = $1 AND k.external_key = $2),
    (SELECT c.chat_id FROM chat_sessions AS c WHERE c.session_id = $2 AND c.user_id = $1)
);

-- name: make
-- Creates a session with its key; nothing if another caller was first to use the key.
WITH key AS (
    INSERT INTO external_keys (user_id, external_key, chat_id) VALUES ($1, $2, gen_random_uuid())
    ON CONFLICT DO NOTHING RETURNING chat_id
)
INSERT INTO chat_sessions (chat_id, user_id, channel, agent_name, route)
SELECT chat_id, $1, $3, $4, $5 FROM key
RETURNING *, false AS running;

-- name: point
-- Points the key to another session of the user.
INSERT INTO external_keys (user_id, external_key, chat_id)
SELECT $1, $2, chat_id FROM chat_sessions WHERE session_id = $3 AND user_id = $1
ON CONFLICT (user_id, external_key) DO UPDATE SET chat_id = excluded.chat_id;

-- name: forget
-- Frees the key.
DELETE FROM external_keys WHERE user_id = $1 AND external_key = $2;

-- name: sent_as
-- The `seq` of a message by its sender's own id.
SELECT m.chat_id, m.seq FROM chat_sessions AS s
JOIN chat_messages AS m ON m.user_id = $1 AND m.client_id = $3 AND m.chat_id = s.chat_id
WHERE s.session_id = $2 AND m.deleted_at IS NULL;
