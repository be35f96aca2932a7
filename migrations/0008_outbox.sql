--The outbox: chunks of replies to be delivered to networks that replies are pushed to.
-- depends: 0007_turns

-- migrate: apply

CREATE TABLE outbox (
    item_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    chat_id uuid NOT NULL REFERENCES chat_sessions ON DELETE CASCADE,
    turn_id uuid NOT NULL,
    user_id text NOT NULL,
    address text NOT NULL,
    chunk int NOT NULL,
    content text NOT NULL,
    markup text NOT NULL,
    -- `unknown`: it can no longer be known whether the chunk was delivered.
    state text NOT NULL DEFAULT 'unsent' CHECK (state IN ('unsent', 'sent', 'dead', 'unknown')),
    owner uuid,
    attempts int NOT NULL DEFAULT 0,
    error text,
    created_at timestamptz NOT NULL DEFAULT now(),
    settled_at timestamptz,
    UNIQUE (chat_id, turn_id, address, chunk)
);

CREATE INDEX outbox_unsent ON outbox (address, item_id) WHERE state = 'unsent';

SELECT turngate_protect('outbox');

-- migrate: rollback
