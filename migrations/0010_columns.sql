--What existing tables keep from now on: changes of messages, sessions of agents' frameworks, titles, choices at a place.
-- depends: 0009_supersede
-- transaction: false

-- migrate: apply

-- Each statement is a transaction of its own and locks one table for a moment: whoever holds one of these tables and waits for
-- another never waits for this.
ALTER TABLE chat_messages
    ADD COLUMN IF NOT EXISTS changed_at timestamptz, -- of its latest edit, deletion, hiding or return: what followers are told of
    ADD COLUMN IF NOT EXISTS rewound boolean NOT NULL DEFAULT false; -- hidden by going back in the conversation: a snapshot may bring it back

-- A turn that was set aside: its messages are hidden, or answered by another turn. Agents are not told of it.
ALTER TABLE turns ADD COLUMN IF NOT EXISTS withdrawn boolean NOT NULL DEFAULT false;

-- `agent_session`: how the agent's own framework calls this conversation; `former_agent_sessions`: how it called it before, until it is
-- told to forget them. Titles by agents are told from those made of a text. `words_changed_at`: of the latest change of what was said:
-- what an agent made of the words of before is not kept.
ALTER TABLE chat_sessions
    ADD COLUMN IF NOT EXISTS agent_session text,
    ADD COLUMN IF NOT EXISTS former_agent_sessions text[] NOT NULL DEFAULT '{}',
    ADD COLUMN IF NOT EXISTS title_is_agents boolean NOT NULL DEFAULT false,
    ADD COLUMN IF NOT EXISTS words_changed_at timestamptz;

-- What was chosen at a place: the agent that new conversations there begin with, and the sessions as they were last listed there.
ALTER TABLE routes
    ADD COLUMN IF NOT EXISTS agent_name text,
    ADD COLUMN IF NOT EXISTS listed text[];

-- Grows with every change of what, when or where to it fires, whoever makes it: a fire of what it was before comes to nothing.
ALTER TABLE schedules ADD COLUMN IF NOT EXISTS revision int NOT NULL DEFAULT 0;

DROP TRIGGER IF EXISTS count_schedule_revision ON schedules;

DROP FUNCTION IF EXISTS count_schedule_revision();

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

-- Gateways of the version before work on this schema too, so there is nothing to take back.
-- migrate: rollback
