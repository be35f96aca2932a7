--API tokens, sign-in codes and schedules.
-- depends: 0005_history_of_before

-- migrate: apply

CREATE TABLE api_tokens (
    token_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    digest bytea NOT NULL UNIQUE, -- SHA-256: the token itself is nowhere
    user_id text NOT NULL,
    name text,
    role text NOT NULL CHECK (role IN ('user', 'operator')),
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    last_used_at timestamptz,
    revoked_at timestamptz
);

CREATE INDEX api_tokens_user_id ON api_tokens (user_id);

SELECT turngate_protect('api_tokens');

CREATE TABLE sign_in_codes (
    digest bytea PRIMARY KEY,
    user_id text NOT NULL,
    role text NOT NULL CHECK (role IN ('user', 'operator')),
    expires_at timestamptz NOT NULL
);

SELECT turngate_protect('sign_in_codes');

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
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX schedules_user_id ON schedules (user_id, created_at);

CREATE INDEX schedules_due ON schedules (next_fire_at) WHERE is_active;

SELECT turngate_protect('schedules');

-- migrate: rollback

DROP TABLE schedules, sign_in_codes, api_tokens;
