--A session can be forked, from its end or from any message.
-- depends: 0012_answering_again

-- migrate: apply

-- A new session of the same user with the live messages up to p_seq (null: all), counted anew from 1. Nothing locks the parent: it is
-- copied as one statement sees it. p_route becomes the place to go on at; its lock comes first, as everywhere. p_chat_id: the new
-- session's; one that is there already is a unique violation.
CREATE FUNCTION fork_session(
    p_session text, p_seq bigint, p_title text, p_channel text, p_route text, p_chat_id uuid
) RETURNS SETOF chat_sessions
LANGUAGE plpgsql
AS $$
DECLARE
    s chat_sessions;
    f chat_sessions;
    v_rows bigint;
    v_now timestamptz := clock_timestamp();
BEGIN
    SELECT * INTO s FROM chat_sessions WHERE session_id = p_session;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    INSERT INTO routes (user_id, route) VALUES (s.user_id, p_route)
    ON CONFLICT (user_id, route) DO UPDATE SET route = excluded.route;
    INSERT INTO chat_sessions (
        chat_id, user_id, channel, agent_name, title, title_is_users, metadata, route, parent_session_id
    ) VALUES (
        coalesce(p_chat_id, gen_random_uuid()), s.user_id, p_channel, s.agent_name, coalesce(p_title, s.title),
        p_title IS NOT NULL OR s.title_is_users, s.metadata, p_route, s.session_id
    ) RETURNING * INTO f;
    INSERT INTO chat_messages (
        chat_id, seq, user_id, role, content, parts, channel, turn_seq, created_at, edited_at
    )
    SELECT
        f.chat_id, told.place, s.user_id, told.role, told.content, told.parts, told.channel,
        min(told.place) OVER (PARTITION BY told.turn_seq), told.created_at, told.edited_at
    FROM (
        SELECT m.*, row_number() OVER (ORDER BY m.seq) AS place FROM chat_messages AS m
        WHERE m.chat_id = s.chat_id AND m.seq <= coalesce(p_seq, s.last_seq) AND m.deleted_at IS NULL
    ) AS told;
    GET DIAGNOSTICS v_rows = ROW_COUNT;
    UPDATE routes SET chat_id = f.chat_id WHERE user_id = s.user_id AND route = p_route;
    RETURN QUERY UPDATE chat_sessions AS c SET
        last_seq = v_rows, message_count = v_rows, last_message_at = CASE WHEN v_rows > 0 THEN v_now END, updated_at = v_now
    WHERE c.chat_id = f.chat_id RETURNING *;
END
$$;

-- Gateways of the version before work on this schema too, so there is nothing to take back.
-- migrate: rollback
