--An index: API calls that name no session, to count lists without them.
-- depends: 0034_stateless_calls
-- transaction: false

-- migrate: apply

SET lock_timeout = 0;

DROP INDEX CONCURRENTLY IF EXISTS chat_sessions_stateless;

CREATE INDEX CONCURRENTLY chat_sessions_stateless ON chat_sessions (user_id, channel) WHERE metadata ->> 'stateless' = 'true';

-- migrate: rollback

DROP INDEX CONCURRENTLY IF EXISTS chat_sessions_stateless;
