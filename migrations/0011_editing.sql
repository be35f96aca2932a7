--Editing: rewriting or deleting a message, answering it again, and forking a session.
-- depends: 0010_finish

-- migrate: apply

-- `status`: done, not_found (no such session), missing (no such message), busy (it waits for its answer).
CREATE TYPE rewritten AS (
    status text,
    session chat_sessions,
    message chat_messages
);

-- Replaces the text of a message (p_content); null deletes it, leaving only its place.
CREATE FUNCTION rewrite_message(p_session text, p_seq bigint, p_content text, p_by text) RETURNS rewritten
LANGUAGE plpgsql
AS $$
DECLARE
    r rewritten;
    s chat_sessions;
    m chat_messages;
    v_now timestamptz;
BEGIN
    SELECT * INTO s FROM chat_sessions WHERE session_id = p_session FOR UPDATE;
    IF NOT FOUND THEN
        r.status := 'not_found';
        RETURN r;
    END IF;
    SELECT * INTO m FROM chat_messages WHERE chat_id = s.chat_id AND seq = p_seq AND deleted_at IS NULL;
    IF NOT FOUND THEN
        r.status := 'missing';
        RETURN r;
    END IF;
    IF EXISTS (SELECT FROM turns WHERE turn_id = m.turn_id AND status IN ('queued', 'running', 'waiting')) THEN
        r.status := 'busy';
        RETURN r;
    END IF;
    v_now := greatest(s.updated_at + interval '1 microsecond', clock_timestamp());
    PERFORM keep_version(m, CASE WHEN p_content IS NULL THEN 'delete' ELSE 'edit' END, p_by, v_now);
    UPDATE chat_messages SET
        content = coalesce(p_content, content),
        parts = CASE WHEN p_content IS NULL THEN parts ELSE parts_with_text(parts, p_content) END,
        edited_at = CASE WHEN p_content IS NULL THEN edited_at ELSE v_now END,
        deleted_at = CASE WHEN p_content IS NULL THEN v_now END,
        changed_at = v_now
    WHERE chat_id = s.chat_id AND seq = p_seq RETURNING * INTO m;
    -- The agent's own conversations still contain the old version: it starts a new one and receives the history.
    UPDATE snapshots SET agent_session = NULL WHERE chat_id = s.chat_id AND agent_session IS NOT NULL;
    UPDATE chat_sessions SET
        updated_at = v_now, words_changed_at = v_now, message_count = message_count - (p_content IS NULL)::int,
        agent_session = NULL, former_agent_sessions = agent_sessions_before(s, NULL),
        title = title_without_words(s), title_is_agents = false
    WHERE chat_id = s.chat_id RETURNING * INTO s;
    r.status := 'done';
    r.session := s;
    r.message := m;
    RETURN r;
END
$$;

-- As `rewritten`; `busy` here: a turn is open (one that waits for an answer is cancelled, unless messages wait for it); `nothing`: no message was named, and there is none; `unasked`: the question of the
-- named reply was deleted. `turn` is claimed by the caller; `changed`: the newest few hundred hidden rows, and `messages`.
CREATE TYPE answering AS (
    status text,
    session chat_sessions,
    message chat_messages,
    turn turns,
    messages chat_messages[],
    history chat_messages[],
    changed chat_messages[]
);

-- Answers a user's message again, with a new text if one is given: a new turn replaces the old one, and everything after the
-- message is hidden. p_seq: the message, or a reply to it; null: the last one.
CREATE FUNCTION answer_again(
    p_session text, p_seq bigint, p_content text, p_by text, p_time_limit interval, p_history_turns int, p_owner uuid
) RETURNS answering
LANGUAGE plpgsql
AS $$
DECLARE
    r answering;
    s chat_sessions;
    m chat_messages;
    t turns;
    v_hidden chat_messages[];
    v_rows bigint;
    v_now timestamptz;
