-- name: hold
-- The user as whom a sender writes; it stays the same until the transaction ends.
SELECT user_id FROM sender_of($1, $2, $3) AS s (user_id);
