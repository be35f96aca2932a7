--T2: a turn's one reply, its chunks for the outbox, and the claim of the session's next turn.
-- depends: 0007_accept

-- migrate: apply

-- `status`: finished; again (this very result was recorded before); lost (the lease moved on: nothing was written).
CREATE TYPE finished AS (
    status text,
    session chat_sessions,
    message chat_messages,
    outbox_ids bigint[],
    next_turn turns,
    messages chat_messages[],
    history chat_messages[]
);

CREATE FUNCTION finish_turn(
    p_user text, p_chat_id uuid, p_turn_id uuid, p_owner uuid, p_epoch int, p_status text, p_content text, p_parts jsonb,
    p_usage jsonb, p_error text, p_title text, p_addresses text[], p_chunks text[], p_markups text[]
) RETURNS finished
LANGUAGE plpgsql
AS $$
DECLARE
    r finished;
    s chat_sessions;
    m chat_messages;
    t turns;
    n turns;
    v_more boolean;
    v_now timestamptz;
BEGIN
    PERFORM set_config('turngate.user_id', p_user, true);
    SELECT * INTO s FROM chat_sessions WHERE chat_id = p_chat_id FOR UPDATE;
    -- After the wait for the lock, so that a session's times never run backwards.
    v_now := greatest(s.updated_at, clock_timestamp());
    UPDATE turns SET
        status = p_status, ended_at = v_now, usage = p_usage, error = p_error, reply_seq = s.last_seq + 1, deadline = NULL
    WHERE turn_id = p_turn_id AND owner = p_owner AND epoch = p_epoch AND status = 'running'
    RETURNING * INTO t;

    IF NOT FOUND THEN
        SELECT * INTO t FROM turns WHERE turn_id = p_turn_id;
        IF t.reply_seq IS NULL OR t.owner IS DISTINCT FROM p_owner OR t.epoch <> p_epoch THEN
            r.status := 'lost';
            RETURN r;
        END IF;
        r.status := 'again';
        r.session := s;
        SELECT * INTO m FROM chat_messages WHERE chat_id = p_chat_id AND seq = t.reply_seq;
        r.message := m;
        -- What was sent since, or is another's to send, is not handed out again.
        SELECT array_agg(CASE WHEN state = 'unsent' AND owner = p_owner THEN item_id END ORDER BY item_id)
        INTO r.outbox_ids FROM outbox
        WHERE chat_id = p_chat_id AND turn_id = p_turn_id;
        SELECT * INTO n FROM turns WHERE chat_id = p_chat_id AND status = 'running' AND owner = p_owner;
    ELSE
        INSERT INTO chat_messages (chat_id, seq, user_id, role, content, parts, channel, turn_id, turn_seq, created_at)
        VALUES (p_chat_id, s.last_seq + 1, p_user, 'assistant', p_content, p_parts, t.channel, t.turn_id, t.seq, v_now)
        RETURNING * INTO m;
        IF cardinality(p_chunks) > 0 THEN
            WITH queued AS (
                INSERT INTO outbox (chat_id, turn_id, user_id, address, chunk, content, markup, owner)
                SELECT p_chat_id, p_turn_id, p_user, c.address, c.position, c.content, c.markup, p_owner
                FROM unnest(p_addresses, p_chunks, p_markups) WITH ORDINALITY AS c (address, content, markup, position)
                ORDER BY c.position
                RETURNING item_id
            )
            SELECT array_agg(item_id ORDER BY item_id) INTO r.outbox_ids FROM queued;
        END IF;
        v_more := s.last_seq > t.seq;
        UPDATE chat_sessions SET
            last_seq = last_seq + 1, message_count = message_count + 1, last_message_at = v_now, updated_at = v_now,
            title = coalesce(title, p_title),
            is_active = is_active AND NOT t.ends_session,
            ended_at = CASE WHEN t.ends_session THEN v_now ELSE ended_at END
        WHERE chat_id = p_chat_id RETURNING * INTO s;
        -- Nothing came after the turn's first message: nothing can be waiting.
        IF v_more THEN
            UPDATE turns SET
                status = 'running', attempt = 1, epoch = 1, owner = p_owner, started_at = v_now,
                deadline = v_now + time_limit + interval '30 seconds'
            WHERE turn_id = (
                SELECT turn_id FROM turns
                WHERE chat_id = p_chat_id AND seq > t.seq AND status = 'queued' ORDER BY seq LIMIT 1
            )
            RETURNING * INTO n;
        END IF;
        r.status := 'finished';
        r.session := s;
        r.message := m;
    END IF;

    IF n.turn_id IS NOT NULL THEN
        r.next_turn := n;
        r.messages := ARRAY(SELECT c FROM chat_messages AS c
            WHERE c.chat_id = p_chat_id AND c.seq >= n.seq AND c.turn_id = n.turn_id AND c.role = 'user' ORDER BY c.seq);
        r.history := turn_history(p_chat_id, n.seq, n.history_turns);
    END IF;
    RETURN r;
