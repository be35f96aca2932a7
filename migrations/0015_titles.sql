--Titles by agents are told from those made of a text; changed schedules, a schedule's runs and a session's turns are found.
-- depends: 0014_external_keys

-- migrate: apply

ALTER TABLE chat_sessions ADD COLUMN title_is_agents boolean NOT NULL DEFAULT false;

-- Grows with every change of what or when it fires: a fire of what it was before comes to nothing.
ALTER TABLE schedules ADD COLUMN revision int NOT NULL DEFAULT 0;

-- A run is the session on its schedule's own route.
CREATE INDEX chat_sessions_runs ON chat_sessions (user_id, route, created_at DESC, chat_id DESC)
    WHERE channel = 'scheduled';

-- Places of turns are given anew when an answer is made again; times are not.
CREATE INDEX turns_by_time ON turns (chat_id, created_at DESC, turn_id DESC);

-- Gateways of the version before work on this schema too, so there is nothing to take back.
-- migrate: rollback
