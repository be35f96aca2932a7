-- name: identify
-- Gives a visitor's sessions to a user.
SELECT * FROM identify_visitor($1, $2);

-- name: latecomers
-- Visitors identified within that time who have something again: a message of theirs waited for a lock, or came to a replica that
-- did not know yet.
SELECT visitor_id, user_id FROM identified_visitors AS v
WHERE identified_at > statement_timestamp() - $1::interval AND (
    EXISTS (SELECT FROM chat_sessions AS s WHERE s.user_id = v.visitor_id)
    OR EXISTS (SELECT FROM routes AS r WHERE r.user_id = v.visitor_id)
)
LIMIT 100;

-- name: remove_routes
-- Route before session, as everywhere.
DELETE FROM routes WHERE user_id = $1;

-- name: remove_sessions
-- With everything in them.
DELETE FROM chat_sessions WHERE user_id = $1;

-- name: forget_erased
-- A pass lasts 30 days, and is older than this.
DELETE FROM identified_visitors WHERE user_id IS NULL AND identified_at < clock_timestamp() - interval '31 days';

-- name: identified
-- Those of these visitors who are somebody by now.
SELECT visitor_id FROM identified_visitors WHERE visitor_id = ANY ($1::text[]);
