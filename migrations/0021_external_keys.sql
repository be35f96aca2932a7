--The names that other systems give to a user's sessions: the chat ids of AI SDK's useChat.
-- depends: 0020_links

-- migrate: apply

CREATE TABLE external_keys (
    user_id text NOT NULL,
    external_key text NOT NULL CHECK (length(external_key) BETWEEN 1 AND 128),
    chat_id uuid NOT NULL REFERENCES chat_sessions ON DELETE CASCADE,
    PRIMARY KEY (user_id, external_key)
);

CREATE INDEX external_keys_chat_id ON external_keys (chat_id);

SELECT turngate_protect('external_keys');

-- migrate: rollback

DROP TABLE external_keys;
