-- name: hold
-- The user whom a sender writes as; it stays so until the transaction ends.
SELECT user_id FROM sender_of($1, $2, $3) AS s (user_id);
