--T2: records a turn's one reply, puts its chunks into the outbox, and claims the session's next turn.
-- depends: 0009_accept

-- migrate: apply

-- T2 of any turn. `p_held`: the outbox items that the caller is sending. Items that it owns without knowing it, because the result of an
-- earlier call got lost, count as older chunks too.
CREATE FUNCTION finish_turn(
    p_user text, p_chat_id uuid, p_turn_id uuid, p_owner uuid, p_epoch int, p_status text, p_content text, p_parts jsonb,
    p_usage jsonb, p_error text, p_title text, p_addresses text[], p_chunks text[], p_markups text[],
    p_held bigint[], p_kind text, p_error_class text
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
    v_drop boolean;
    v_now timestamptz;
BEGIN
    PERFORM set_config('turngate.user_id', p_user, true);
    SELECT * INTO s FROM chat_sessions WHERE chat_id = p_chat_id FOR UPDATE;
    -- Read after the wait for the lock, so that a session's times never go backwards.
    v_now := greatest(s.updated_at, clock_timestamp());
    UPDATE turns SET
        status = CASE WHEN superseded = 'rollback' THEN 'cancelled' ELSE p_status END,
        ended_at = v_now, usage = coalesce(p_usage, usage), error = p_error,
        error_class = p_error_class, reply_seq = s.last_seq + 1, deadline = NULL
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
        r.ended := t.status;
        IF t.superseded = 'rollback' THEN
            r.dropped := ARRAY(SELECT c FROM chat_messages AS c
                WHERE c.chat_id = p_chat_id AND c.seq >= t.seq AND c.turn_id = t.turn_id AND c.seq <> t.reply_seq);
        END IF;
        -- Chunks that were sent since, or that another replica sends, are not handed out again.
        SELECT array_agg(CASE WHEN state = 'unsent' AND owner = p_owner THEN item_id END ORDER BY item_id)
        INTO r.outbox_ids FROM outbox
        WHERE chat_id = p_chat_id AND turn_id = p_turn_id AND chunk > chunks_before(t.questions);
        SELECT u.* INTO n FROM running_turns AS k JOIN turns AS u ON u.turn_id = k.turn_id
        WHERE k.user_id = p_user AND k.chat_id = p_chat_id AND u.owner = p_owner;
    ELSE
        v_drop := t.superseded IS NOT DISTINCT FROM 'rollback';
        IF t.questions > 0 THEN
            -- A question that was not answered before the turn was cancelled.
            r.dropped := close_question(t.turn_id, v_now);
        END IF;
        INSERT INTO chat_messages (
            chat_id, seq, user_id, role, content, parts, channel, turn_id, turn_seq, created_at, deleted_at, kind
        ) VALUES (
            p_chat_id, s.last_seq + 1, p_user, 'assistant', p_content, p_parts, t.channel, t.turn_id, t.seq, v_now,
            CASE WHEN v_drop THEN v_now END, p_kind
        ) RETURNING * INTO m;
        IF v_drop THEN
            WITH dropped AS (
                UPDATE chat_messages AS c SET deleted_at = v_now
                WHERE c.chat_id = p_chat_id AND c.seq >= t.seq AND c.turn_id = t.turn_id AND c.deleted_at IS NULL
                RETURNING c
            )
            SELECT array_agg(c) INTO r.dropped FROM dropped;
        ELSIF cardinality(p_chunks) > 0 THEN
            -- If the caller does not hold an address's older chunks, these wait behind them for a sweep.
            WITH queued AS (
                INSERT INTO outbox (chat_id, turn_id, user_id, address, chunk, content, markup, owner)
                SELECT p_chat_id, p_turn_id, p_user, c.address, chunks_before(t.questions) + c.position, c.content, c.markup,
                    CASE WHEN EXISTS (
                        SELECT FROM outbox AS o
                        WHERE o.address = c.address AND o.state = 'unsent'
                            AND (o.owner IS DISTINCT FROM p_owner OR NOT o.item_id = ANY (p_held))
                    ) THEN NULL ELSE p_owner END
                FROM unnest(p_addresses, p_chunks, p_markups) WITH ORDINALITY AS c (address, content, markup, position)
                ORDER BY c.position
                RETURNING item_id, owner
            )
            SELECT array_agg(CASE WHEN owner IS NOT NULL THEN item_id END ORDER BY item_id) INTO r.outbox_ids FROM queued;
        END IF;
        v_more := s.last_seq > t.seq;
        UPDATE chat_sessions SET
            last_seq = last_seq + 1, last_message_at = v_now, updated_at = v_now,
            message_count = message_count + CASE WHEN v_drop THEN -coalesce(cardinality(r.dropped), 0) ELSE 1 END,
            title = coalesce(title, CASE WHEN NOT v_drop THEN p_title END),
            is_active = is_active AND NOT t.ends_session,
            ended_at = CASE WHEN t.ends_session THEN v_now ELSE ended_at END
        WHERE chat_id = p_chat_id RETURNING * INTO s;
        -- Nothing follows the turn's first message, so nothing can be waiting.
        IF v_more THEN
            UPDATE turns SET
                status = 'running', attempt = 1, epoch = 1, owner = p_owner, started_at = v_now,
                deadline = clock_timestamp() + time_limit + interval '30 seconds'
            WHERE turn_id = (
                SELECT turn_id FROM turns
                WHERE chat_id = p_chat_id AND seq > t.seq AND status = 'queued' ORDER BY seq LIMIT 1
            )
            RETURNING * INTO n;
        END IF;
        UPDATE recent_activity SET turn_id = n.turn_id WHERE user_id = p_user AND chat_id = p_chat_id;
        r.status := 'finished';
        r.ended := t.status;
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

-- T2 of a turn whose reply is pushed to other networks: an address that left the turn while it ran, because its account was
-- unlinked, gets nothing. (A group chat, which has a negative id, may have a new one; its channel handles that.)
CREATE FUNCTION finish_delivered(
    p_user text, p_chat_id uuid, p_turn_id uuid, p_owner uuid, p_epoch int, p_status text, p_content text, p_parts jsonb,
    p_usage jsonb, p_error text, p_title text, p_addresses text[], p_chunks text[], p_markups text[],
    p_held bigint[], p_kind text, p_error_class text
) RETURNS finished
LANGUAGE plpgsql
AS $$
DECLARE
    r finished;
BEGIN
    -- Locks the session, so that no account is unlinked between this and the next statement.
    r := finish_turn(
        p_user, p_chat_id, p_turn_id, p_owner, p_epoch, p_status, p_content, p_parts, p_usage, p_error, p_title,
        p_addresses, p_chunks, p_markups, p_held, p_kind, p_error_class
    );
    UPDATE outbox AS o SET state = 'dead', error = 'the account was unlinked', settled_at = clock_timestamp()
    FROM turns AS t
    WHERE o.chat_id = p_chat_id AND o.turn_id = p_turn_id AND o.state = 'unsent' AND t.turn_id = o.turn_id
        AND o.chunk > chunks_before(t.questions)
        AND array_position(t.deliver_to, o.address) IS NULL AND NOT starts_with(split_part(o.address, ':', 3), '-');
    IF FOUND THEN
        SELECT array_agg(CASE WHEN state = 'unsent' AND owner = p_owner THEN item_id END ORDER BY item_id)
        INTO r.outbox_ids FROM outbox
        WHERE chat_id = p_chat_id AND turn_id = p_turn_id
            AND chunk > (SELECT chunks_before(u.questions) FROM turns AS u WHERE u.turn_id = p_turn_id);
    END IF;
    RETURN r;
END
$$;

-- T2 of plain replies: results of turns that the caller still owns and that no other turn waits for. Replies that are not plain are not
-- stored and have no row in the result; they need `finish_turn`. Chunks are lists of address, text and markup. The function runs as its
-- owner, like `accept_plain`.
CREATE FUNCTION finish_plain(
    p_users text[], p_chats uuid[], p_turns uuid[], p_epochs int[], p_statuses text[], p_contents text[], p_parts text[],
    p_usages text[], p_errors text[], p_error_classes text[], p_kinds text[], p_titles text[],
    p_chunks text[], p_owner uuid, p_held bigint[]
) RETURNS TABLE (
    place int, seq bigint, at timestamptz, outbox_ids bigint[], history_version bigint, session_id text, channel text, agent_name text, title text,
    is_active boolean, created_at timestamptz, ended_at timestamptz, message_count bigint, metadata jsonb, parent_session_id text
)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET lock_timeout = '250ms'
AS $$
#variable_conflict use_column
DECLARE
    v_places int[];
    v_seqs bigint[];
    v_times timestamptz[];
BEGIN
    SELECT array_agg(l.place), array_agg(l.last_seq + 1), array_agg(greatest(l.updated_at, clock_timestamp()))
    INTO v_places, v_seqs, v_times FROM (
        SELECT i.place::int, s.last_seq, s.updated_at
        FROM unnest(p_users, p_chats) WITH ORDINALITY AS i (user_id, chat_id, place)
        JOIN chat_sessions AS s ON s.chat_id = i.chat_id AND s.user_id IS NOT DISTINCT FROM i.user_id
        ORDER BY s.chat_id FOR UPDATE OF s SKIP LOCKED
    ) AS l;
    IF v_places IS NULL THEN
        RETURN;
    END IF;
    RETURN QUERY
    WITH ended AS (
        -- The fence. No turn waits behind one whose message is the last of its session.
        UPDATE turns AS t SET
            status = p_statuses[n.place], ended_at = n.at, usage = p_usages[n.place]::jsonb, error = p_errors[n.place],
            error_class = p_error_classes[n.place], reply_seq = n.seq, deadline = NULL
        FROM unnest(v_places, v_seqs, v_times) AS n (place, seq, at)
        WHERE t.turn_id = p_turns[n.place] AND t.chat_id = p_chats[n.place] AND t.user_id = p_users[n.place]
            AND t.owner = p_owner AND t.epoch = p_epochs[n.place] AND t.status = 'running'
            AND t.seq = n.seq - 1 AND t.superseded IS NULL
            -- Not plain: chunks for an address that has left the turn, or whose older chunks the caller does not hold.
            AND (p_chunks[n.place] IS NULL OR NOT EXISTS (
                SELECT FROM (SELECT DISTINCT c ->> 0 FROM jsonb_array_elements(p_chunks[n.place]::jsonb) AS c) AS named (address)
                WHERE array_position(t.deliver_to, named.address) IS NULL AND NOT starts_with(split_part(named.address, ':', 3), '-')
                    OR EXISTS (
                        SELECT FROM outbox AS o
                        WHERE o.address = named.address AND o.state = 'unsent' AND o.user_id = t.user_id
                            AND (o.owner IS DISTINCT FROM p_owner OR NOT o.item_id = ANY (p_held))
                    )
            ))
        RETURNING n.place, n.seq, n.at, t.chat_id, t.user_id, t.turn_id, t.seq AS turn_seq, t.channel, t.ends_session
    ), released AS (
        UPDATE recent_activity AS a SET turn_id = NULL FROM ended AS e
        WHERE a.user_id = e.user_id AND a.chat_id = e.chat_id AND a.turn_id = e.turn_id
    ), appended AS (
        INSERT INTO chat_messages (
            chat_id, seq, user_id, role, content, parts, channel, turn_id, turn_seq, created_at, kind
        )
        SELECT
            e.chat_id, e.seq, e.user_id, 'assistant', p_contents[e.place], p_parts[e.place]::jsonb, e.channel, e.turn_id, e.turn_seq,
            e.at, p_kinds[e.place]
        FROM ended AS e
    ), queued AS (
        INSERT INTO outbox (chat_id, turn_id, user_id, address, chunk, content, markup, owner)
        SELECT e.chat_id, e.turn_id, e.user_id, c.words ->> 0, c.number, c.words ->> 1, c.words ->> 2, p_owner
        FROM ended AS e
        CROSS JOIN LATERAL jsonb_array_elements(p_chunks[e.place]::jsonb) WITH ORDINALITY AS c (words, number)
        ORDER BY e.place, c.number
        RETURNING item_id, turn_id
    )
    UPDATE chat_sessions AS s SET
        last_seq = e.seq, message_count = s.message_count + 1, last_message_at = e.at, updated_at = e.at,
        title = coalesce(s.title, p_titles[e.place]), is_active = s.is_active AND NOT e.ends_session,
        ended_at = CASE WHEN e.ends_session THEN e.at ELSE s.ended_at END
    FROM ended AS e
    LEFT JOIN (
        SELECT q.turn_id, array_agg(q.item_id ORDER BY q.item_id) AS ids FROM queued AS q GROUP BY q.turn_id
    ) AS items ON items.turn_id = e.turn_id
    WHERE s.chat_id = e.chat_id AND s.user_id IS NOT DISTINCT FROM e.user_id
    RETURNING
        e.place, e.seq, e.at, items.ids, s.history_version, s.session_id, s.channel, s.agent_name, s.title, s.is_active, s.created_at,
        s.ended_at, s.message_count, nullif(s.metadata, '{}'), s.parent_session_id;
END
$$;

-- The result of `finish_plain` for one reply.
CREATE TYPE finished_one AS (
    seq bigint,
    at timestamptz,
    history_version bigint,
    session_id text,
    channel text,
    agent_name text,
    title text,
    is_active boolean,
    created_at timestamptz,
    ended_at timestamptz,
    message_count bigint,
    metadata jsonb,
    parent_session_id text
);

-- `finish_plain` for one reply without chunks; like `accept_one`. NULL: the reply isn't plain.
CREATE FUNCTION finish_one(
    p_user text, p_chat uuid, p_turn uuid, p_epoch int, p_status text, p_content text, p_parts text, p_usage text, p_error text,
    p_error_class text, p_kind text, p_title text, p_owner uuid
) RETURNS finished_one
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
SET enable_seqscan = off
SET lock_timeout = '250ms'
AS $$
DECLARE
    s record;
    t record;
BEGIN
    SELECT
        c.last_seq, greatest(c.updated_at, clock_timestamp()) AS at, c.history_version, c.session_id, c.channel, c.agent_name, c.title,
        c.is_active, c.created_at, c.ended_at, c.message_count, c.metadata, c.parent_session_id
    INTO s FROM chat_sessions AS c WHERE c.chat_id = p_chat AND c.user_id IS NOT DISTINCT FROM p_user FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    -- The fence, as in `finish_plain`.
    UPDATE turns AS u SET
        status = p_status, ended_at = s.at, usage = p_usage::jsonb, error = p_error, error_class = p_error_class,
        reply_seq = s.last_seq + 1, deadline = NULL
    WHERE u.turn_id = p_turn AND u.chat_id = p_chat AND u.user_id = p_user AND u.owner = p_owner AND u.epoch = p_epoch
        AND u.status = 'running' AND u.seq = s.last_seq AND u.superseded IS NULL
    RETURNING u.channel, u.ends_session INTO t;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    UPDATE recent_activity AS a SET turn_id = NULL WHERE a.user_id = p_user AND a.chat_id = p_chat AND a.turn_id = p_turn;
    INSERT INTO chat_messages (
        chat_id, seq, user_id, role, content, parts, channel, turn_id, turn_seq, created_at, kind
    ) VALUES (
        p_chat, s.last_seq + 1, p_user, 'assistant', p_content, p_parts::jsonb, t.channel, p_turn, s.last_seq, s.at, p_kind
    );
    UPDATE chat_sessions AS c SET
        last_seq = s.last_seq + 1, message_count = s.message_count + 1, last_message_at = s.at, updated_at = s.at
    WHERE c.chat_id = p_chat AND c.user_id IS NOT DISTINCT FROM p_user;
    -- Rarely needed, and separate because an UPDATE that sets the title evaluates the condition of the titles' trigger.
    IF s.title IS NULL AND p_title IS NOT NULL OR t.ends_session THEN
        UPDATE chat_sessions AS c SET
            title = coalesce(s.title, p_title), is_active = s.is_active AND NOT t.ends_session,
            ended_at = CASE WHEN t.ends_session THEN s.at ELSE s.ended_at END
        WHERE c.chat_id = p_chat AND c.user_id IS NOT DISTINCT FROM p_user;
    END IF;
    RETURN ROW(
        s.last_seq + 1, s.at, s.history_version, s.session_id, s.channel, s.agent_name, coalesce(s.title, p_title),
        s.is_active AND NOT t.ends_session, s.created_at, CASE WHEN t.ends_session THEN s.at ELSE s.ended_at END, s.message_count + 1,
        nullif(s.metadata, '{}'), s.parent_session_id
    )::finished_one;
END
$$;

REVOKE EXECUTE ON FUNCTION finish_plain, finish_one FROM PUBLIC;
GRANT EXECUTE ON FUNCTION finish_plain, finish_one TO turngate_app;

-- A role needs CREATE on the schema while it becomes the owner of a function.
GRANT CREATE ON SCHEMA public TO turngate_system;
ALTER FUNCTION finish_plain OWNER TO turngate_system;
ALTER FUNCTION finish_one OWNER TO turngate_system;
REVOKE CREATE ON SCHEMA public FROM turngate_system;

-- migrate: rollback
