-- name: get
-- A session's state; nulls if it was never written.
SELECT s.chat_id, t.version, t.blackboard, t.scratchpad, t.attributes
FROM chat_sessions AS s LEFT JOIN session_states AS t ON t.chat_id = s.chat_id
WHERE s.session_id = $1;

-- name: of_turn
-- The same by key, without reading the session.
SELECT version, blackboard, scratchpad, attributes FROM session_states WHERE chat_id = $1;

-- name: write
-- A client's write.
SELECT * FROM write_state($1, $2, $3, $4, $5, $6);

-- name: change
-- An agent's changes, with its reply.
SELECT * FROM change_state($1, $2, $3, $4, $5);
