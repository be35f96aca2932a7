--T1: stores a message, assigns it to a turn, and claims the turn if its session is idle.
-- depends: 0008_outbox

-- migrate: apply

-- `status`: accepted, duplicate, rejected, full (too many messages wait), not_found. `turn`, `messages` and `history` are set if the
-- caller is to run the turn; `superseded` names the turns that this message cancels; `question` is the row that it answers: `turn` is
-- the one that asked, which any replica may claim.
CREATE TYPE accepted AS (
    status text,
    session chat_sessions,
    message chat_messages,
    turn turns,
    is_new boolean,
    is_claimed boolean,
    messages chat_messages[],
    history chat_messages[],
    superseded uuid[],
    question chat_messages
);

-- T1 of any message. `p_session`: the session that the sender named, which always continues. Without it, the current session of `p_route`
-- continues, unless it has ended, or was idle for longer than `p_window`: then a new one starts. `p_begins_session` ends the current one
-- first, `p_ends_session` ends it with this turn, and `p_always_new` starts a session that never becomes the route's current one.
-- Locks are always taken in this order: route, session, turn.
CREATE FUNCTION accept_message(
    p_user text, p_channel text, p_agent text, p_content text, p_key text, p_route text, p_session text,
    p_deliver_to text[], p_always_new boolean, p_ends_session boolean, p_begins_session boolean, p_title text,
    p_window interval,
    p_strategy text, p_collect boolean, p_time_limit interval, p_history_turns int, p_owner uuid,
    p_max_waiting int, p_turn uuid
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
    v_approval uuid;
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
            -- A route that is being taken from the user together with its link does not count.
            PERFORM FROM links AS l
            WHERE l.channel = split_part(v_route, ':', 1) AND l.external_id = split_part(v_route, ':', 3) FOR KEY SHARE;
            INSERT INTO routes (user_id, route, chat_id)
            SELECT p_user, c.route, c.chat_id FROM chat_sessions AS c WHERE c.chat_id = v_chat AND c.route = v_route
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
                WHERE c.chat_id = t.chat_id AND c.turn_id = t.turn_id AND c.role = 'user' AND c.kind <> 'answer' ORDER BY c.seq);
            r.history := turn_history(t.chat_id, t.seq, t.history_turns);
        END IF;
        RETURN r;
    END IF;

    -- Read after all waits for locks, so that a session's times never go backwards.
    v_now := greatest(s.updated_at, clock_timestamp());
    IF p_begins_session AND s.chat_id IS NOT NULL THEN
        UPDATE chat_sessions SET is_active = false, ended_at = v_now, updated_at = v_now WHERE chat_id = s.chat_id;
        s := NULL;
    END IF;
    SELECT u.seq, CASE WHEN u.status = 'waiting' THEN approval_meant(u.turn_id, p_content) END INTO v_running_seq, v_approval
    FROM running_turns AS k JOIN turns AS u ON u.turn_id = k.turn_id WHERE k.user_id = s.user_id AND k.chat_id = s.chat_id;
    v_running := v_running_seq IS NOT NULL;
    IF p_session IS NULL AND s.chat_id IS NOT NULL
        AND NOT session_resumes(s.is_active, coalesce(s.last_message_at, s.created_at), v_running, v_now, p_window) THEN
        s := NULL;
        v_running := false;
        v_approval := NULL;
    END IF;
    IF v_approval IS NOT NULL THEN
        r.question := answer_in_words(v_approval, p_content, p_user, p_channel, v_now);
        SELECT u.* INTO t FROM running_turns AS k JOIN turns AS u ON u.turn_id = k.turn_id
        WHERE k.user_id = s.user_id AND k.chat_id = s.chat_id;
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
            UPDATE turns AS u SET
                cancel_requested = true, superseded = p_strategy,
                -- A turn that waits is claimed by a sweep, which ends it.
                status = CASE WHEN u.status = 'waiting' THEN 'running' ELSE u.status END,
                reply_seq = NULL
            WHERE u.chat_id = s.chat_id AND u.seq >= v_running_seq AND u.status IN ('queued', 'running', 'waiting')
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
            turn_id, chat_id, seq, user_id, agent_name, channel, status, attempt, epoch, owner, deadline, time_limit,
            history_turns, deliver_to, ends_session, created_at, started_at
        ) VALUES (
            p_turn, s.chat_id, s.last_seq + 1, p_user, s.agent_name, p_channel,
            CASE WHEN v_running THEN 'queued' ELSE 'running' END,
            CASE WHEN v_running THEN 0 ELSE 1 END,
            CASE WHEN v_running THEN 0 ELSE 1 END,
            CASE WHEN v_running THEN NULL ELSE p_owner END,
            CASE WHEN v_running THEN NULL ELSE clock_timestamp() + p_time_limit + interval '30 seconds' END,
            p_time_limit, p_history_turns,
            -- A session in a network that replies are pushed to gets every reply, wherever the question came from.
            CASE WHEN is_pushed(s.channel) AND NOT s.route = ANY (p_deliver_to)
                THEN p_deliver_to || s.route ELSE p_deliver_to END,
            p_ends_session,
            v_now, -- not the default: this transaction may have begun before the one whose lock it waited for
            CASE WHEN v_running THEN NULL ELSE v_now END
        ) RETURNING * INTO t;
        IF NOT v_running THEN
            PERFORM begin_activity(t);
        END IF;
    END IF;

    INSERT INTO chat_messages (
        chat_id, seq, user_id, role, content, channel, turn_id, turn_seq, client_id, routed, created_at, kind
    ) VALUES (
        s.chat_id, s.last_seq + 1, p_user, 'user', p_content, p_channel, t.turn_id, t.seq, p_key, p_session IS NULL, v_now,
        CASE WHEN v_approval IS NULL THEN 'message' ELSE 'answer' END
    ) RETURNING * INTO m;

    UPDATE chat_sessions SET
        last_seq = last_seq + 1, message_count = message_count + 1, last_message_at = v_now, updated_at = v_now,
        is_active = true, ended_at = NULL
    WHERE chat_id = s.chat_id RETURNING * INTO s;

    r.status := 'accepted';
    r.session := s;
    r.message := m;
    r.turn := t;
    IF t.status = 'running' AND t.owner = p_owner THEN
        r.is_claimed := true;
        r.messages := ARRAY[m];
        r.history := turn_history(s.chat_id, t.seq, t.history_turns);
    END IF;
    RETURN r;
