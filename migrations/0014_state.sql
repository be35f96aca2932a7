--State: what agent and client keep beside the transcript, and snapshots of it.
-- depends: 0013_identity

-- migrate: apply

-- Writers hold a lock on the session's row.
CREATE TABLE session_states (
    chat_id uuid PRIMARY KEY REFERENCES chat_sessions ON DELETE CASCADE,
    user_id text NOT NULL,
    version bigint NOT NULL DEFAULT 0, -- grows with every change; 0: never written
    blackboard jsonb NOT NULL DEFAULT '{}',
    scratchpad jsonb NOT NULL DEFAULT '{}', -- may also be a list
    attributes jsonb NOT NULL DEFAULT '{}',
    size_bytes int NOT NULL DEFAULT 6, -- of the three as JSON text
    snapshot_count bigint NOT NULL DEFAULT 0, -- ever made: the latest one's number
    changed_at timestamptz,
    dirty_since timestamptz -- the first change that no snapshot has; null: none
);

-- The due automatic snapshots; as small as the current work.
CREATE INDEX session_states_dirty ON session_states (dirty_since) WHERE dirty_since IS NOT NULL;

SELECT turngate_protect('session_states');

CREATE TABLE snapshots (
    chat_id uuid NOT NULL REFERENCES chat_sessions ON DELETE CASCADE,
    number bigint NOT NULL,
    user_id text NOT NULL,
    reason text NOT NULL CHECK (reason IN ('auto', 'manual', 'before_restore', 'page_close')),
    blackboard jsonb NOT NULL,
    scratchpad jsonb NOT NULL,
    attributes jsonb NOT NULL,
    size_bytes int NOT NULL,
    message_seq bigint, -- the last message that could be seen then
    last_seq bigint NOT NULL, -- how far the transcript went, tombstones included
    hidden int8multirange NOT NULL, -- which of its rows were taken back by rewinding
    rewound boolean NOT NULL DEFAULT false, -- made by a restore that took the transcript back; restoring it brings that back
    agent_session text,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (chat_id, number) INCLUDE (created_at)
);

SELECT turngate_protect('snapshots');

-- lz4 is faster than pglz; a server may be built without it.
DO $compression$
DECLARE
    v_table text;
BEGIN
    FOREACH v_table IN ARRAY ARRAY['session_states', 'snapshots'] LOOP
        EXECUTE format(
            'ALTER TABLE %I ALTER COLUMN blackboard SET COMPRESSION lz4, ALTER COLUMN scratchpad SET COMPRESSION lz4,'
            ' ALTER COLUMN attributes SET COMPRESSION lz4',
            v_table
        );
    END LOOP;
EXCEPTION WHEN feature_not_supported THEN
    RAISE NOTICE 'This server has no lz4: states and snapshots are compressed with pglz.';
END
$compression$;

CREATE FUNCTION state_size(p_blackboard jsonb, p_scratchpad jsonb, p_attributes jsonb) RETURNS bigint
LANGUAGE sql IMMUTABLE
AS $$ SELECT octet_length(p_blackboard::text)::bigint + octet_length(p_scratchpad::text) + octet_length(p_attributes::text) $$;

