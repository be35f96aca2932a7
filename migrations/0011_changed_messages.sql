--Messages can be edited and deleted; what was said before is kept.
-- depends: 0010_columns

-- migrate: apply

-- What a message was before each change, and who changed it: for the operator's audit. Deletion keeps the row itself.
CREATE TABLE message_versions (
    chat_id uuid NOT NULL REFERENCES chat_sessions ON DELETE CASCADE,
    seq bigint NOT NULL,
    version int NOT NULL,
    user_id text NOT NULL,
    content text NOT NULL,
    parts jsonb,
    change text NOT NULL CHECK (change IN ('edit', 'delete', 'rewind')),
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

-- The title of a session whose words change: the user's own stays and a schedule's name; one that was made of what was said is
-- given up, and the gateway makes another.
CREATE FUNCTION title_without_words(s chat_sessions) RETURNS text
LANGUAGE sql IMMUTABLE
AS $$ SELECT CASE WHEN s.title_is_users OR s.channel = 'scheduled' THEN s.title END $$;

-- The names that were given to a session before the one that it gets now (p_name; null: none), the newest hundreds of them.
CREATE FUNCTION agent_sessions_before(s chat_sessions, p_name text) RETURNS text[]
LANGUAGE sql IMMUTABLE
AS $$
    SELECT CASE WHEN s.agent_session IS NULL OR s.agent_session = p_name THEN known.names
        ELSE (array_remove(known.names, s.agent_session) || s.agent_session)[greatest(cardinality(known.names) - 498, 1):] END
    FROM (SELECT array_remove(s.former_agent_sessions, p_name) AS names) AS known
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
    v_now := greatest(s.updated_at + interval '1 microsecond', clock_timestamp());
    PERFORM keep_version(m, CASE WHEN p_content IS NULL THEN 'delete' ELSE 'edit' END, p_by, v_now);
    UPDATE chat_messages SET
        content = coalesce(p_content, content),
        parts = CASE WHEN p_content IS NULL THEN parts ELSE parts_with_text(parts, p_content) END,
        edited_at = CASE WHEN p_content IS NULL THEN edited_at ELSE v_now END,
        deleted_at = CASE WHEN p_content IS NULL THEN v_now END,
        changed_at = v_now
    WHERE chat_id = s.chat_id AND seq = p_seq RETURNING * INTO m;
    -- The agent's own conversations still have what it was: it begins a new one, and is told the history.
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

-- Gateways of the version before work on this schema too, so there is nothing to take back.
-- migrate: rollback
