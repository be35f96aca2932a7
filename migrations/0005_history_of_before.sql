--Copies LangChain's chat_message_history into chat_messages; the old table stays as it is.
-- depends: 0004_messages

-- migrate: apply

-- The text of a LangChain content: a string, or blocks, some of which are text.
CREATE FUNCTION pg_temp.langchain_text(content jsonb) RETURNS text
LANGUAGE sql IMMUTABLE
AS $$
    SELECT CASE jsonb_typeof(content)
        WHEN 'string' THEN content #>> '{}'
        WHEN 'array' THEN (
            SELECT string_agg(CASE jsonb_typeof(block) WHEN 'string' THEN block #>> '{}' ELSE block ->> 'text' END, E'\n'
                ORDER BY position)
            FROM jsonb_array_elements(content) WITH ORDINALITY AS blocks (block, position)
        )
    END
$$;

-- The same as parts of AI SDK's UIMessage; a block without text becomes a data part.
CREATE FUNCTION pg_temp.langchain_parts(content jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE
AS $$
    SELECT CASE jsonb_typeof(content)
        WHEN 'array' THEN (
            SELECT jsonb_agg(
                CASE
                    WHEN jsonb_typeof(block) = 'string' THEN jsonb_build_object('type', 'text', 'text', block)
                    WHEN block ->> 'type' = 'text' THEN jsonb_build_object('type', 'text', 'text', block -> 'text')
                    ELSE jsonb_build_object('type', 'data-' || coalesce(block ->> 'type', 'block'), 'data', block)
                END ORDER BY position)
            FROM jsonb_array_elements(content) WITH ORDINALITY AS blocks (block, position)
        )
        WHEN 'string' THEN CASE WHEN content = '""' THEN '[]' ELSE
            jsonb_build_array(jsonb_build_object('type', 'text', 'text', content)) END
    END
$$;

-- Older LangChain tables store session_id as text and have no created_at: read each row as JSON.
INSERT INTO chat_messages (chat_id, seq, user_id, role, content, parts, channel, turn_seq, created_at)
SELECT
    s.chat_id,
    row_number() OVER told,
    s.user_id,
    CASE WHEN kind IN ('human', 'HumanMessageChunk') THEN 'user' ELSE 'assistant' END,
    CASE WHEN kind IN ('system', 'tool', 'function') THEN '' ELSE coalesce(pg_temp.langchain_text(content), '') END,
    CASE
        WHEN kind IN ('tool', 'function') THEN jsonb_build_array(jsonb_build_object(
            'type', 'tool-' || coalesce(fields ->> 'name', 'unknown'),
            'toolCallId', coalesce(fields ->> 'tool_call_id', fields ->> 'id', ''),
            'state', 'output-available', 'input', '{}'::jsonb, 'output', content))
        WHEN kind IN ('human', 'ai', 'HumanMessageChunk', 'AIMessageChunk') THEN
            coalesce(pg_temp.langchain_parts(content), '[]') || coalesce((
                SELECT jsonb_agg(jsonb_build_object(
                    'type', 'tool-' || coalesce(call ->> 'name', 'unknown'), 'toolCallId', coalesce(call ->> 'id', ''),
                    'state', 'input-available', 'input', coalesce(call -> 'args', '{}')))
                FROM jsonb_array_elements(CASE jsonb_typeof(fields -> 'tool_calls')
                    WHEN 'array' THEN fields -> 'tool_calls' ELSE '[]' END) AS calls (call)
            ), '[]')
        ELSE jsonb_build_array(jsonb_build_object('type', 'data-' || coalesce(kind, 'message'), 'data', message))
    END,
    s.channel,
    row_number() OVER told,
    coalesce(told_at, s.created_at)
FROM (
    SELECT
        h.id,
        to_jsonb(h) ->> 'session_id' AS session_id,
        to_jsonb(h) -> 'message' AS message,
        (to_jsonb(h) ->> 'created_at')::timestamptz AS told_at,
        to_jsonb(h) -> 'message' ->> 'type' AS kind,
        coalesce(to_jsonb(h) -> 'message' -> 'data', to_jsonb(h) -> 'message') AS fields,
        coalesce(to_jsonb(h) -> 'message' -> 'data' -> 'content', to_jsonb(h) -> 'message' -> 'content') AS content
    FROM chat_message_history AS h
) AS history
JOIN chat_sessions AS s ON s.session_id = history.session_id
WINDOW told AS (PARTITION BY s.chat_id ORDER BY history.id);

UPDATE chat_sessions AS s SET
    last_seq = told.rows,
    message_count = told.rows,
    last_message_at = told.newest,
    listed_at = second_of(told.newest),
    updated_at = greatest(s.updated_at, told.newest)
FROM (
    SELECT chat_id, count(*) AS rows, max(created_at) AS newest FROM chat_messages GROUP BY chat_id
) AS told
WHERE told.chat_id = s.chat_id;

-- The newest session of each user and agent becomes the current one.
INSERT INTO routes (user_id, route, chat_id)
SELECT DISTINCT ON (user_id, route) user_id, route, chat_id
FROM chat_sessions
ORDER BY user_id, route, coalesce(last_message_at, created_at) DESC;

-- migrate: rollback