BEGIN
    -- Route before session, as everywhere: waits for a concurrent unlink.
    PERFORM FROM routes AS ro
    WHERE ro.user_id = (SELECT c.user_id FROM chat_sessions AS c WHERE c.session_id = p_session) AND is_pushed(split_part(ro.route, ':', 1))
    ORDER BY ro.route FOR KEY SHARE;
    SELECT * INTO s FROM chat_sessions WHERE session_id = p_session FOR UPDATE;
    IF NOT FOUND THEN
        r.status := 'not_found';
        RETURN r;
    END IF;
    SELECT * INTO m FROM chat_messages AS c
    WHERE c.chat_id = s.chat_id AND c.seq >= coalesce(p_seq, 1) AND c.seq <= coalesce(p_seq, s.last_seq)
        AND c.deleted_at IS NULL AND (p_seq IS NOT NULL OR c.role = 'user' AND c.kind <> 'answer')
    ORDER BY c.seq DESC LIMIT 1;
    IF NOT FOUND THEN
        r.status := CASE WHEN p_seq IS NULL THEN 'nothing' ELSE 'missing' END;
        RETURN r;
    END IF;
    IF m.role = 'assistant' OR m.kind = 'answer' THEN
        SELECT * INTO m FROM chat_messages AS c
        WHERE c.chat_id = s.chat_id AND c.deleted_at IS NULL AND c.role = 'user' AND c.kind <> 'answer' AND c.seq < p_seq
            AND (m.turn_id IS NULL OR c.turn_seq = m.turn_seq)
        ORDER BY c.seq DESC LIMIT 1;
        IF NOT FOUND THEN
            r.status := 'unasked';
            RETURN r;
        END IF;
    END IF;
    IF NOT end_waiting(s) THEN
        r.status := 'busy';
        RETURN r;
    END IF;

    v_now := greatest(s.updated_at + interval '1 microsecond', clock_timestamp());
    WITH hidden AS (
        UPDATE chat_messages AS c SET deleted_at = v_now, rewound = true, changed_at = v_now
        WHERE c.chat_id = s.chat_id AND c.seq >= m.turn_seq AND c.deleted_at IS NULL
            AND (c.turn_seq > m.turn_seq OR c.turn_seq = m.turn_seq AND (c.role = 'assistant' OR c.kind = 'answer'))
        RETURNING c
    )
    SELECT count(*), (array_agg(c ORDER BY (c).seq DESC))[:400] INTO v_rows, v_hidden FROM hidden;
    -- Marked for cancellation, so that their messages don't count as waiting.
    UPDATE turns AS u SET withdrawn = true, cancel_requested = true WHERE u.chat_id = s.chat_id AND u.seq >= m.turn_seq;
    -- The earlier turn makes room: negative places are for withdrawn turns.
    UPDATE turns AS u SET
        seq = (SELECT least(min(x.seq), 0) - 1 FROM turns AS x WHERE x.chat_id = s.chat_id),
        place_in_time = coalesce(u.place_in_time, u.seq)
    WHERE u.chat_id = s.chat_id AND u.seq = m.turn_seq RETURNING * INTO t;
    INSERT INTO turns (
        chat_id, seq, place_in_time, user_id, agent_name, channel, status, attempt, epoch, owner, deadline, time_limit,
        history_turns, deliver_to, ends_session, created_at, started_at
    ) VALUES (
        s.chat_id, m.turn_seq, s.last_seq, s.user_id, s.agent_name, m.channel, 'running', 1, 1, p_owner,
        clock_timestamp() + p_time_limit + interval '30 seconds', p_time_limit, p_history_turns,
        -- The addresses of the earlier answer, and those of the conversation now, as far as these are still routes of this user.
        ARRAY(
            SELECT ro.route FROM routes AS ro
            WHERE ro.user_id = s.user_id
                AND ro.route = ANY (t.deliver_to || CASE WHEN is_pushed(s.channel) THEN s.route END)
            ORDER BY ro.route
        ),
        coalesce(t.ends_session, false), v_now, v_now
    ) RETURNING * INTO t;
    PERFORM begin_activity(t);
    IF p_content IS NOT NULL THEN
        PERFORM keep_version(m, 'edit', p_by, v_now);
        UPDATE chat_messages AS c SET
            content = p_content, parts = parts_with_text(c.parts, p_content), edited_at = v_now
        WHERE c.chat_id = s.chat_id AND c.seq = m.seq;
        UPDATE snapshots SET agent_session = NULL WHERE chat_id = s.chat_id AND agent_session IS NOT NULL;
    END IF;
    WITH asked AS (
        UPDATE chat_messages AS c SET turn_id = t.turn_id, changed_at = v_now
        WHERE c.chat_id = s.chat_id AND c.seq >= m.turn_seq AND c.turn_seq = m.turn_seq AND c.role = 'user'
            AND c.kind <> 'answer' AND c.deleted_at IS NULL
        RETURNING c
    )
    SELECT array_agg(c ORDER BY (c).seq) INTO r.messages FROM asked;
    UPDATE chat_sessions SET
        updated_at = v_now, is_active = true, ended_at = NULL, message_count = message_count - v_rows,
        words_changed_at = CASE WHEN p_content IS NULL THEN words_changed_at ELSE v_now END,
        agent_session = NULL, former_agent_sessions = agent_sessions_before(s, NULL),
        title = CASE WHEN p_content IS NULL THEN title ELSE title_without_words(s) END,
        title_is_agents = title_is_agents AND p_content IS NULL
    WHERE chat_id = s.chat_id RETURNING * INTO s;
    r.status := 'done';
    r.session := s;
    r.turn := t;
    r.message := (SELECT c FROM unnest(r.messages) AS c WHERE c.seq = m.seq);
    r.history := turn_history(s.chat_id, t.seq, t.history_turns);
    r.changed := v_hidden || r.messages;
    RETURN r;
