--The tables as they were before channels; a database that has them already keeps them.
-- depends:

-- migrate: apply

CREATE TABLE IF NOT EXISTS chat_sessions (
    chat_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id text NOT NULL,
    agent_name text,
    is_active boolean DEFAULT true,
    created_at timestamptz DEFAULT now()
);

CREATE TABLE IF NOT EXISTS chat_message_history (
    id serial PRIMARY KEY,
    session_id uuid NOT NULL,
    message jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- migrate: rollback
