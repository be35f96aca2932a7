-- name: session
-- The key of a session, if it may be seen.
SELECT chat_id FROM chat_sessions WHERE session_id = $1;

-- name: page
-- A page of a session's turns, newest first, with the places of the messages that each answers.
SELECT t.*, ARRAY(
    SELECT m.seq FROM chat_messages AS m
    WHERE m.chat_id = t.chat_id AND m.seq >= t.seq AND m.seq < least(t.reply_seq, t.seq + 1000)
        AND m.turn_id = t.turn_id AND m.role = 'user'
    ORDER BY m.seq
) AS asked
FROM turns AS t
WHERE t.chat_id = $1 AND ($2::timestamptz IS NULL OR (t.created_at, t.turn_id) < ($2, $3::uuid))
ORDER BY t.created_at DESC, t.turn_id DESC LIMIT $4;

-- name: usage
-- What all turns of a session have cost.
SELECT
    coalesce(sum((usage ->> 'input_tokens')::bigint), 0)::bigint AS input_tokens,
    coalesce(sum((usage ->> 'output_tokens')::bigint), 0)::bigint AS output_tokens,
    sum((usage ->> 'cost')::float8) AS cost,
    count(usage) AS turns
FROM turns WHERE chat_id = $1;
