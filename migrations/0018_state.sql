--The state of a session: what agent and client keep beside the transcript.
-- depends: 0017_search

-- migrate: apply

-- What agent and client keep beside the transcript. Whoever writes here holds the session's row.
CREATE TABLE session_states (
    chat_id uuid PRIMARY KEY REFERENCES chat_sessions ON DELETE CASCADE,
    user_id text NOT NULL,
    version bigint NOT NULL DEFAULT 0, -- grows with every change; 0: never written
    blackboard jsonb NOT NULL DEFAULT '{}',
    scratchpad jsonb NOT NULL DEFAULT '{}',
    attributes jsonb NOT NULL DEFAULT '{}',
    size_bytes int NOT NULL DEFAULT 6, -- of the three as JSON text
    snapshot_count bigint NOT NULL DEFAULT 0, -- ever made: the latest one's number
    changed_at timestamptz,
    dirty_since timestamptz -- the first change that no snapshot has; null: none
);

-- What automatic snapshots are made of; as small as the work at hand.
CREATE INDEX session_states_dirty ON session_states (dirty_since) WHERE dirty_since IS NOT NULL;

SELECT turngate_protect('session_states');

-- lz4 is quicker than pglz; a server may have been built without it.
DO $compression$
BEGIN
    ALTER TABLE session_states
        ALTER COLUMN blackboard SET COMPRESSION lz4,
        ALTER COLUMN scratchpad SET COMPRESSION lz4,
        ALTER COLUMN attributes SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported THEN
    RAISE NOTICE 'This server has no lz4: the columns of session_states are compressed with pglz.';
END
$compression$;

CREATE FUNCTION state_size(p_blackboard jsonb, p_scratchpad jsonb, p_attributes jsonb) RETURNS bigint
LANGUAGE sql IMMUTABLE
AS $$ SELECT octet_length(p_blackboard::text)::bigint + octet_length(p_scratchpad::text) + octet_length(p_attributes::text) $$;

-- An object with another's keys set; those that are null there are removed.
CREATE FUNCTION patched(p_object jsonb, p_changes jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE
AS $$
    SELECT coalesce(
        (p_object || p_changes) - ARRAY(SELECT e.key FROM jsonb_each(p_changes) AS e WHERE e.value = 'null'), p_object
    )
$$;

-- `status`: done, not_found (no such session), stale (another version), too_large (`size`, in bytes).
CREATE TYPE state_written AS (
    status text,
    state session_states,
    size bigint
);

-- Gives a session, whose row the caller has locked, these three objects; the version grows if that changes anything. p_limit null: none.
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
    n := x;
    n.blackboard := CASE WHEN p_patch THEN patched(x.blackboard, p_blackboard) ELSE coalesce(p_blackboard, x.blackboard) END;
    n.scratchpad := CASE WHEN p_patch THEN patched(x.scratchpad, p_scratchpad) ELSE coalesce(p_scratchpad, x.scratchpad) END;
    n.attributes := CASE WHEN p_patch THEN patched(x.attributes, p_attributes) ELSE coalesce(p_attributes, x.attributes) END;
    r.status := 'done';
    IF n IS NOT DISTINCT FROM x THEN
        RETURN r;
    END IF;
    r.size := state_size(n.blackboard, n.scratchpad, n.attributes);
    -- What has grown too large meanwhile, by a smaller limit, may still shrink.
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

-- A client's write: objects that are null stay as they are. p_versions: those it may replace; null: any.
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

-- An agent's changes, in the transaction of its turn's T2, which has set the user and holds the session's row.
CREATE FUNCTION change_state(p_chat_id uuid, p_blackboard jsonb, p_scratchpad jsonb, p_attributes jsonb, p_limit bigint)
RETURNS state_written
LANGUAGE sql
AS $$
    SELECT put_state(s, NULL, p_blackboard, p_scratchpad, p_attributes, true, p_limit)
    FROM chat_sessions AS s WHERE s.chat_id = p_chat_id
$$;

-- Gateways of the version before work on this schema too, so there is nothing to take back.
-- migrate: rollback
