--An index: the turns of a session by time.
-- depends: 0027_scheduled_runs_index
-- transaction: false

-- migrate: apply

SET lock_timeout = 0;

DROP INDEX CONCURRENTLY IF EXISTS turns_by_time;

-- Places of turns are given anew when an answer is made again; times are not.
CREATE INDEX CONCURRENTLY turns_by_time ON turns (chat_id, created_at DESC, turn_id DESC);

-- migrate: rollback

DROP INDEX CONCURRENTLY IF EXISTS turns_by_time;
