-- name: identify
-- Gives a visitor's sessions to a user.
SELECT * FROM identify_visitor($1, $2);

-- name: forget_erased
-- A pass lasts 30 days, and this is older.
DELETE FROM identified_visitors WHERE user_id IS NULL AND identified_at < clock_timestamp() - interval '31 days';

-- name: identified
-- Those of these visitors who are identified by now.
SELECT visitor_id FROM identified_visitors WHERE visitor_id = ANY ($1::text[]);
