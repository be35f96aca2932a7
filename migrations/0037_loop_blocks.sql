--The last time each agent blocked the event loop of its gateway, for `turngate doctor`.
-- depends: 0036_scratchpad_lists

-- migrate: apply

CREATE TABLE loop_blocks (
    agent_name text PRIMARY KEY,
    seconds double precision NOT NULL,
    place text NOT NULL,
    noted_at timestamptz NOT NULL DEFAULT now()
);

GRANT SELECT, INSERT, UPDATE, DELETE ON loop_blocks TO turngate_system;

-- migrate: rollback

DROP TABLE loop_blocks;
