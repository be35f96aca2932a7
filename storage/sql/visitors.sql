-- name: identify
-- Gives a visitor's sessions to a user.
SELECT * FROM identify_visitor($1, $2);

-- name: identified
-- Those of these visitors who are somebody by now.
SELECT visitor_id FROM identified_visitors WHERE visitor_id = ANY ($1::text[]);