END
$$;

-- T1 of plain messages, at most one per session: each appends to an idle session, and the caller claims its turn. Messages that are not
-- plain are not stored and have no row in the result; they need `accept_message`. The function serves many users at once, so it runs
-- as its owner, and every join names the user. Lists and objects are passed as JSON. The planner's settings make every plan use indexes,
-- whatever it estimates: one plan serves batches of all sizes, and statistics may be old, or from when the tables were empty. For the same
-- reason, two conditions leave the planner no choice of index: a session is found by its id, because no index serves the comparison
-- of its user with IS NOT DISTINCT FROM, and OFFSET 0 keeps the search for an earlier message with the same key from becoming a join, which
-- may read all messages of the user.
CREATE FUNCTION accept_plain(
    p_users text[], p_routes text[], p_sessions text[], p_channels text[], p_contents text[], p_keys text[], p_deliver_to text[],
    p_limits interval[], p_histories int[], p_turns uuid[], p_owner uuid, p_window interval
) RETURNS TABLE (
    place int, chat_id uuid, seq bigint, at timestamptz, deliver_to text[], agent_session text, history_version bigint,
    session_id text, channel text, agent_name text, title text, created_at timestamptz, message_count bigint, metadata jsonb,
    parent_session_id text
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
    v_chats uuid[];
    v_seqs bigint[];
    v_times timestamptz[];
BEGIN
    -- Locks are always taken in this order: route, session, turn. Locked rows are skipped, so that no message waits for another's
    -- session. Without a lock on its route, which may move in the meantime, a message that arrives twice could be stored in two
    -- sessions.
    SELECT array_agg(r.place), array_agg(r.chat_id) INTO v_places, v_chats FROM (
        SELECT i.place::int, ro.chat_id
        FROM unnest(p_users, p_routes, p_sessions) WITH ORDINALITY AS i (user_id, route, session_id, place)
        JOIN routes AS ro ON ro.user_id = i.user_id AND ro.route = i.route
        WHERE i.session_id IS NULL AND ro.chat_id IS NOT NULL
        ORDER BY ro.user_id, ro.route FOR SHARE OF ro SKIP LOCKED
    ) AS r;
    SELECT array_agg(l.place), array_agg(l.chat_id), array_agg(l.last_seq + 1), array_agg(greatest(l.updated_at, clock_timestamp()))
    INTO v_places, v_chats, v_seqs, v_times FROM (
        SELECT w.place, s.chat_id, s.last_seq, s.updated_at
        FROM (
            SELECT DISTINCT ON (f.chat_id) f.chat_id, f.place FROM (
                SELECT r.chat_id, r.place FROM unnest(v_places, v_chats) AS r (place, chat_id)
                UNION ALL
                -- A session that is no longer current on its route becomes current again in `accept_message`.
                SELECT c.chat_id, i.place::int
                FROM unnest(p_users, p_sessions) WITH ORDINALITY AS i (user_id, session_id, place)
                JOIN chat_sessions AS c ON c.session_id = i.session_id AND c.user_id IS NOT DISTINCT FROM i.user_id
                LEFT JOIN routes AS ro ON ro.user_id = c.user_id AND ro.route = c.route
                WHERE c.route IS NULL OR ro.chat_id = c.chat_id
            ) AS f
            ORDER BY f.chat_id, f.place
        ) AS w
        JOIN chat_sessions AS s ON s.chat_id = w.chat_id
        WHERE s.user_id IS NOT DISTINCT FROM p_users[w.place]
        ORDER BY s.chat_id FOR UPDATE OF s SKIP LOCKED
    ) AS l;
    IF v_places IS NULL THEN
        RETURN;
    END IF;
    -- A statement of its own, so that it sees what was committed before the locks were there.
    RETURN QUERY
    WITH plain AS MATERIALIZED (
        SELECT l.place, s.chat_id, l.seq, l.at, s.user_id, s.agent_name, CASE
            WHEN is_pushed(s.channel) AND NOT s.route = ANY (d.addresses) THEN d.addresses || s.route
            ELSE d.addresses
        END AS deliver_to
        FROM unnest(v_places, v_chats, v_seqs, v_times) AS l (place, chat_id, seq, at)
        JOIN chat_sessions AS s ON s.chat_id = l.chat_id AND s.user_id IS NOT DISTINCT FROM p_users[l.place]
        CROSS JOIN LATERAL (
            SELECT ARRAY(SELECT jsonb_array_elements_text(p_deliver_to[l.place]::jsonb)) AS addresses
        ) AS d
        WHERE NOT EXISTS (SELECT FROM running_turns AS k WHERE k.user_id = s.user_id AND k.chat_id = s.chat_id)
            AND (p_sessions[l.place] IS NOT NULL OR session_resumes(
                s.is_active, coalesce(s.last_message_at, s.created_at), false, l.at, p_window
            ))
            AND NOT EXISTS (
                SELECT FROM chat_messages AS m
                WHERE m.user_id = s.user_id AND m.client_id = p_keys[l.place]
                    AND (m.chat_id = s.chat_id OR m.routed AND p_sessions[l.place] IS NULL)
                OFFSET 0
            )
    ), opened AS (
        INSERT INTO turns (
            turn_id, chat_id, seq, user_id, agent_name, channel, status, attempt, epoch, owner, deadline, time_limit, history_turns,
            deliver_to, created_at, started_at
        )
        SELECT
            p_turns[n.place], n.chat_id, n.seq, n.user_id, n.agent_name, p_channels[n.place], 'running', 1, 1, p_owner,
            clock_timestamp() + p_limits[n.place] + interval '30 seconds', p_limits[n.place], p_histories[n.place], n.deliver_to, n.at, n.at
        FROM plain AS n
    ), known AS (
        UPDATE recent_activity AS a SET turn_id = p_turns[n.place] FROM plain AS n
        WHERE a.user_id = n.user_id AND a.chat_id = n.chat_id AND a.turn_id IS NULL
    ), claimed AS (
        INSERT INTO recent_activity (user_id, chat_id, turn_id) SELECT n.user_id, n.chat_id, p_turns[n.place] FROM plain AS n
        WHERE NOT EXISTS (
            SELECT FROM recent_activity AS a WHERE a.user_id = n.user_id AND a.chat_id = n.chat_id AND a.turn_id IS NULL
        )
    ), appended AS (
        INSERT INTO chat_messages (
            chat_id, seq, user_id, role, content, channel, turn_id, turn_seq, client_id, routed, created_at
        )
        SELECT
            n.chat_id, n.seq, n.user_id, 'user', p_contents[n.place], p_channels[n.place], p_turns[n.place], n.seq,
            p_keys[n.place], p_sessions[n.place] IS NULL, n.at
        FROM plain AS n
    )
    UPDATE chat_sessions AS s SET
        last_seq = n.seq, message_count = s.message_count + 1, last_message_at = n.at, updated_at = n.at, is_active = true,
        ended_at = NULL
    FROM plain AS n WHERE s.chat_id = n.chat_id AND s.user_id IS NOT DISTINCT FROM n.user_id
    RETURNING
        n.place, s.chat_id, n.seq, n.at, n.deliver_to, s.agent_session, s.history_version, s.session_id, s.channel, s.agent_name,
        s.title, s.created_at, s.message_count, nullif(s.metadata, '{}'), s.parent_session_id;
END
$$;

-- The result of `accept_plain` for one message.
CREATE TYPE accepted_one AS (
    chat_id uuid,
    seq bigint,
    at timestamptz,
    deliver_to text[],
    agent_session text,
    history_version bigint,
    session_id text,
    channel text,
    agent_name text,
    title text,
    created_at timestamptz,
    message_count bigint,
    metadata jsonb,
    parent_session_id text
);

-- `accept_plain` for one message, with the same rules but less server time: a statement on single rows needs less setup than one on
-- lists. Each statement, column and assignment costs time here, so there are few of them. The result is one value, which
-- `SELECT accept_one(…)` returns directly; the rows of a function that is read as a table are stored first. NULL: the message is
-- not plain.
CREATE FUNCTION accept_one(
    p_user text, p_route text, p_session text, p_channel text, p_content text, p_key text, p_deliver_to text,
    p_limit interval, p_history int, p_turn uuid, p_owner uuid, p_window interval
) RETURNS accepted_one
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
SET enable_seqscan = off
SET lock_timeout = '250ms'
AS $$
DECLARE
    s record;
    v_addresses text[] := '{}';
BEGIN
    -- These statements don't wait for locks, so the time read here is the time of locking.
    IF p_session IS NULL THEN
        SELECT
            c.chat_id, c.last_seq, greatest(c.updated_at, clock_timestamp()) AS at, c.route, c.agent_session, c.history_version,
            c.session_id, c.channel, c.agent_name, c.title, c.created_at, c.message_count, c.metadata, c.parent_session_id
        INTO s FROM routes AS ro JOIN chat_sessions AS c ON c.chat_id = ro.chat_id AND c.user_id IS NOT DISTINCT FROM ro.user_id
        WHERE ro.user_id = p_user AND ro.route = p_route AND session_resumes(
            c.is_active, coalesce(c.last_message_at, c.created_at), false, greatest(c.updated_at, clock_timestamp()), p_window
        )
        FOR SHARE OF ro SKIP LOCKED FOR UPDATE OF c SKIP LOCKED;
    ELSE
        SELECT
            c.chat_id, c.last_seq, greatest(c.updated_at, clock_timestamp()) AS at, c.route, c.agent_session, c.history_version,
            c.session_id, c.channel, c.agent_name, c.title, c.created_at, c.message_count, c.metadata, c.parent_session_id
        INTO s FROM chat_sessions AS c LEFT JOIN routes AS ro ON ro.user_id = c.user_id AND ro.route = c.route
        WHERE c.session_id = p_session AND c.user_id IS NOT DISTINCT FROM p_user AND (c.route IS NULL OR ro.chat_id = c.chat_id)
        FOR UPDATE OF c SKIP LOCKED;
    END IF;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    -- A statement of its own, so that it sees what was committed before the locks were there.
    MERGE INTO recent_activity AS a
    USING (
        SELECT WHERE NOT EXISTS (
            SELECT FROM chat_messages AS m
            WHERE m.user_id = p_user AND m.client_id = p_key AND (m.chat_id = s.chat_id OR m.routed AND p_session IS NULL)
            OFFSET 0
        )
    ) AS new ON a.user_id = p_user AND a.chat_id = s.chat_id
    WHEN MATCHED AND a.turn_id IS NULL THEN UPDATE SET turn_id = p_turn
    WHEN NOT MATCHED THEN INSERT (user_id, chat_id, turn_id) VALUES (p_user, s.chat_id, p_turn);
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    IF p_deliver_to IS NOT NULL THEN
        v_addresses := ARRAY(SELECT jsonb_array_elements_text(p_deliver_to::jsonb));
    END IF;
    IF is_pushed(s.channel) AND NOT s.route = ANY (v_addresses) THEN
        v_addresses := v_addresses || s.route;
    END IF;
    INSERT INTO turns (
        turn_id, chat_id, seq, user_id, agent_name, channel, status, attempt, epoch, owner, deadline, time_limit, history_turns,
        deliver_to, created_at, started_at
    ) VALUES (
        p_turn, s.chat_id, s.last_seq + 1, p_user, s.agent_name, p_channel, 'running', 1, 1, p_owner,
        clock_timestamp() + p_limit + interval '30 seconds', p_limit, p_history, v_addresses, s.at, s.at
    );
    INSERT INTO chat_messages (
        chat_id, seq, user_id, role, content, channel, turn_id, turn_seq, client_id, routed, created_at
    ) VALUES (
        s.chat_id, s.last_seq + 1, p_user, 'user', p_content, p_channel, p_turn, s.last_seq + 1, p_key, p_session IS NULL, s.at
    );
    UPDATE chat_sessions AS c SET
        last_seq = s.last_seq + 1, message_count = s.message_count + 1, last_message_at = s.at, updated_at = s.at, is_active = true,
        ended_at = NULL
    WHERE c.chat_id = s.chat_id AND c.user_id IS NOT DISTINCT FROM p_user;
    RETURN ROW(
        s.chat_id, s.last_seq + 1, s.at, v_addresses, s.agent_session, s.history_version, s.session_id, s.channel, s.agent_name,
        s.title, s.created_at, s.message_count + 1, nullif(s.metadata, '{}'), s.parent_session_id
    )::accepted_one;
END
$$;

REVOKE EXECUTE ON FUNCTION accept_plain, accept_one FROM PUBLIC;
GRANT EXECUTE ON FUNCTION accept_plain, accept_one TO turngate_app;

-- A role needs CREATE on the schema while it becomes the owner of a function.
GRANT CREATE ON SCHEMA public TO turngate_system;
ALTER FUNCTION accept_plain OWNER TO turngate_system;
ALTER FUNCTION accept_one OWNER TO turngate_system;
REVOKE CREATE ON SCHEMA public FROM turngate_system;

-- migrate: rollback
