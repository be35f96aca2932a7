--Newer messages may supersede open turns, sessions have a limit of waiting messages, chunks of an address keep their order.
-- depends: 0008_finish

-- migrate: apply

-- Why a turn was cancelled by a newer message: `interrupt` keeps what was said, `rollback` drops question and answer.
ALTER TABLE turns ADD COLUMN superseded text CHECK (superseded IN ('interrupt', 'rollback'));

ALTER TYPE accepted ADD ATTRIBUTE superseded uuid[];

ALTER TYPE finished ADD ATTRIBUTE dropped chat_messages[], ADD ATTRIBUTE ended text;

DROP INDEX outbox_unsent;

CREATE INDEX outbox_unsent ON outbox (address, item_id) WHERE state = 'unsent';

-- Locks are taken in one order everywhere: route, session, turn.
CREATE FUNCTION accept_message(
    p_user text, p_channel text, p_agent text, p_content text, p_key text, p_route text, p_session text,
    p_deliver_to text[], p_always_new boolean, p_ends_session boolean, p_begins_session boolean, p_title text,
    p_window interval,
    p_strategy text, p_collect boolean, p_time_limit interval, p_history_turns int, p_owner uuid,
    p_max_waiting int
) RETURNS accepted
LANGUAGE plpgsql
AS $$
DECLARE
    r accepted;
    s chat_sessions;
    m chat_messages;
    t turns;
    v_chat uuid;
    v_current uuid;
    v_route text;
    v_running boolean;
    v_running_seq bigint;
    v_now timestamptz;
