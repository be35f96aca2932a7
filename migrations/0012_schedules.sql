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

-- `revision` grows with every change of what fires, when and to where, whoever makes it: a fire that was prepared before the change
-- does nothing.
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

-- migrate: rollback
