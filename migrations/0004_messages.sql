--Messages: the transcript, and the earlier versions of each message.
-- depends: 0003_sessions

-- migrate: apply

-- The values that a column may have. Every statement that writes a row parses and plans the CHECK constraints of its table again,
-- whichever columns it writes. The constraint of a domain is planned once per connection, and checked only when the column is written.
CREATE DOMAIN message_role AS text CHECK (VALUE IN ('user', 'assistant'));

-- `apology`: the gateway's own text if the agent gave no answer; `note`: for operators only; `human`: an operator's reply; `answer`: a
-- user's answer to a question of the agent, in words.
CREATE DOMAIN message_kind AS text CHECK (VALUE IN ('message', 'apology', 'note', 'human', 'answer'));

-- The transcript. A row is never renumbered: `seq` counts from 1 without gaps, and deleted rows stay as tombstones.
CREATE TABLE chat_messages (
    chat_id uuid NOT NULL REFERENCES chat_sessions ON DELETE CASCADE,
    seq bigint NOT NULL,
    user_id text NOT NULL,
    role message_role NOT NULL,
    kind message_kind NOT NULL DEFAULT 'message',
    content text NOT NULL,
    parts jsonb, -- NULL: one text part, the content
    metadata jsonb, -- NULL: none
    channel text NOT NULL,
    turn_id uuid,
    turn_seq bigint NOT NULL, -- of the turn it belongs to: history is told turn by turn
    client_id text, -- the channel's own id: what makes a second delivery a duplicate
    routed boolean NOT NULL DEFAULT false, -- came without a session of its own: a duplicate may be in any
    created_at timestamptz NOT NULL DEFAULT now(),
    edited_at timestamptz,
    deleted_at timestamptz,
    changed_at timestamptz, -- of its latest edit, deletion, hiding or return: what followers report
    rewound boolean NOT NULL DEFAULT false, -- hidden by going back in the conversation: a snapshot may bring it back
    PRIMARY KEY (chat_id, seq)
);

CREATE UNIQUE INDEX chat_messages_client_id ON chat_messages (user_id, client_id, chat_id) WHERE client_id IS NOT NULL;

CREATE INDEX chat_messages_changed ON chat_messages (chat_id, changed_at) WHERE changed_at IS NOT NULL;

CREATE INDEX chat_messages_rewound ON chat_messages (chat_id, seq) WHERE rewound;

SELECT turngate_protect('chat_messages');

CREATE FUNCTION raise_history_version() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    UPDATE chat_sessions AS s SET history_version = s.history_version + 1
    FROM (SELECT DISTINCT chat_id FROM changed) AS c WHERE s.chat_id = c.chat_id;
    RETURN NULL;
END
$$;

-- Changing a row requires a lock on its session. A turn is withdrawn, or taken back, together with its messages.
CREATE TRIGGER raise_history_version AFTER UPDATE ON chat_messages REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION raise_history_version();

CREATE TRIGGER raise_history_version_of_deleted AFTER DELETE ON chat_messages REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION raise_history_version();

-- The version of a message before each change, and who changed it: for the operator's audit. Deletion keeps the row itself.
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

-- The parts of a message whose text was replaced: tools and data stay, followed by the text.
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

-- migrate: rollback
