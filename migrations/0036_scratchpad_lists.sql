--The scratchpad may be a list.
-- depends: 0035_stateless_calls_index

-- migrate: apply

-- An object with another's keys set; those that are null there are removed. A list takes the place of whatever is there.
CREATE OR REPLACE FUNCTION patched(p_object jsonb, p_changes jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE
AS $$
    SELECT CASE
        WHEN p_changes IS NULL THEN p_object
        WHEN jsonb_typeof(p_changes) = 'array' THEN p_changes
        ELSE (p_object || p_changes) - ARRAY(SELECT e.key FROM jsonb_each(p_changes) AS e WHERE e.value = 'null')
    END
$$;

-- As before; a further `status`, `list`: keys were to be set in a scratchpad that is a list.
CREATE OR REPLACE FUNCTION put_state(
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

-- Gateways of the version before work on this schema too, so there is nothing to take back.
-- migrate: rollback
