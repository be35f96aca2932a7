-- name: queue_up
-- Makes counting exclusive per user until the transaction ends.
SELECT pg_advisory_xact_lock(hashtextextended($1, 0));

-- name: schedules
-- How many schedules a user has, including ended and paused ones.
SELECT count(*) FROM schedules WHERE user_id = $1;

-- name: tokens
-- How many valid API tokens a user has.
SELECT count(*) FROM api_tokens
WHERE user_id = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > clock_timestamp());

-- name: links
-- How many linked accounts a user has.
SELECT count(*) FROM links WHERE user_id = $1;
