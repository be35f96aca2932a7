-- name: accept
-- T1 of plain messages. The condition is checked before the function is called: a connection that lost its role does nothing.
SELECT * FROM accept_plain($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
WHERE current_user = 'turngate_app';

-- name: accept_one
-- T1 of one plain message.
SELECT accept_one($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
WHERE current_user = 'turngate_app';

-- name: accept_from
-- The same for a batch with messages from networks, each with its sender's account; a message whose sender is now another user has no row.
SELECT * FROM accept_plain(senders_of($1, $4, $11), $2, $3, $4, $5, $6, $7, $8, $9, $10, $12, $13)
WHERE current_user = 'turngate_app';

-- name: finish
-- T2 of plain replies.
SELECT * FROM finish_plain($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
WHERE current_user = 'turngate_app';

-- name: finish_one
-- T2 of one plain reply without chunks.
SELECT finish_one($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
WHERE current_user = 'turngate_app';

-- name: history
-- The history before a turn, if the caller does not know it yet.
SELECT history_version, turns, messages FROM read_history($1, $2, $3, $4)
WHERE current_user = 'turngate_app';