BEGIN
    PERFORM set_config('turngate.user_id', p_user, true);
    r.is_new := false;
    r.is_claimed := false;

    IF p_session IS NOT NULL THEN
        SELECT c.chat_id, c.route, ro.chat_id INTO v_chat, v_route, v_current
        FROM chat_sessions AS c LEFT JOIN routes AS ro ON ro.user_id = c.user_id AND ro.route = c.route
        WHERE c.session_id = p_session;
        IF NOT FOUND THEN
            r.status := 'not_found';
            RETURN r;
        END IF;
        IF v_route IS NOT NULL AND v_current IS DISTINCT FROM v_chat THEN
            INSERT INTO routes (user_id, route, chat_id) VALUES (p_user, v_route, v_chat)
            ON CONFLICT (user_id, route) DO UPDATE SET chat_id = excluded.chat_id;
        END IF;
        SELECT * INTO s FROM chat_sessions WHERE chat_id = v_chat FOR UPDATE;
        IF NOT FOUND THEN
            r.status := 'not_found';
            RETURN r;
        END IF;
        SELECT * INTO m FROM chat_messages WHERE user_id = p_user AND client_id = p_key AND chat_id = s.chat_id;
    ELSE
        IF NOT p_always_new THEN
            SELECT ro.chat_id INTO v_current FROM routes AS ro
            WHERE ro.user_id = p_user AND ro.route = p_route FOR UPDATE;
            IF NOT FOUND THEN
                INSERT INTO routes (user_id, route) VALUES (p_user, p_route) ON CONFLICT DO NOTHING;
                SELECT ro.chat_id INTO v_current FROM routes AS ro
                WHERE ro.user_id = p_user AND ro.route = p_route FOR UPDATE;
            END IF;
        END IF;
        SELECT * INTO m FROM chat_messages
        WHERE user_id = p_user AND client_id = p_key AND (routed OR chat_id = v_current) LIMIT 1;
        v_current := coalesce(m.chat_id, v_current);
        IF v_current IS NOT NULL THEN
            SELECT * INTO s FROM chat_sessions WHERE chat_id = v_current FOR UPDATE;
        END IF;
    END IF;

    IF m.chat_id IS NOT NULL THEN
        SELECT * INTO t FROM turns WHERE turn_id = m.turn_id;
        r.status := 'duplicate';
        r.session := s;
        r.message := m;
        r.turn := t;
        r.is_claimed := t.status = 'running' AND t.owner = p_owner;
        IF r.is_claimed THEN
            r.messages := ARRAY(SELECT c FROM chat_messages AS c
                WHERE c.chat_id = t.chat_id AND c.turn_id = t.turn_id AND c.role = 'user' ORDER BY c.seq);
            r.history := turn_history(t.chat_id, t.seq, t.history_turns);
        END IF;
        RETURN r;
    END IF;

    -- After every wait for a lock, so that a session's times never run backwards.
    v_now := greatest(s.updated_at, clock_timestamp());
    IF p_begins_session AND s.chat_id IS NOT NULL THEN
        UPDATE chat_sessions SET is_active = false, ended_at = v_now, updated_at = v_now WHERE chat_id = s.chat_id;
        s := NULL;
    END IF;
    SELECT u.seq INTO v_running_seq FROM turns AS u WHERE u.chat_id = s.chat_id AND u.status = 'running';
    v_running := v_running_seq IS NOT NULL;
    IF p_session IS NULL AND s.chat_id IS NOT NULL
        AND NOT session_resumes(s.is_active, coalesce(s.last_message_at, s.created_at), v_running, v_now, p_window) THEN
        s := NULL;
        v_running := false;
    END IF;
    IF v_running AND p_strategy = 'reject' THEN
        r.status := 'rejected';
        r.session := s;
        RETURN r;
    END IF;
    IF v_running AND p_max_waiting <= (
        SELECT count(*) FROM chat_messages AS c JOIN turns AS u ON u.turn_id = c.turn_id
        WHERE c.chat_id = s.chat_id AND c.seq > v_running_seq AND c.turn_seq > v_running_seq AND NOT u.cancel_requested
    ) THEN
        r.status := 'full';
        r.session := s;
        RETURN r;
    END IF;
    IF v_running AND p_strategy IN ('interrupt', 'rollback') THEN
        WITH cancelled AS (
            UPDATE turns AS u SET cancel_requested = true, superseded = p_strategy
            WHERE u.chat_id = s.chat_id AND u.seq >= v_running_seq AND u.status IN ('queued', 'running')
                AND NOT u.cancel_requested
            RETURNING u.turn_id
        )
        SELECT array_agg(turn_id) INTO r.superseded FROM cancelled;
    END IF;

    IF s.chat_id IS NULL THEN
        INSERT INTO chat_sessions (user_id, channel, agent_name, title, route)
        VALUES (p_user, p_channel, p_agent, p_title, p_route) RETURNING * INTO s;
        r.is_new := true;
        IF NOT p_always_new THEN
            UPDATE routes SET chat_id = s.chat_id WHERE user_id = p_user AND route = p_route;
        END IF;
    END IF;

    IF v_running AND p_collect THEN
        SELECT * INTO t FROM turns AS u WHERE u.chat_id = s.chat_id ORDER BY u.seq DESC LIMIT 1;
        IF t.status <> 'queued' OR t.cancel_requested THEN
            t := NULL;
        END IF;
    END IF;
    IF t.turn_id IS NULL THEN
        INSERT INTO turns (
            chat_id, seq, user_id, agent_name, channel, status, attempt, epoch, owner, deadline, time_limit,
            history_turns, deliver_to, ends_session, started_at
        ) VALUES (
            s.chat_id, s.last_seq + 1, p_user, s.agent_name, p_channel,
            CASE WHEN v_running THEN 'queued' ELSE 'running' END,
            CASE WHEN v_running THEN 0 ELSE 1 END,
            CASE WHEN v_running THEN 0 ELSE 1 END,
            CASE WHEN v_running THEN NULL ELSE p_owner END,
            CASE WHEN v_running THEN NULL ELSE v_now + p_time_limit + interval '30 seconds' END,
            p_time_limit, p_history_turns,
            -- A session that lives in a network that replies are pushed to hears every reply, wherever it was asked.
            CASE WHEN s.channel = 'telegram' AND NOT s.route = ANY (p_deliver_to)
                THEN p_deliver_to || s.route ELSE p_deliver_to END,
            p_ends_session,
            CASE WHEN v_running THEN NULL ELSE v_now END
        ) RETURNING * INTO t;
    END IF;

    INSERT INTO chat_messages (
        chat_id, seq, user_id, role, content, channel, turn_id, turn_seq, client_id, routed, created_at
    ) VALUES (
        s.chat_id, s.last_seq + 1, p_user, 'user', p_content, p_channel, t.turn_id, t.seq, p_key, p_session IS NULL, v_now
    ) RETURNING * INTO m;

    UPDATE chat_sessions SET
        last_seq = last_seq + 1, message_count = message_count + 1, last_message_at = v_now, updated_at = v_now,
        is_active = true, ended_at = NULL
    WHERE chat_id = s.chat_id RETURNING * INTO s;

    r.status := 'accepted';
    r.session := s;
    r.message := m;
    r.turn := t;
    IF t.status = 'running' THEN
        r.is_claimed := true;
        r.messages := ARRAY[m];
        r.history := turn_history(s.chat_id, t.seq, t.history_turns);
    END IF;
    RETURN r;
