--chat_sessions gets its channel, its public id and what a list needs; rows from before are backfilled.
-- depends: 0002_roles

-- migrate: apply

-- A user may now be telegram:42 or visitor:…, which no table of users has a row for.
DO $foreign_keys$
DECLARE
    key_name name;
BEGIN
    FOR key_name IN
        SELECT c.conname FROM pg_constraint AS c
        JOIN pg_attribute AS a ON a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey)
        WHERE c.conrelid = 'chat_sessions'::regclass AND c.contype = 'f' AND a.attname = 'user_id'
    LOOP
        EXECUTE format('ALTER TABLE chat_sessions DROP CONSTRAINT %I', key_name);
    END LOOP;
END
$foreign_keys$;

ALTER TABLE chat_sessions
    ALTER COLUMN user_id DROP DEFAULT,
    ALTER COLUMN user_id TYPE text USING user_id::text,
    ALTER COLUMN agent_name TYPE text USING agent_name::text,
    ALTER COLUMN created_at DROP DEFAULT,
    ALTER COLUMN created_at TYPE timestamptz,
    ADD COLUMN IF NOT EXISTS session_id text,
    ADD COLUMN IF NOT EXISTS channel text NOT NULL DEFAULT 'web',
    ADD COLUMN IF NOT EXISTS title text,
    ADD COLUMN IF NOT EXISTS metadata jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN IF NOT EXISTS updated_at timestamptz,
    ADD COLUMN IF NOT EXISTS last_message_at timestamptz,
    ADD COLUMN IF NOT EXISTS ended_at timestamptz,
    ADD COLUMN IF NOT EXISTS parent_session_id text,
    ADD COLUMN IF NOT EXISTS title_is_users boolean NOT NULL DEFAULT false,
    ADD COLUMN IF NOT EXISTS route text,
    ADD COLUMN IF NOT EXISTS last_seq bigint NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS message_count bigint NOT NULL DEFAULT 0;

UPDATE chat_sessions SET
    session_id = chat_id::text,
    channel = 'web',
    user_id = coalesce(user_id, 'unknown'),
    agent_name = coalesce(agent_name, 'assistant'),
    is_active = coalesce(is_active, false),
    created_at = coalesce(created_at, now()),
    updated_at = coalesce(updated_at, created_at, now()),
    route = 'web:' || coalesce(agent_name, 'assistant')
WHERE session_id IS NULL;

ALTER TABLE chat_sessions
    ALTER COLUMN chat_id SET DEFAULT gen_random_uuid(),
    ALTER COLUMN user_id SET NOT NULL,
    ALTER COLUMN agent_name SET NOT NULL,
    ALTER COLUMN is_active SET DEFAULT true,
    ALTER COLUMN is_active SET NOT NULL,
    ALTER COLUMN created_at SET DEFAULT now(),
    ALTER COLUMN created_at SET NOT NULL,
    ALTER COLUMN updated_at SET DEFAULT now(),
    ALTER COLUMN updated_at SET NOT NULL,
    ALTER COLUMN session_id SET NOT NULL,
    ADD CONSTRAINT chat_sessions_channel_known
        CHECK (channel IN ('web', 'telegram', 'scheduled', 'terminal', 'api'));

-- Whoever inserts a row the old way still gets a session_id.
CREATE FUNCTION chat_sessions_session_id() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    NEW.session_id := coalesce(NEW.session_id, NEW.chat_id::text);
    RETURN NEW;
END
$$;

CREATE TRIGGER chat_sessions_session_id BEFORE INSERT ON chat_sessions
    FOR EACH ROW WHEN (NEW.session_id IS NULL) EXECUTE FUNCTION chat_sessions_session_id();

CREATE UNIQUE INDEX chat_sessions_session_id_key ON chat_sessions (session_id);

CREATE INDEX chat_sessions_by_activity
    ON chat_sessions (user_id, (coalesce(last_message_at, created_at)) DESC, chat_id DESC);

CREATE INDEX chat_sessions_by_channel
    ON chat_sessions (user_id, channel, (coalesce(last_message_at, created_at)) DESC, chat_id DESC);

-- An operator's list of everybody's.
CREATE INDEX chat_sessions_by_newest ON chat_sessions ((coalesce(last_message_at, created_at)) DESC, chat_id DESC);

-- Each message updates its session's row: leave room beside it, and clean up early.
ALTER TABLE chat_sessions SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);

SELECT turngate_protect('chat_sessions');

CREATE VIEW sessions_list WITH (security_invoker = true) AS
SELECT
    session_id, user_id, channel, agent_name, title, is_active, created_at, updated_at, last_message_at, ended_at,
    message_count, metadata, parent_session_id, chat_id
FROM chat_sessions;

GRANT SELECT ON sessions_list TO turngate_app, turngate_system;

-- migrate: rollback

DROP VIEW sessions_list;
DROP TRIGGER chat_sessions_session_id ON chat_sessions;
DROP FUNCTION chat_sessions_session_id();
