--Data that agents keep for their own frameworks, such as the messages of a conversation as a library wrote them.
-- depends: 0017_erasure

-- migrate: apply

-- One row for each turn that still matters: the latest completed one, from which the next attempt starts, and the one under way.
-- A row counts once its turn is completed, so an attempt that is repeated starts from the state before the turn.
CREATE TABLE agent_data (
    agent_name text NOT NULL,
    name text NOT NULL, -- of the conversation in the agent's framework, as in `chat_sessions.agent_session`
    seq bigint NOT NULL, -- of the turn's first message; for a fork, the last message that was copied
    turn_id uuid, -- null: the beginning of a fork
    chat_id uuid NOT NULL REFERENCES chat_sessions ON DELETE CASCADE,
    user_id text NOT NULL,
    epoch int NOT NULL, -- of the turn: a replica that has lost it overwrites nothing
    data text NOT NULL,
    written_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (agent_name, name, seq)
);

CREATE INDEX agent_data_chat ON agent_data (chat_id);

SELECT turngate_protect('agent_data');

-- lz4 is faster than pglz; a server may be built without it.
DO $compression$
BEGIN
    ALTER TABLE agent_data ALTER COLUMN data SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported THEN
    RAISE NOTICE 'This server has no lz4: agents'' data is compressed with pglz.';
END
$compression$;

-- What the latest completed turn left under a name, for an attempt at turn p_turn_id (null: for any).
CREATE FUNCTION latest_agent_data(p_agent text, p_name text, p_turn_id uuid) RETURNS SETOF agent_data
LANGUAGE sql STABLE
AS $$
    SELECT d.* FROM agent_data AS d
    WHERE d.agent_name = p_agent AND d.name = p_name AND d.turn_id IS DISTINCT FROM coalesce(p_turn_id, gen_random_uuid())
        AND (d.turn_id IS NULL OR EXISTS (
            SELECT FROM turns AS t WHERE t.turn_id = d.turn_id AND t.status = 'completed' AND NOT t.withdrawn
        ))
    ORDER BY d.seq DESC LIMIT 1
$$;

CREATE FUNCTION read_agent_data(p_user text, p_agent text, p_name text, p_turn_id uuid) RETURNS SETOF agent_data
LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM set_config('turngate.user_id', p_user, true);
    RETURN QUERY SELECT * FROM latest_agent_data(p_agent, p_name, p_turn_id);
END
$$;

-- Keeps what a turn leaves; returns whether it did. Another attempt replaces it; one with an older epoch, or in a session that was
-- deleted or belongs to somebody else by now, keeps nothing. p_base: the `seq` of the row that the attempt started from.
-- T2 follows and waits for the disk, which includes everything before it.
CREATE FUNCTION write_agent_data(
    p_user text, p_agent text, p_name text, p_seq bigint, p_turn_id uuid, p_chat_id uuid, p_epoch int, p_data text, p_base bigint
) RETURNS boolean
LANGUAGE plpgsql
AS $$
DECLARE
    v_kept boolean;
BEGIN
    PERFORM set_config('turngate.user_id', p_user, true), set_config('synchronous_commit', 'off', true);
    INSERT INTO agent_data AS d (agent_name, name, seq, turn_id, chat_id, user_id, epoch, data)
    SELECT p_agent, p_name, p_seq, p_turn_id, c.chat_id, c.user_id, p_epoch, p_data
    FROM chat_sessions AS c WHERE c.chat_id = p_chat_id
    ON CONFLICT (agent_name, name, seq) DO UPDATE SET epoch = p_epoch, data = p_data, written_at = now()
    WHERE d.turn_id = p_turn_id AND d.epoch <= p_epoch;
    v_kept := FOUND;
    DELETE FROM agent_data AS d WHERE d.agent_name = p_agent AND d.name = p_name AND d.seq < p_base;
    -- Conversations that the session has left can only come back when a rewind is undone; then the agent reads the transcript.
    DELETE FROM agent_data AS d
    WHERE d.chat_id = p_chat_id AND d.name <> p_name AND d.written_at < now() - interval '7 days';
    RETURN v_kept;
END
$$;

-- Copies what the latest completed turn left, for a fork of its session; returns whether it did. It does not if the transcript
-- contains anything later. Until the fork's first turn, the copy belongs to the session that was forked.
CREATE FUNCTION copy_agent_data(p_agent text, p_name text, p_copy text) RETURNS boolean
LANGUAGE plpgsql
AS $$
BEGIN
    INSERT INTO agent_data (agent_name, name, seq, turn_id, chat_id, user_id, epoch, data)
    SELECT d.agent_name, p_copy, m.rows, NULL, d.chat_id, d.user_id, 0, d.data
    FROM latest_agent_data(p_agent, p_name, NULL) AS d
    LEFT JOIN turns AS t ON t.turn_id = d.turn_id
    CROSS JOIN LATERAL (
        SELECT count(*) AS rows, max(m.seq) AS newest FROM chat_messages AS m
        WHERE m.chat_id = coalesce(t.chat_id, d.chat_id) AND m.deleted_at IS NULL
    ) AS m
    WHERE d.turn_id IS NOT NULL AND m.newest = t.reply_seq;
    RETURN FOUND;
END
$$;

-- migrate: rollback
