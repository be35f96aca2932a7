-- name: session
-- The key of a session, if the caller may see it.
SELECT chat_id FROM chat_sessions WHERE session_id = $1;

-- name: page
-- A page of a session's turns, newest first, with the `seq` of the messages that each answers. Most turns are in the order of time by
-- `seq`; the others have an index of their own.
WITH behind AS (
    SELECT coalesce((
        SELECT coalesce(t.place_in_time, t.seq) FROM turns AS t WHERE t.turn_id = $3::uuid AND t.chat_id = $1
    ), 9223372036854775807) AS place
), page AS (
    (SELECT t.*, t.seq AS place FROM turns AS t
    WHERE t.chat_id = $1 AND t.place_in_time IS NULL AND t.seq <= (SELECT place FROM behind)
        AND ($2::timestamptz IS NULL OR (t.seq, t.created_at, t.turn_id) < ((SELECT place FROM behind), $2, $3))
    ORDER BY t.seq DESC LIMIT $4)
    UNION ALL
    (SELECT t.*, t.place_in_time FROM turns AS t
    WHERE t.chat_id = $1 AND t.place_in_time IS NOT NULL AND t.place_in_time <= (SELECT place FROM behind)
        AND ($2 IS NULL OR (t.place_in_time, t.created_at, t.turn_id) < ((SELECT place FROM behind), $2, $3))
    ORDER BY t.place_in_time DESC, t.created_at DESC, t.turn_id DESC LIMIT $4)
)
SELECT t.*, ARRAY(
    SELECT m.seq FROM chat_messages AS m
    WHERE m.chat_id = t.chat_id AND m.seq >= t.seq AND m.seq < least(t.reply_seq, t.seq + 1000)
        AND m.turn_id = t.turn_id AND m.role = 'user'
    ORDER BY m.seq
) AS asked
FROM page AS t
ORDER BY t.place DESC, t.created_at DESC, t.turn_id DESC LIMIT $4;

-- name: usage
-- The usage of all turns of a session.
SELECT
    coalesce(sum((usage ->> 'input_tokens')::bigint), 0)::bigint AS input_tokens,
    coalesce(sum((usage ->> 'output_tokens')::bigint), 0)::bigint AS output_tokens,
    sum((usage ->> 'cost')::float8) AS cost,
    count(usage) AS turns
FROM turns WHERE chat_id = $1;