END
$$;

-- For replicas that are older than the limit, until the last of them is gone.
CREATE OR REPLACE FUNCTION accept_message(
    p_user text, p_channel text, p_agent text, p_content text, p_key text, p_route text, p_session text,
    p_deliver_to text[], p_always_new boolean, p_ends_session boolean, p_begins_session boolean, p_title text,
    p_window interval,
    p_strategy text, p_collect boolean, p_time_limit interval, p_history_turns int, p_owner uuid
) RETURNS accepted
LANGUAGE sql
AS $$
    SELECT accept_message(
        p_user, p_channel, p_agent, p_content, p_key, p_route, p_session, p_deliver_to, p_always_new, p_ends_session,
        p_begins_session, p_title, p_window, p_strategy, p_collect, p_time_limit, p_history_turns, p_owner, 2147483647
    )
$$;

-- `p_held`: the caller's items that it has in hand; its others, whose answer got lost, are older chunks too.
CREATE FUNCTION finish_turn(
    p_user text, p_chat_id uuid, p_turn_id uuid, p_owner uuid, p_epoch int, p_status text, p_content text, p_parts jsonb,
    p_usage jsonb, p_error text, p_title text, p_addresses text[], p_chunks text[], p_markups text[],
    p_held bigint[]
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
    -- After the wait for the lock, so that a session's times never run backwards.
    v_now := greatest(s.updated_at, clock_timestamp());
    UPDATE turns SET
        status = CASE WHEN superseded = 'rollback' THEN 'cancelled' ELSE p_status END,
        ended_at = v_now, usage = p_usage, error = p_error, reply_seq = s.last_seq + 1, deadline = NULL
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
                WHERE c.chat_id = p_chat_id AND c.seq >= t.seq AND c.turn_id = t.turn_id AND c.role = 'user');
        END IF;
        -- What was sent since, or is another's to send, is not handed out again.
        SELECT array_agg(CASE WHEN state = 'unsent' AND owner = p_owner THEN item_id END ORDER BY item_id)
        INTO r.outbox_ids FROM outbox
        WHERE chat_id = p_chat_id AND turn_id = p_turn_id;
        SELECT * INTO n FROM turns WHERE chat_id = p_chat_id AND status = 'running' AND owner = p_owner;
    ELSE
        v_drop := t.superseded IS NOT DISTINCT FROM 'rollback';
        INSERT INTO chat_messages (
            chat_id, seq, user_id, role, content, parts, channel, turn_id, turn_seq, created_at, deleted_at
        ) VALUES (
            p_chat_id, s.last_seq + 1, p_user, 'assistant', p_content, p_parts, t.channel, t.turn_id, t.seq, v_now,
            CASE WHEN v_drop THEN v_now END
        ) RETURNING * INTO m;
        IF v_drop THEN
            WITH dropped AS (
                UPDATE chat_messages AS c SET deleted_at = v_now
                WHERE c.chat_id = p_chat_id AND c.seq >= t.seq AND c.turn_id = t.turn_id AND c.role = 'user'
                    AND c.deleted_at IS NULL
                RETURNING c
            )
            SELECT array_agg(c) INTO r.dropped FROM dropped;
        ELSIF cardinality(p_chunks) > 0 THEN
            -- While older chunks of an address are not in the caller's hands, these wait for a sweep behind them.
            WITH queued AS (
                INSERT INTO outbox (chat_id, turn_id, user_id, address, chunk, content, markup, owner)
                SELECT p_chat_id, p_turn_id, p_user, c.address, c.position, c.content, c.markup,
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

-- For replicas that know nothing of items in hand.
CREATE OR REPLACE FUNCTION finish_turn(
    p_user text, p_chat_id uuid, p_turn_id uuid, p_owner uuid, p_epoch int, p_status text, p_content text, p_parts jsonb,
    p_usage jsonb, p_error text, p_title text, p_addresses text[], p_chunks text[], p_markups text[]
) RETURNS finished
LANGUAGE sql
AS $$
    SELECT finish_turn(
        p_user, p_chat_id, p_turn_id, p_owner, p_epoch, p_status, p_content, p_parts, p_usage, p_error, p_title,
        p_addresses, p_chunks, p_markups, NULL
    )
$$;

-- Another attempt at a turn that is still the caller's (p_counts), or more time for the one it has. May be asked again when the
-- answer got lost: the attempt counts once.
CREATE OR REPLACE FUNCTION begin_attempt(p_user text, p_turn_id uuid, p_owner uuid, p_epoch int, p_counts boolean) RETURNS turns
LANGUAGE plpgsql
AS $$
DECLARE
    t turns;
BEGIN
    PERFORM set_config('turngate.user_id', p_user, true);
    UPDATE turns SET
        attempt = attempt + (p_counts AND epoch = p_epoch)::int, epoch = p_epoch + p_counts::int,
        deadline = clock_timestamp() + time_limit + interval '30 seconds'
    WHERE turn_id = p_turn_id AND owner = p_owner AND epoch IN (p_epoch, p_epoch + p_counts::int) AND status = 'running'
    RETURNING * INTO t;
    RETURN t;
END
$$;

-- Turns to take over, every user's: for turngate_system. Their owner is gone, or past its deadline; or its silence has lasted for
-- p_silence (a claim is a sign of life; null: no silence counts); or it is the caller itself, which claimed them ten seconds
-- ago and does not run them (their task was lost between the claim and the run). A caller who is counted dead itself takes
-- nothing.
CREATE FUNCTION steal_turns(p_owner uuid, p_limit int, p_running uuid[], p_silence interval) RETURNS SETOF finished
LANGUAGE sql
AS $$
    WITH dead AS MATERIALIZED (
        SELECT u.turn_id, u.epoch, u.deadline FROM turns AS u LEFT JOIN replicas AS r ON r.replica_id = u.owner
        CROSS JOIN LATERAL (SELECT u.deadline - u.time_limit - interval '30 seconds') AS claim (at)
        WHERE u.status = 'running' AND NOT (u.owner = p_owner AND u.turn_id = ANY (p_running))
            AND EXISTS (SELECT FROM replicas AS me WHERE me.replica_id = p_owner AND me.expires_at > clock_timestamp())
            AND (
                r.replica_id IS NULL OR u.deadline < clock_timestamp()
                OR r.expires_at < clock_timestamp() AND claim.at < clock_timestamp() - p_silence
                OR u.owner = p_owner AND claim.at < clock_timestamp() - interval '10 seconds'
            )
        ORDER BY u.created_at LIMIT p_limit
    ), held AS MATERIALIZED (
        -- Epoch and deadline again: whoever was quicker with the row has changed them.
        SELECT u.turn_id FROM turns AS u JOIN dead ON dead.turn_id = u.turn_id
        WHERE u.status = 'running' AND u.epoch = dead.epoch AND u.deadline IS NOT DISTINCT FROM dead.deadline
        FOR UPDATE OF u SKIP LOCKED
    ), stolen AS (
        UPDATE turns AS u SET
            owner = p_owner, epoch = u.epoch + 1, attempt = u.attempt + 1,
            deadline = clock_timestamp() + u.time_limit + interval '30 seconds'
        FROM held WHERE u.turn_id = held.turn_id
        RETURNING u
    )
    SELECT
        'stolen', s, NULL::chat_messages, NULL::bigint[], stolen.u,
        ARRAY(SELECT c FROM chat_messages AS c
            WHERE c.chat_id = s.chat_id AND c.seq >= (stolen.u).seq AND c.turn_id = (stolen.u).turn_id AND c.role = 'user'
            ORDER BY c.seq),
        turn_history(s.chat_id, (stolen.u).seq, (stolen.u).history_turns),
        NULL::chat_messages[], 'running'
    FROM stolen JOIN chat_sessions AS s ON s.chat_id = (stolen.u).chat_id
$$;

-- The same, with the columns that `finished` has now.
CREATE OR REPLACE FUNCTION steal_turns(p_owner uuid, p_limit int, p_running uuid[]) RETURNS SETOF finished
LANGUAGE sql
AS $$ SELECT * FROM steal_turns(p_owner, p_limit, p_running, interval '0') $$;

-- Older gateways work on this schema too, so there is nothing to take back.
-- migrate: rollback
