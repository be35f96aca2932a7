-- name: change
-- Sets title, metadata and activity; null changes nothing. A given title ($2) may be null, and becomes null if it is not the
-- user's own ($4) and was based on words that have changed since ($7).
UPDATE chat_sessions AS s SET
    title = CASE
        WHEN NOT $2::boolean THEN title
        WHEN $4::boolean OR words_changed_at IS NOT DISTINCT FROM $7::timestamptz THEN $3::text
    END,
    title_is_users = CASE WHEN $2 THEN $4 ELSE title_is_users END,
    title_is_agents = title_is_agents AND NOT $2,
    metadata = coalesce($5::jsonb, metadata),
    is_active = coalesce($6::boolean, is_active),
    ended_at = CASE WHEN $6 THEN NULL WHEN NOT $6 THEN coalesce(ended_at, greatest(updated_at, clock_timestamp())) ELSE ended_at END,
    updated_at = greatest(updated_at + interval '1 microsecond', clock_timestamp())
WHERE session_id = $1 RETURNING *, EXISTS (SELECT FROM running_turns AS k WHERE k.user_id = s.user_id AND k.chat_id = s.chat_id) AS running;

-- name: titled
-- A session, and the start of its first live message from the user.
SELECT s.*, EXISTS (SELECT FROM running_turns AS k WHERE k.user_id = s.user_id AND k.chat_id = s.chat_id) AS running, (
    SELECT left(m.content, 1000) FROM chat_messages AS m
    WHERE m.chat_id = s.chat_id AND m.role = 'user' AND m.deleted_at IS NULL AND m.content <> ''
    ORDER BY m.seq LIMIT 1
) AS opening
FROM chat_sessions AS s WHERE s.session_id = $1;

-- name: retitle
-- Sets the gateway's title; never over the user's own, one based on the text never over the agent's ($3: whether this is the
-- agent's), nor one based on words that have changed since ($4: when they last changed before it was made).
UPDATE chat_sessions AS s SET
    title = $2, title_is_agents = $3, updated_at = greatest(updated_at + interval '1 microsecond', clock_timestamp())
WHERE session_id = $1 AND NOT title_is_users AND ($3 OR NOT title_is_agents) AND words_changed_at IS NOT DISTINCT FROM $4
RETURNING *, EXISTS (SELECT FROM running_turns AS k WHERE k.user_id = s.user_id AND k.chat_id = s.chat_id) AS running;
