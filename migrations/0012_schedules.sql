--Schedules: what a user's agent is asked, and when.
-- depends: 0011_editing

-- migrate: apply

CREATE TABLE schedules (
    schedule_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id text NOT NULL,
    name text NOT NULL,
    agent_name text NOT NULL,
    prompt text NOT NULL,
    trigger jsonb NOT NULL,
    timezone text NOT NULL,
    deliver_to text[] NOT NULL DEFAULT '{}',
    is_active boolean NOT NULL DEFAULT true,
    next_fire_at timestamptz,
    last_fire_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    revision int NOT NULL DEFAULT 0
);

CREATE INDEX schedules_user_id ON schedules (user_id, created_at);

CREATE INDEX schedules_due ON schedules (next_fire_at) WHERE is_active;

SELECT turngate_protect('schedules');

-- `revision` grows with every change of what fires, when and to where: a fire that was prepared before the change does nothing.
CREATE FUNCTION count_schedule_revision() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    NEW.revision := OLD.revision + 1;
    RETURN NEW;
END
$$;

CREATE TRIGGER count_schedule_revision BEFORE UPDATE ON schedules
    FOR EACH ROW WHEN (
        (OLD.name, OLD.agent_name, OLD.prompt, OLD.trigger, OLD.timezone, OLD.deliver_to)
        IS DISTINCT FROM (NEW.name, NEW.agent_name, NEW.prompt, NEW.trigger, NEW.timezone, NEW.deliver_to)
    )
    EXECUTE FUNCTION count_schedule_revision();

-- Fires due schedules, many at once: advances each from the time it was read with, and accepts its message (T1). Returns one row
-- per item; nothing is stored for a schedule that another replica has fired, or that has changed since (it has no `turn`). A
-- schedule that is locked has no row in the result.
CREATE FUNCTION fire_schedules(
    p_schedules uuid[], p_users text[], p_due timestamptz[], p_next timestamptz[], p_revisions int[], p_agents text[], p_prompts text[],
    p_keys text[], p_routes text[], p_titles text[], p_strategies text[], p_collects boolean[], p_limits interval[], p_histories int[],
    p_max_waiting int[], p_turns uuid[], p_owner uuid, p_window interval
) RETURNS TABLE (place int, fired accepted)
LANGUAGE plpgsql
SET lock_timeout = '250ms'
AS $$
DECLARE
    v_places text[];
    v_left text[];
BEGIN
    FOR i IN 1 .. cardinality(p_schedules) LOOP
        PERFORM set_config('turngate.user_id', p_users[i], true);
        place := i;
        fired := NULL;
        PERFORM FROM schedules AS s
        WHERE s.schedule_id = p_schedules[i] AND s.is_active AND s.next_fire_at = p_due[i] AND s.revision = p_revisions[i];
        IF NOT FOUND THEN
            RETURN NEXT;
            CONTINUE;
        END IF;
        PERFORM FROM schedules AS s
        WHERE s.schedule_id = p_schedules[i] AND s.is_active AND s.next_fire_at = p_due[i] AND s.revision = p_revisions[i]
        FOR UPDATE SKIP LOCKED;
        CONTINUE WHEN NOT FOUND;
        UPDATE schedules AS s SET next_fire_at = p_next[i], last_fire_at = clock_timestamp(), is_active = p_next[i] IS NOT NULL
        WHERE s.schedule_id = p_schedules[i] RETURNING s.deliver_to INTO v_places;
        -- Those that are still the user's, and remain so until the commit: unlinking an account deletes its routes.
        SELECT coalesce(array_agg(l.route), '{}') INTO v_left FROM (
            SELECT r.route FROM routes AS r
            WHERE r.user_id = p_users[i] AND r.route = ANY (v_places) ORDER BY r.route FOR KEY SHARE
        ) AS l;
        fired := accept_message(
            p_users[i], 'scheduled', p_agents[i], p_prompts[i], p_keys[i], p_routes[i], NULL, v_left, true, true, false, p_titles[i],
            p_window, p_strategies[i], p_collects[i], p_limits[i], p_histories[i], p_owner, p_max_waiting[i], p_turns[i]
        );
        RETURN NEXT;
    END LOOP;
END
$$;

-- migrate: rollback
