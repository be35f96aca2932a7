--Messages can be edited, deleted, hidden and answered again, sessions forked; what was said before an edit is kept.
-- depends: 0009_supersede

-- migrate: apply

ALTER TABLE chat_messages
    ADD COLUMN changed_at timestamptz, -- of its latest edit, deletion, hiding or return: what followers are told of
    ADD COLUMN rewound boolean NOT NULL DEFAULT false; -- hidden by going back in the conversation: a snapshot may bring it back

CREATE INDEX chat_messages_changed ON chat_messages (chat_id, changed_at) WHERE changed_at IS NOT NULL;

-- A turn that was set aside: its messages are hidden, or answered by another turn. Agents are not told of it.
ALTER TABLE turns ADD COLUMN withdrawn boolean NOT NULL DEFAULT false;

-- `agent_session`: how the agent's own framework calls this conversation.
ALTER TABLE chat_sessions ADD COLUMN agent_session text;

CREATE INDEX chat_sessions_forks ON chat_sessions (parent_session_id) WHERE parent_session_id IS NOT NULL;

-- What a message was before each change, and who changed it: for the operator's audit. Deletion keeps the row itself.
CREATE TABLE message_versions (
    chat_id uuid NOT NULL REFERENCES chat_sessions ON DELETE CASCADE,
    seq bigint NOT NULL,
    version int NOT NULL,
    user_id text NOT NULL,
    content text NOT NULL,
    parts jsonb,
    change text NOT NULL CHECK (change IN ('edit', 'delete')),
    changed_by text NOT NULL,
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (chat_id, seq, version)
);

SELECT turngate_protect('message_versions');

CREATE FUNCTION keep_version(m chat_messages, p_change text, p_by text, p_at timestamptz) RETURNS void
LANGUAGE sql
AS $$
    INSERT INTO message_versions (chat_id, seq, version, user_id, content, parts, change, changed_by, changed_at)
    SELECT m.chat_id, m.seq, 1 + count(*), m.user_id, m.content, m.parts, p_change, p_by, p_at
    FROM message_versions AS v WHERE v.chat_id = m.chat_id AND v.seq = m.seq
$$;

-- The parts of a message whose text was replaced: tools and data stay, and the text stands behind them.
CREATE FUNCTION parts_with_text(p_parts jsonb, p_text text) RETURNS jsonb
LANGUAGE sql IMMUTABLE
AS $$
    SELECT CASE WHEN p_parts IS NOT NULL THEN
        coalesce((
            SELECT jsonb_agg(part ORDER BY place)
            FROM jsonb_array_elements(p_parts) WITH ORDINALITY AS told (part, place)
            WHERE part ->> 'type' IS DISTINCT FROM 'text'
        ), '[]') || jsonb_build_object('type', 'text', 'text', p_text)
    END
$$;

-- `status`: done, not_found (no such session), missing (no such message), busy (it waits for its answer).
CREATE TYPE rewritten AS (
    status text,
    session chat_sessions,
    message chat_messages
);

-- A new text for a message (p_content), or none: then it is deleted and keeps its place only.
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
    IF EXISTS (SELECT FROM turns WHERE turn_id = m.turn_id AND status IN ('queued', 'running')) THEN
        r.status := 'busy';
        RETURN r;
    END IF;
    v_now := greatest(s.updated_at, clock_timestamp());
    PERFORM keep_version(m, CASE WHEN p_content IS NULL THEN 'delete' ELSE 'edit' END, p_by, v_now);
    UPDATE chat_messages SET
        content = coalesce(p_content, content),
        parts = CASE WHEN p_content IS NULL THEN parts ELSE parts_with_text(parts, p_content) END,
        edited_at = CASE WHEN p_content IS NULL THEN edited_at ELSE v_now END,
        deleted_at = CASE WHEN p_content IS NULL THEN v_now END,
        changed_at = v_now
    WHERE chat_id = s.chat_id AND seq = p_seq RETURNING * INTO m;
    UPDATE chat_sessions SET updated_at = v_now, message_count = message_count - (p_content IS NULL)::int
    WHERE chat_id = s.chat_id RETURNING * INTO s;
    r.status := 'done';
    r.session := s;
    r.message := m;
    RETURN r;
END
$$;

-- As `rewritten`; `busy` here: a turn is open. `turn` is claimed by the caller; `changed`: what was hidden, and `messages`.
CREATE TYPE answering AS (
    status text,
    session chat_sessions,
    message chat_messages,
    turn turns,
    messages chat_messages[],
    history chat_messages[],
    changed chat_messages[]
);

-- Answers a user's message anew, with another text if one is given: a new turn stands in the place of the old one, and whatever was
-- said since is hidden. p_seq: the message, or a reply to it; null: the last one.
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
    v_now timestamptz;
