--A user's sessions by activity, in ranges: the one to go on with, and pages far down a list.
-- depends: 0028_turns_by_time_index

-- migrate: apply

-- Both functions run as turngate_system and look for the rows of the transaction's user only: coalesce never counts as
-- leakproof, so under row-level security the application's own role would read all of a user's sessions, not a range of the index.

-- The latest session of an agent that the resume rule lets go on; null where there is none. The rule alone decides; it is asked
-- about the sessions it could say yes to, those of the window and those that answer.
CREATE FUNCTION own_resumable_session(p_agent text, p_window interval) RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
    WITH recent AS (
        SELECT s.chat_id, coalesce(s.last_message_at, s.created_at) AS at FROM chat_sessions AS s
        WHERE s.user_id = turngate_user() AND s.agent_name = p_agent
            AND coalesce(s.last_message_at, s.created_at) >= now() - p_window
            AND session_resumes(s.is_active, coalesce(s.last_message_at, s.created_at), false, clock_timestamp(), p_window)
        ORDER BY coalesce(s.last_message_at, s.created_at) DESC, s.chat_id DESC LIMIT 1
    ), answering AS (
        SELECT s.chat_id, coalesce(s.last_message_at, s.created_at) AS at
        FROM turns AS t
        -- Not the other way round: few turns run, and a user may have very many sessions.
        CROSS JOIN LATERAL (SELECT * FROM chat_sessions AS c WHERE c.chat_id = t.chat_id OFFSET 0) AS s
        WHERE t.status = 'running' AND t.user_id = turngate_user() AND s.user_id = turngate_user() AND s.agent_name = p_agent
            AND session_resumes(s.is_active, coalesce(s.last_message_at, s.created_at), true, clock_timestamp(), p_window)
    )
    SELECT chat_id FROM (SELECT * FROM recent UNION ALL SELECT * FROM answering) AS either
    ORDER BY at DESC, chat_id DESC LIMIT 1
$$;

-- A page of the user's list, latest activity first, behind a place in it; a null narrows nothing.
CREATE FUNCTION own_sessions_behind(
    p_channel text, p_agent text, p_active boolean, p_keys text[], p_values text[], p_at timestamptz, p_chat_id uuid, p_limit int
) RETURNS SETOF uuid
LANGUAGE sql STABLE ROWS 50 SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
    SELECT chat_id FROM chat_sessions
    WHERE user_id = turngate_user()
        AND (p_channel IS NULL OR channel = p_channel)
        AND (p_agent IS NULL OR agent_name = p_agent)
        AND (p_active IS NULL OR is_active = p_active)
        AND (p_keys IS NULL OR (metadata ->> p_keys[1] = p_values[1] AND session_has(metadata, p_keys, p_values)))
        AND (coalesce(last_message_at, created_at), chat_id) < (p_at, p_chat_id)
    ORDER BY coalesce(last_message_at, created_at) DESC, chat_id DESC
    LIMIT p_limit
$$;

REVOKE EXECUTE ON FUNCTION own_resumable_session(text, interval) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION own_sessions_behind(text, text, boolean, text[], text[], timestamptz, uuid, int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION own_resumable_session(text, interval) TO turngate_app;
GRANT EXECUTE ON FUNCTION own_sessions_behind(text, text, boolean, text[], text[], timestamptz, uuid, int) TO turngate_app;

-- A function's owner must be allowed to create where it is, for the moment of becoming it.
GRANT CREATE ON SCHEMA public TO turngate_system;
ALTER FUNCTION own_resumable_session(text, interval) OWNER TO turngate_system;
ALTER FUNCTION own_sessions_behind(text, text, boolean, text[], text[], timestamptz, uuid, int) OWNER TO turngate_system;
REVOKE CREATE ON SCHEMA public FROM turngate_system;

-- migrate: rollback

DROP FUNCTION own_sessions_behind(text, text, boolean, text[], text[], timestamptz, uuid, int);
DROP FUNCTION own_resumable_session(text, interval);
