--Replicas: which ones are alive, their poll leases, and what they recorded for the operator.
-- depends: 0005_history_of_before

-- migrate: apply

-- A slot is where a replica runs (a data dir, a container): a new process in a slot replaces the previous one.
CREATE TABLE replicas (
    replica_id uuid PRIMARY KEY,
    slot text NOT NULL UNIQUE,
    newest_migration text NOT NULL, -- that it knows: post migrations wait for older ones
    started_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL
);

GRANT SELECT, INSERT, UPDATE, DELETE ON replicas TO turngate_system;

-- A replica may join only if it knows each of these, because a post migration has removed what older versions use.
CREATE TABLE required_migrations (migration_id text PRIMARY KEY);

GRANT SELECT ON required_migrations TO turngate_system;

-- At most one replica polls an account.
CREATE TABLE poll_leases (
    account text PRIMARY KEY,
    owner uuid NOT NULL
);

GRANT SELECT, INSERT, UPDATE, DELETE ON poll_leases TO turngate_system;

-- Updates that could not be processed.
CREATE TABLE quarantine (
    account text NOT NULL,
    key text NOT NULL,
    raw text NOT NULL,
    reason text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account, key)
);

GRANT SELECT, INSERT, UPDATE, DELETE ON quarantine TO turngate_system;

-- The last time each agent blocked the event loop of its gateway, for `turngate doctor`.
CREATE TABLE loop_blocks (
    agent_name text PRIMARY KEY,
    seconds double precision NOT NULL,
    place text NOT NULL,
    noted_at timestamptz NOT NULL DEFAULT now()
);

GRANT SELECT, INSERT, UPDATE, DELETE ON loop_blocks TO turngate_system;

-- migrate: rollback