BEGIN
    SELECT * INTO s FROM chat_sessions WHERE session_id = p_session FOR UPDATE;
    IF NOT FOUND THEN
        r.status := 'not_found';
        RETURN r;
    END IF;
    SELECT * INTO m FROM chat_messages AS c
    WHERE c.chat_id = s.chat_id AND c.seq >= coalesce(p_seq, 1) AND c.seq <= coalesce(p_seq, s.last_seq)
        AND c.deleted_at IS NULL AND (p_seq IS NOT NULL OR c.role = 'user')
    ORDER BY c.seq DESC LIMIT 1;
    IF m.role = 'assistant' THEN
        SELECT * INTO m FROM chat_messages AS c
        WHERE c.chat_id = s.chat_id AND c.deleted_at IS NULL AND c.role = 'user' AND c.seq < p_seq
            AND (m.turn_id IS NULL OR c.turn_seq = m.turn_seq)
        ORDER BY c.seq DESC LIMIT 1;
    END IF;
    IF m.chat_id IS NULL THEN
        r.status := 'missing';
        RETURN r;
    END IF;
    IF EXISTS (SELECT FROM turns AS u WHERE u.chat_id = s.chat_id AND u.status = 'running') THEN
        r.status := 'busy';
        RETURN r;
    END IF;

    v_now := greatest(s.updated_at, clock_timestamp());
    WITH hidden AS (
        UPDATE chat_messages AS c SET deleted_at = v_now, rewound = true, changed_at = v_now
        WHERE c.chat_id = s.chat_id AND c.seq >= m.turn_seq AND c.deleted_at IS NULL
            AND (c.turn_seq > m.turn_seq OR c.turn_seq = m.turn_seq AND c.role = 'assistant')
        RETURNING c
    )
    SELECT array_agg(c) INTO v_hidden FROM hidden;
    -- Asked to be cancelled, so that nobody takes their messages for waiting ones.
    UPDATE turns AS u SET withdrawn = true, cancel_requested = true WHERE u.chat_id = s.chat_id AND u.seq >= m.turn_seq;
    -- The turn that answered before makes room: places below zero are for those that were set aside.
    UPDATE turns AS u SET seq = (SELECT least(min(x.seq), 0) - 1 FROM turns AS x WHERE x.chat_id = s.chat_id)
    WHERE u.chat_id = s.chat_id AND u.seq = m.turn_seq RETURNING * INTO t;
    INSERT INTO turns (
        chat_id, seq, user_id, agent_name, channel, status, attempt, epoch, owner, deadline, time_limit, history_turns,
        deliver_to, started_at
    ) VALUES (
        s.chat_id, m.turn_seq, s.user_id, s.agent_name, m.channel, 'running', 1, 1, p_owner,
        v_now + p_time_limit + interval '30 seconds', p_time_limit, p_history_turns,
        coalesce(t.deliver_to, CASE WHEN s.channel = 'telegram' THEN ARRAY[s.route] ELSE '{}' END), v_now
    ) RETURNING * INTO t;
    IF p_content IS NOT NULL THEN
        PERFORM keep_version(m, 'edit', p_by, v_now);
        UPDATE chat_messages AS c SET
            content = p_content, parts = parts_with_text(c.parts, p_content), edited_at = v_now
        WHERE c.chat_id = s.chat_id AND c.seq = m.seq;
    END IF;
    WITH asked AS (
        UPDATE chat_messages AS c SET turn_id = t.turn_id, changed_at = v_now
        WHERE c.chat_id = s.chat_id AND c.seq >= m.turn_seq AND c.turn_seq = m.turn_seq AND c.role = 'user'
            AND c.deleted_at IS NULL
        RETURNING c
    )
    SELECT array_agg(c ORDER BY (c).seq) INTO r.messages FROM asked;
    UPDATE chat_sessions SET
        updated_at = v_now, is_active = true, ended_at = NULL,
        message_count = message_count - coalesce(cardinality(v_hidden), 0)
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

-- A new session of the same user with the live messages up to p_seq (null: all), counted anew from 1. Nothing locks the parent: it is
-- copied as one statement sees it. p_route becomes the place to go on at; its lock comes first, as everywhere.
CREATE FUNCTION fork_session(p_session text, p_seq bigint, p_title text, p_channel text, p_route text) RETURNS SETOF chat_sessions
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
    INSERT INTO chat_sessions (user_id, channel, agent_name, title, title_is_users, metadata, route, parent_session_id)
    VALUES (
        s.user_id, p_channel, s.agent_name, coalesce(p_title, s.title), p_title IS NOT NULL OR s.title_is_users,
        s.metadata, p_route, s.session_id
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

-- The N turns told before a turn, oldest first, each with its replies; later messages are not part of it, nor are turns that were
-- set aside.
CREATE OR REPLACE FUNCTION turn_history(p_chat_id uuid, p_seq bigint, p_turns int) RETURNS chat_messages[]
LANGUAGE plpgsql STABLE
AS $$
DECLARE
    v_first bigint;
    v_reach bigint := p_turns;
    v_count int;
BEGIN
    IF p_turns = 0 OR p_seq = 1 THEN
        RETURN '{}';
    END IF;
    -- A range with two ends: no plan can read the whole session. Most turns have two rows; looking further is rare.
    LOOP
        v_reach := v_reach * 4;
        SELECT min(seq), count(*) INTO v_first, v_count FROM (
            SELECT seq FROM turns
            WHERE chat_id = p_chat_id AND seq < p_seq AND seq >= greatest(p_seq - v_reach, 1) AND NOT withdrawn
            ORDER BY seq DESC LIMIT p_turns
        ) AS newest;
        EXIT WHEN v_count = p_turns OR v_reach >= p_seq;
    END LOOP;
    -- Fewer turns than that: rows from before there were turns count two to a turn.
    IF v_count < p_turns THEN
        SELECT least(v_first, min(seq)) INTO v_first FROM (
            SELECT seq FROM chat_messages
            WHERE chat_id = p_chat_id AND seq < coalesce(v_first, p_seq) AND deleted_at IS NULL
            ORDER BY seq DESC LIMIT 2 * (p_turns - v_count)
        ) AS older;
    END IF;
    RETURN ARRAY(
        SELECT m FROM chat_messages AS m
        WHERE m.chat_id = p_chat_id AND m.seq >= v_first AND m.turn_seq >= v_first AND m.turn_seq < p_seq
            AND m.deleted_at IS NULL
        ORDER BY m.turn_seq, m.seq
    );
END
$$;

-- Gateways of the version before work on this schema too, so there is nothing to take back.
-- migrate: rollback