END
$$;

-- A new session of the same user with the live messages up to p_seq (null: all), renumbered from 1. Nothing locks the parent: it
-- is copied as one statement sees it. p_route continues with the fork; its lock comes first, as everywhere. p_chat_id: the id of
-- the new session; an existing one is a unique violation.
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
    -- The owner before the route, as everywhere: a visitor who is being identified is the user by the next statement.
    PERFORM pg_advisory_xact_lock_shared(hashtextextended(c.user_id, 30)) FROM chat_sessions AS c WHERE c.session_id = p_session;
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
        chat_id, seq, user_id, role, content, parts, channel, turn_seq, created_at, edited_at, kind, metadata
    )
    SELECT
        f.chat_id, told.place, s.user_id, told.role, told.content, parts_of_fork(told.parts), told.channel,
        min(told.place) OVER (PARTITION BY told.turn_seq), told.created_at, told.edited_at,
        told.kind, told.metadata
    FROM (
        SELECT m.*, row_number() OVER (ORDER BY m.seq) AS place FROM chat_messages AS m
        WHERE m.chat_id = s.chat_id AND m.seq <= coalesce(p_seq, s.last_seq) AND m.deleted_at IS NULL
    ) AS told;
    GET DIAGNOSTICS v_rows = ROW_COUNT;
    UPDATE routes SET chat_id = f.chat_id WHERE user_id = s.user_id AND route = p_route;
    RETURN QUERY UPDATE chat_sessions AS c SET
        last_seq = v_rows, message_count = v_rows, last_message_at = CASE WHEN v_rows > 0 THEN v_now END, updated_at = v_now,
        listed_at = second_of(CASE WHEN v_rows > 0 THEN v_now ELSE c.created_at END)
    WHERE c.chat_id = f.chat_id RETURNING *;
END
$$;

-- migrate: rollback
