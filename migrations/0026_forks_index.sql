--An index: the forks of a session.
-- depends: 0025_title_words_index
-- transaction: false

-- migrate: apply

SET lock_timeout = 0;

DROP INDEX CONCURRENTLY IF EXISTS chat_sessions_forks;

CREATE INDEX CONCURRENTLY chat_sessions_forks ON chat_sessions (parent_session_id) WHERE parent_session_id IS NOT NULL;

-- migrate: rollback

DROP INDEX CONCURRENTLY IF EXISTS chat_sessions_forks;
