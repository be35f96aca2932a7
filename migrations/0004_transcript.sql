--Messages, turns, routes, the outbox and the replicas that work on them.
-- depends: 0003_chat_sessions

-- migrate: apply

-- The transcript. A row is never renumbered: `seq` counts from 1 without gaps, deleted rows stay as tombstones.
CREATE TABLE chat_messages (
    chat_id uuid NOT NULL REFERENCES chat_sessions ON DELETE CASCADE,
    seq bigint NOT NULL,
    user_id text NOT NULL,
    role text NOT NULL CHECK (role IN ('user', 'assistant')),
    content text NOT NULL,
    parts jsonb, -- NULL: one text part, the content
    channel text NOT NULL,
    turn_id uuid,
    turn_seq bigint NOT NULL, -- of the turn it belongs to: history is told turn by turn
    client_id text, -- the channel's own id: what makes a second delivery a duplicate
    routed boolean NOT NULL DEFAULT false, -- came without a session of its own: a duplicate may be in any
    created_at timestamptz NOT NULL DEFAULT now(),
    edited_at timestamptz,
    deleted_at timestamptz,
    PRIMARY KEY (chat_id, seq)
);

CREATE UNIQUE INDEX chat_messages_client_id ON chat_messages (user_id, client_id, chat_id) WHERE client_id IS NOT NULL;

SELECT turngate_protect('chat_messages');

-- A turn: user messages and the one reply to them. `owner`, `epoch` and `deadline` are its lease while it runs.
CREATE TABLE turns (
    turn_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    chat_id uuid NOT NULL REFERENCES chat_sessions ON DELETE CASCADE,
    seq bigint NOT NULL, -- of its first message
    user_id text NOT NULL,
    agent_name text NOT NULL,
    channel text NOT NULL,
    status text NOT NULL CHECK (status IN ('queued', 'running', 'completed', 'failed', 'cancelled')),
    attempt int NOT NULL DEFAULT 0,
    epoch int NOT NULL DEFAULT 0,
    owner uuid,
    deadline timestamptz,
    time_limit interval NOT NULL,
    history_turns int NOT NULL,
    cancel_requested boolean NOT NULL DEFAULT false,
    deliver_to text[] NOT NULL DEFAULT '{}',
    ends_session boolean NOT NULL DEFAULT false,
    reply_seq bigint,
    usage jsonb,
    error text,
    created_at timestamptz NOT NULL DEFAULT now(),
    started_at timestamptz,
    ended_at timestamptz,
    UNIQUE (chat_id, seq)
);

-- One turn at a time per session; also what the sweep reads, so it stays as small as the work at hand.
CREATE UNIQUE INDEX turns_running ON turns (chat_id) WHERE status = 'running';

ALTER TABLE turns SET (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);

SELECT turngate_protect('turns');

-- Which session of a user is current at each place people write from.
CREATE TABLE routes (
    user_id text NOT NULL,
    route text NOT NULL,
    chat_id uuid REFERENCES chat_sessions ON DELETE SET NULL,
    PRIMARY KEY (user_id, route)
);

CREATE INDEX routes_chat_id ON routes (chat_id);

SELECT turngate_protect('routes');

-- Chunks of replies on their way to networks that replies are pushed to.
CREATE TABLE outbox (
    item_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    chat_id uuid NOT NULL REFERENCES chat_sessions ON DELETE CASCADE,
    turn_id uuid NOT NULL,
    user_id text NOT NULL,
    address text NOT NULL,
    chunk int NOT NULL,
    content text NOT NULL,
    markup text NOT NULL,
    state text NOT NULL DEFAULT 'unsent' CHECK (state IN ('unsent', 'sent', 'dead')),
    owner uuid,
    attempts int NOT NULL DEFAULT 0,
    error text,
    created_at timestamptz NOT NULL DEFAULT now(),
    settled_at timestamptz,
    UNIQUE (chat_id, turn_id, address, chunk)
);

CREATE INDEX outbox_unsent ON outbox (item_id) WHERE state = 'unsent';

SELECT turngate_protect('outbox');

-- Who is alive. A slot is a place to run in (a data dir, a container): a new process there ends the one before.
CREATE TABLE replicas (
    replica_id uuid PRIMARY KEY,
    slot text NOT NULL UNIQUE,
    started_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL
);

GRANT SELECT, INSERT, UPDATE, DELETE ON replicas TO turngate_system;

-- At most one replica polls an account.
CREATE TABLE poll_leases (
    account text PRIMARY KEY,
    owner uuid NOT NULL
);

GRANT SELECT, INSERT, UPDATE, DELETE ON poll_leases TO turngate_system;

-- What came in and could not be understood.
CREATE TABLE quarantine (
    account text NOT NULL,
    key text NOT NULL,
    raw text NOT NULL,
    reason text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account, key)
);

GRANT SELECT, INSERT, UPDATE, DELETE ON quarantine TO turngate_system;

-- migrate: rollback

DROP TABLE quarantine, poll_leases, replicas, outbox, routes, turns, chat_messages;
