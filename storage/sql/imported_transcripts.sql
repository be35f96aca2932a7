-- name: create
-- Creates a session that has rows before its first turn; nothing if it exists already. Its id is in two unique indexes, and a
-- concurrent insert of the same id may conflict on either, so no index is named.
INSERT INTO chat_sessions (chat_id, user_id, channel, agent_name, title, last_seq, message_count, last_message_at, metadata)
VALUES ($1, $2, $3, $4, $5, $6::bigint, $6::bigint, CASE WHEN $6::bigint > 0 THEN now() END, $7)
ON CONFLICT DO NOTHING
RETURNING *, false AS running;

-- name: add_messages
-- Inserts its rows, in order.
INSERT INTO chat_messages (chat_id, seq, user_id, role, content, parts, channel, turn_seq)
SELECT $1, imported.seq, $2, imported.role, imported.content, imported.parts, $3, imported.turn_seq
FROM ROWS FROM (jsonb_to_recordset($4::jsonb) AS (role text, content text, parts jsonb, turn_seq bigint))
    WITH ORDINALITY AS imported (role, content, parts, turn_seq, seq);

-- name: find
-- The session that an earlier import with the same key created.
SELECT s.*, EXISTS (SELECT FROM running_turns AS k WHERE k.user_id = s.user_id AND k.chat_id = s.chat_id) AS running
FROM chat_sessions AS s WHERE chat_id = $1;