END
$$;

-- Another attempt at a turn that is still the caller's (p_counts), or more time for the one it has.
CREATE FUNCTION begin_attempt(p_user text, p_turn_id uuid, p_owner uuid, p_epoch int, p_counts boolean) RETURNS turns
LANGUAGE plpgsql
AS $$
DECLARE
    t turns;
BEGIN
    PERFORM set_config('turngate.user_id', p_user, true);
    UPDATE turns SET
        attempt = attempt + p_counts::int, epoch = epoch + p_counts::int,
        deadline = clock_timestamp() + time_limit + interval '30 seconds'
    WHERE turn_id = p_turn_id AND owner = p_owner AND epoch = p_epoch AND status = 'running'
    RETURNING * INTO t;
    RETURN t;
END
$$;

-- Turns that ran out of their deadline, whose owner is not alive, or that the caller claimed ten seconds ago and does not
-- run (its task was lost between the claim and the run). Every user's: for turngate_system.
CREATE FUNCTION steal_turns(p_owner uuid, p_limit int, p_running uuid[]) RETURNS SETOF finished
LANGUAGE sql
AS $$
    WITH dead AS MATERIALIZED (
        SELECT u.turn_id FROM turns AS u LEFT JOIN replicas AS r ON r.replica_id = u.owner
        WHERE u.status = 'running' AND NOT (u.owner = p_owner AND u.turn_id = ANY (p_running))
            AND (
                r.replica_id IS NULL OR r.expires_at < clock_timestamp() OR u.deadline < clock_timestamp()
                OR u.owner = p_owner AND u.deadline - u.time_limit - interval '30 seconds' < clock_timestamp() - interval '10 seconds'
            )
        ORDER BY u.created_at LIMIT p_limit
        FOR UPDATE OF u SKIP LOCKED
    ), stolen AS (
        UPDATE turns AS u SET
            owner = p_owner, epoch = u.epoch + 1, attempt = u.attempt + 1,
            deadline = clock_timestamp() + u.time_limit + interval '30 seconds'
        FROM dead WHERE u.turn_id = dead.turn_id
        RETURNING u
    )
    SELECT
        'stolen', s, NULL::chat_messages, NULL::bigint[], stolen.u,
        ARRAY(SELECT c FROM chat_messages AS c
            WHERE c.chat_id = s.chat_id AND c.seq >= (stolen.u).seq AND c.turn_id = (stolen.u).turn_id AND c.role = 'user'
            ORDER BY c.seq),
        turn_history(s.chat_id, (stolen.u).seq, (stolen.u).history_turns)
    FROM stolen JOIN chat_sessions AS s ON s.chat_id = (stolen.u).chat_id
$$;

-- migrate: rollback

DROP FUNCTION steal_turns, begin_attempt, finish_turn;
DROP TYPE finished;
