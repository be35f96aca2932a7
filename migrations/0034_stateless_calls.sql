--API calls that name no session are kept, and left out of lists: their metadata says `stateless`.
-- depends: 0033_outbox_unknown

-- migrate: apply

-- The latest session of an agent that the resume rule lets go on; null where there is none. The rule alone decides; it is asked
-- about the sessions it could say yes to, those of the window and those that answer.
CREATE OR REPLACE FUNCTION own_resumable_session(p_agent text, p_window interval) RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
    WITH recent AS (
        SELECT s.chat_id, coalesce(s.last_message_at, s.created_at) AS at FROM chat_sessions AS s
        WHERE s.user_id = turngate_user() AND s.agent_name = p_agent AND s.metadata ->> 'stateless' IS DISTINCT FROM 'true'
            AND coalesce(s.last_message_at, s.created_at) >= now() - p_window
            AND session_resumes(s.is_active, coalesce(s.last_message_at, s.created_at), false, clock_timestamp(), p_window)
        ORDER BY coalesce(s.last_message_at, s.created_at) DESC, s.chat_id DESC LIMIT 1
    ), answering AS (
        SELECT s.chat_id, coalesce(s.last_message_at, s.created_at) AS at
        FROM turns AS t
        -- Not the other way round: few turns run, and a user may have very many sessions.
        CROSS JOIN LATERAL (SELECT * FROM chat_sessions AS c WHERE c.chat_id = t.chat_id OFFSET 0) AS s
        WHERE t.status = 'running' AND t.user_id = turngate_user() AND s.user_id = turngate_user() AND s.agent_name = p_agent
            AND s.metadata ->> 'stateless' IS DISTINCT FROM 'true'
            AND session_resumes(s.is_active, coalesce(s.last_message_at, s.created_at), true, clock_timestamp(), p_window)
    )
    SELECT chat_id FROM (SELECT * FROM recent UNION ALL SELECT * FROM answering) AS either
    ORDER BY at DESC, chat_id DESC LIMIT 1
$$;

-- A page of the user's list, latest activity first, behind a place in it; a null narrows nothing.
CREATE OR REPLACE FUNCTION own_sessions_behind(
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
        AND ('stateless' = ANY (p_keys) OR metadata ->> 'stateless' IS DISTINCT FROM 'true')
        AND (p_keys IS NULL OR (metadata ->> p_keys[1] = p_values[1] AND session_has(metadata, p_keys, p_values)))
        AND (coalesce(last_message_at, created_at), chat_id) < (p_at, p_chat_id)
    ORDER BY coalesce(last_message_at, created_at) DESC, chat_id DESC
    LIMIT p_limit
$$;

-- The sessions with the latest activity, 5,000 at most; a null narrows nothing.
CREATE OR REPLACE FUNCTION newest_sessions(
    p_user text, p_channel text, p_agent text, p_active boolean, p_keys text[], p_values text[]
) RETURNS SETOF chat_sessions
LANGUAGE sql STABLE
AS $$
    SELECT * FROM chat_sessions
    WHERE (p_user IS NULL OR user_id = p_user)
        AND (p_channel IS NULL OR channel = p_channel)
        AND (p_agent IS NULL OR agent_name = p_agent)
        AND (p_active IS NULL OR is_active = p_active)
        AND ('stateless' = ANY (p_keys) OR metadata ->> 'stateless' IS DISTINCT FROM 'true')
        AND (p_keys IS NULL OR session_has(metadata, p_keys, p_values))
    ORDER BY coalesce(last_message_at, created_at) DESC, chat_id DESC
    LIMIT 5000
$$;

-- migrate: rollback

-- The latest session of an agent that the resume rule lets go on; null where there is none. The rule alone decides; it is asked
-- about the sessions it could say yes to, those of the window and those that answer.
CREATE OR REPLACE FUNCTION own_resumable_session(p_agent text, p_window interval) RETURNS uuid
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
CREATE OR REPLACE FUNCTION own_sessions_behind(
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

-- The sessions with the latest activity, 5,000 at most; a null narrows nothing.
CREATE OR REPLACE FUNCTION newest_sessions(
    p_user text, p_channel text, p_agent text, p_active boolean, p_keys text[], p_values text[]
) RETURNS SETOF chat_sessions
LANGUAGE sql STABLE
AS $$
    SELECT * FROM chat_sessions
    WHERE (p_user IS NULL OR user_id = p_user)
        AND (p_channel IS NULL OR channel = p_channel)
        AND (p_agent IS NULL OR agent_name = p_agent)
        AND (p_active IS NULL OR is_active = p_active)
        AND (p_keys IS NULL OR session_has(metadata, p_keys, p_values))
    ORDER BY coalesce(last_message_at, created_at) DESC, chat_id DESC
    LIMIT 5000
$$;
