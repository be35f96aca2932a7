-- name: hold
-- The user, if the account of that network is theirs; it stays theirs until the transaction ends.
SELECT user_id FROM sender_of($1, $2, $3) AS s (user_id);