-- Sets the keys of one object in another; null removes a key. A list replaces everything.
CREATE FUNCTION patched(p_object jsonb, p_changes jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE
AS $$
    SELECT CASE
        WHEN p_changes IS NULL THEN p_object
        WHEN jsonb_typeof(p_changes) = 'array' THEN p_changes
        ELSE (p_object || p_changes) - ARRAY(SELECT e.key FROM jsonb_each(p_changes) AS e WHERE e.value = 'null')
    END
$$;

-- `status`: done, not_found (no such session), stale (another version), too_large (`size`, in bytes), list (keys were to be set
-- in a scratchpad that is a list).
CREATE TYPE state_written AS (
    status text,
    state session_states,
    size bigint
);

-- Sets these three objects for a session, whose row the caller has locked; the version grows if anything changes. p_limit null:
-- none.
CREATE FUNCTION put_state(
    s chat_sessions, p_versions bigint[], p_blackboard jsonb, p_scratchpad jsonb, p_attributes jsonb, p_patch boolean, p_limit bigint
) RETURNS state_written
LANGUAGE plpgsql
AS $$
DECLARE
    r state_written;
    x session_states;
    n session_states;
    v_now timestamptz := clock_timestamp();
BEGIN
    INSERT INTO session_states (chat_id, user_id) VALUES (s.chat_id, s.user_id) ON CONFLICT (chat_id) DO NOTHING;
    SELECT * INTO x FROM session_states WHERE chat_id = s.chat_id FOR UPDATE;
    r.state := x;
    IF NOT x.version = ANY (p_versions) THEN
        r.status := 'stale';
        RETURN r;
    END IF;
    IF p_patch AND jsonb_typeof(x.scratchpad) = 'array' AND jsonb_typeof(p_scratchpad) = 'object' THEN
        r.status := 'list';
        RETURN r;
    END IF;
    n := x;
    n.blackboard := CASE WHEN p_patch THEN patched(x.blackboard, p_blackboard) ELSE coalesce(p_blackboard, x.blackboard) END;
    n.scratchpad := CASE WHEN p_patch THEN patched(x.scratchpad, p_scratchpad) ELSE coalesce(p_scratchpad, x.scratchpad) END;
    n.attributes := CASE WHEN p_patch THEN patched(x.attributes, p_attributes) ELSE coalesce(p_attributes, x.attributes) END;
    r.status := 'done';
    IF n IS NOT DISTINCT FROM x THEN
        RETURN r;
    END IF;
    r.size := state_size(n.blackboard, n.scratchpad, n.attributes);
    -- A state that exceeds a limit which was lowered in the meantime may still shrink.
    IF r.size > p_limit AND r.size >= x.size_bytes THEN
        r.status := 'too_large';
        RETURN r;
    END IF;
    UPDATE session_states SET
        version = x.version + 1, blackboard = n.blackboard, scratchpad = n.scratchpad, attributes = n.attributes,
        size_bytes = r.size, changed_at = v_now, dirty_since = coalesce(x.dirty_since, v_now)
    WHERE chat_id = s.chat_id RETURNING * INTO x;
    r.state := x;
    RETURN r;
END
$$;

-- A client's write: null keeps an object as it is. p_versions: those it may replace; null: any.
CREATE FUNCTION write_state(
    p_session text, p_versions bigint[], p_blackboard jsonb, p_scratchpad jsonb, p_attributes jsonb, p_limit bigint
) RETURNS state_written
LANGUAGE plpgsql
AS $$
DECLARE
    r state_written;
    s chat_sessions;
BEGIN
    SELECT * INTO s FROM chat_sessions WHERE session_id = p_session FOR UPDATE;
    IF NOT FOUND THEN
        r.status := 'not_found';
        RETURN r;
    END IF;
    RETURN put_state(s, p_versions, p_blackboard, p_scratchpad, p_attributes, false, p_limit);
END
$$;

-- An agent's changes, in the transaction of its turn's T2, which has set the user and locked the session's row.
CREATE FUNCTION change_state(p_chat_id uuid, p_blackboard jsonb, p_scratchpad jsonb, p_attributes jsonb, p_limit bigint)
RETURNS state_written
LANGUAGE sql
AS $$
    SELECT put_state(s, NULL, p_blackboard, p_scratchpad, p_attributes, true, p_limit)
    FROM chat_sessions AS s WHERE s.chat_id = p_chat_id
$$;

-- A snapshot of a session whose row the caller has locked.
CREATE FUNCTION make_snapshot(s chat_sessions, p_reason text, p_rewound boolean) RETURNS snapshots
LANGUAGE plpgsql
AS $$
DECLARE
    x session_states;
    n snapshots;
    v_hidden int8multirange;
    v_top bigint := s.last_seq;
BEGIN
    INSERT INTO session_states AS t (chat_id, user_id, snapshot_count) VALUES (s.chat_id, s.user_id, 1)
    ON CONFLICT (chat_id) DO UPDATE SET snapshot_count = t.snapshot_count + 1, dirty_since = NULL
    RETURNING * INTO x;
    SELECT coalesce(range_agg(int8range(m.seq, m.seq + 1)), '{}') INTO v_hidden
    FROM chat_messages AS m WHERE m.chat_id = s.chat_id AND m.rewound;
    -- Skips a long stretch that was taken back instead of reading it.
    IF s.last_seq <@ v_hidden THEN
        SELECT lower(g) - 1 INTO v_top FROM unnest(v_hidden) AS g WHERE s.last_seq <@ g;
    END IF;
    SELECT m.seq INTO n.message_seq FROM chat_messages AS m
    WHERE m.chat_id = s.chat_id AND m.seq <= v_top AND m.deleted_at IS NULL ORDER BY m.seq DESC LIMIT 1;
    INSERT INTO snapshots (
        chat_id, number, user_id, reason, blackboard, scratchpad, attributes, size_bytes, message_seq, last_seq, hidden,
        rewound, agent_session, created_at
    ) VALUES (
        s.chat_id, x.snapshot_count, s.user_id, p_reason, x.blackboard, x.scratchpad, x.attributes, x.size_bytes,
        n.message_seq, s.last_seq, v_hidden, p_rewound, s.agent_session, clock_timestamp()
    ) RETURNING * INTO n;
    RETURN n;
END
$$;

-- `status`: made, unchanged (then `snapshot` is the latest), not_found (no such session).
CREATE TYPE snapshot_made AS (
    status text,
    snapshot snapshots
);

-- p_if_changed: only if state or transcript differ from the latest snapshot.
CREATE FUNCTION take_snapshot(p_session text, p_reason text, p_if_changed boolean) RETURNS snapshot_made
LANGUAGE plpgsql
AS $$
DECLARE
    r snapshot_made;
    s chat_sessions;
    n snapshots;
BEGIN
    SELECT * INTO s FROM chat_sessions WHERE session_id = p_session FOR UPDATE;
    IF NOT FOUND THEN
        r.status := 'not_found';
        RETURN r;
    END IF;
    SELECT * INTO n FROM snapshots WHERE chat_id = s.chat_id ORDER BY number DESC LIMIT 1;
    IF p_if_changed AND n.number IS NOT NULL AND n.last_seq = s.last_seq AND NOT EXISTS (
        SELECT FROM session_states AS t WHERE t.chat_id = s.chat_id AND t.dirty_since IS NOT NULL
    ) AND NOT EXISTS (
        SELECT FROM chat_messages AS m WHERE m.chat_id = s.chat_id AND m.changed_at > n.created_at
    ) THEN
        r.status := 'unchanged';
    ELSE
        n := make_snapshot(s, p_reason, false);
        r.status := 'made';
    END IF;
    r.snapshot := n;
    RETURN r;
END
$$;

-- Takes the automatic snapshots of those sessions whose states have been quiet for p_quiet, or kept changing for p_every; returns
-- how many. For turngate_system. Sessions that are locked are left to the next time.
CREATE FUNCTION save_states(p_chats uuid[], p_quiet interval, p_every interval) RETURNS int
LANGUAGE plpgsql
AS $$
DECLARE
    s chat_sessions;
    v_saved int := 0;
    v_now timestamptz := clock_timestamp();
BEGIN
    FOR s IN SELECT * FROM chat_sessions WHERE chat_id = ANY (p_chats) FOR UPDATE SKIP LOCKED LOOP
        -- Checks again after locking: another replica may have been first.
        IF EXISTS (
            SELECT FROM session_states WHERE chat_id = s.chat_id AND dirty_since IS NOT NULL
                AND (changed_at <= v_now - p_quiet OR dirty_since <= v_now - p_every)
        ) THEN
            PERFORM make_snapshot(s, 'auto', false);
            v_saved := v_saved + 1;
        END IF;
    END LOOP;
    RETURN v_saved;
END
$$;

-- `status`: done, not_found (no such session), missing (no such snapshot), busy (a turn is running). `changed`: the newest few
-- hundred rows that were hidden or restored.
CREATE TYPE snapshot_restored AS (
    status text,
    state session_states,
    number bigint,
    undo bigint,
    rewound boolean,
    session chat_sessions,
    changed chat_messages[]
);

-- Restores the state of one of a session's snapshots (p_number null: the latest), after taking one of the current state. With
-- p_rewind, or if the snapshot undoes such a restore, the visible rows become those of that time, too, with their text of that
-- time; deleted rows stay deleted. p_by: the user who restores.
CREATE FUNCTION restore_snapshot(p_session text, p_number bigint, p_rewind boolean, p_by text) RETURNS snapshot_restored
LANGUAGE plpgsql
AS $$
DECLARE
    r snapshot_restored;
    s chat_sessions;
    x snapshots;
    v_message chat_messages;
    v_then message_versions;
    v_hide int8multirange;
    v_turns uuid[];
    v_rows bigint;
    v_changed chat_messages[];
    v_agent_session text;
    v_now timestamptz;
BEGIN
    SELECT * INTO s FROM chat_sessions WHERE session_id = p_session FOR UPDATE;
    IF NOT FOUND THEN
        r.status := 'not_found';
        RETURN r;
    END IF;
    SELECT * INTO x FROM snapshots
    WHERE chat_id = s.chat_id AND (p_number IS NULL OR number = p_number) ORDER BY number DESC LIMIT 1;
    IF NOT FOUND THEN
        r.status := 'missing';
        RETURN r;
    END IF;
    r.rewound := p_rewind OR x.rewound;
    IF r.rewound AND NOT end_waiting(s) THEN
        r.status := 'busy';
        RETURN r;
    END IF;
    r.number := x.number;
    r.undo := (make_snapshot(s, 'before_restore', r.rewound)).number;
    r.state := (put_state(s, NULL, x.blackboard, x.scratchpad, x.attributes, false, NULL)).state;

    IF r.rewound THEN
        v_now := greatest(s.updated_at + interval '1 microsecond', clock_timestamp());
        v_hide := x.hidden + int8multirange(int8range(x.last_seq, s.last_seq, '(]'));
        WITH hidden AS (
            UPDATE chat_messages AS m SET deleted_at = v_now, rewound = true, changed_at = v_now
            WHERE m.chat_id = s.chat_id AND m.seq >= lower(v_hide) AND m.seq <@ v_hide AND m.deleted_at IS NULL
            RETURNING m
        )
        SELECT count(*), array_agg((m).turn_id) FILTER (WHERE (m).role = 'user'), (array_agg(m ORDER BY (m).seq DESC))[:400]
        INTO v_rows, v_turns, r.changed FROM hidden;
        s.message_count := s.message_count - v_rows;
        -- A turn whose first messages stay remains part of the conversation.
        UPDATE turns AS t SET withdrawn = true WHERE t.turn_id = ANY (v_turns) AND t.seq <@ v_hide;

        WITH returned AS (
            UPDATE chat_messages AS m SET deleted_at = NULL, rewound = false, changed_at = v_now
            WHERE m.chat_id = s.chat_id AND m.rewound AND NOT m.seq <@ v_hide
            RETURNING m
        )
        SELECT count(*), array_agg((m).turn_id) FILTER (WHERE (m).role = 'user'), (array_agg(m ORDER BY (m).seq DESC))[:400]
        INTO v_rows, v_turns, v_changed FROM returned;
        s.message_count := s.message_count + v_rows;
        UPDATE turns AS t SET withdrawn = false WHERE t.turn_id = ANY (v_turns);

        r.changed := r.changed || v_changed;
        -- The text of that time was stored at the first change since then.
        FOR v_then IN
            SELECT DISTINCT ON (seq) * FROM message_versions
            WHERE chat_id = s.chat_id AND changed_at > x.created_at ORDER BY seq, version
        LOOP
            SELECT * INTO v_message FROM chat_messages AS c
            WHERE c.chat_id = s.chat_id AND c.seq = v_then.seq AND c.deleted_at IS NULL AND c.content <> v_then.content;
            CONTINUE WHEN NOT FOUND;
            PERFORM keep_version(v_message, 'rewind', p_by, v_now);
            UPDATE chat_messages AS c SET
                content = v_then.content, parts = v_then.parts, edited_at = v_now, changed_at = v_now
            WHERE c.chat_id = s.chat_id AND c.seq = v_then.seq RETURNING * INTO v_message;
            IF coalesce(cardinality(r.changed), 0) < 800 THEN
                r.changed := r.changed || v_message;
            END IF;
        END LOOP;
        -- The agent's own conversation cannot be rewound: the session gets a new one, and its earlier one when the transcript is
        -- restored.
        v_agent_session := CASE
            WHEN cardinality(r.changed) > 0 THEN CASE WHEN x.rewound THEN x.agent_session END ELSE s.agent_session
        END;
        UPDATE chat_sessions AS c SET
            updated_at = v_now, message_count = s.message_count,
            words_changed_at = CASE WHEN cardinality(r.changed) > 0 THEN v_now ELSE c.words_changed_at END,
            title = CASE WHEN cardinality(r.changed) > 0 THEN title_without_words(s) ELSE c.title END,
            title_is_agents = c.title_is_agents AND coalesce(cardinality(r.changed), 0) = 0,
            agent_session = v_agent_session, former_agent_sessions = agent_sessions_before(c, v_agent_session)
        WHERE c.chat_id = s.chat_id RETURNING * INTO s;
        -- The conversation continues: no later snapshot may bring the framework's conversation back in its current state.
        UPDATE snapshots AS n SET agent_session = NULL WHERE n.chat_id = s.chat_id AND n.agent_session = s.agent_session;
    END IF;
    r.session := s;
    r.status := 'done';
    RETURN r;
END
$$;

-- migrate: rollback
