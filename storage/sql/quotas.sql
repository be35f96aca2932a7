-- name: queue_up
-- Lets one at a time count what a user has, until its transaction ends.
SELECT pg_advisory_xact_lock(hashtextextended($1, 0));

-- name: schedules
-- How many schedules a user has, those included that have ended or are paused.
SELECT count(*) FROM schedules WHERE user_id = $1;

-- name: tokens
-- How many API tokens of a user are valid.
SELECT count(*) FROM api_tokens
WHERE user_id = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > clock_timestamp());

-- name: links
-- How many accounts of other networks are a user's.
SELECT count(*) FROM links WHERE user_id = $1;
