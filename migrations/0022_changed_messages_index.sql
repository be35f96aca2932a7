--An index: the messages of a session that changed lately.
-- depends: 0021_external_keys
-- transaction: false

-- migrate: apply

SET lock_timeout = 0;

DROP INDEX CONCURRENTLY IF EXISTS chat_messages_changed;

CREATE INDEX CONCURRENTLY chat_messages_changed ON chat_messages (chat_id, changed_at) WHERE changed_at IS NOT NULL;

-- migrate: rollback

DROP INDEX CONCURRENTLY IF EXISTS chat_messages_changed;
