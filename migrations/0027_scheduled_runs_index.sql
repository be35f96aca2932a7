--An index: the runs of a schedule.
-- depends: 0026_forks_index
-- transaction: false

-- migrate: apply

SET lock_timeout = 0;

DROP INDEX CONCURRENTLY IF EXISTS chat_sessions_runs;

-- A run is the session on its schedule's own route.
CREATE INDEX CONCURRENTLY chat_sessions_runs ON chat_sessions (user_id, route, created_at DESC, chat_id DESC)
    WHERE channel = 'scheduled';

-- migrate: rollback

DROP INDEX CONCURRENTLY IF EXISTS chat_sessions_runs;
