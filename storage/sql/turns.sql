-- name: accept
-- T1. The condition is checked before the function is called: a connection that lost its role does nothing.
SELECT * FROM accept_message($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)
WHERE current_user = 'turngate_app';

-- name: accept_from
-- T1 of a message whose sender may have been linked to another user; the sender is locked first. Without a row, nothing was stored. A
-- message of a visitor who has become a user belongs to that user and to a session of its own; a session that it names is no longer the
-- sender's.
SELECT a.*
FROM sender_of($1, $2, $21) AS sender (user_id)
CROSS JOIN LATERAL accept_message(
    CASE WHEN $7::text IS NULL THEN sender.user_id ELSE $1 END,
    $2, $3, $4, $5, $6, $7, $8, $9 OR sender.user_id <> $1, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20
) AS a
WHERE current_user = 'turngate_app';

-- name: keep_data
-- Stores a message's parts and metadata; a null leaves the current value.
UPDATE chat_messages SET parts = coalesce($3::jsonb, parts), metadata = coalesce($4::jsonb, metadata)
WHERE chat_id = (SELECT chat_id FROM chat_sessions WHERE session_id = $1) AND seq = $2;

-- name: finish
-- T2.
SELECT * FROM finish_turn($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
WHERE current_user = 'turngate_app';

-- name: finish_delivered
-- T2 of a turn whose reply is pushed to other networks too.
SELECT * FROM finish_delivered($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
WHERE current_user = 'turngate_app';

-- name: ask
-- T2 of a turn that asks a question and waits for the answer.
SELECT * FROM ask_approval($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
WHERE current_user = 'turngate_app';

-- name: begin_attempt
-- Renews the claim of a turn that the caller owns.
SELECT * FROM begin_attempt($1, $2, $3, $4, $5)
WHERE current_user = 'turngate_app';

-- name: steal
-- Claims turns of dead replicas.
SELECT * FROM steal_turns($1, $2, $3, $4);

-- name: release
-- Hands turns over: any replica may claim them, and this attempt does not count.
UPDATE turns SET owner = NULL, deadline = clock_timestamp(), attempt = greatest(attempt - 1, 0)
WHERE turn_id = ANY ($1::uuid[]) AND owner = $2 AND status = 'running';

-- name: request_cancel
-- Marks an open turn for cancellation; returns an ended one unchanged.
UPDATE turns SET
    cancel_requested = cancel_requested OR status IN ('queued', 'running', 'waiting'),
    -- A turn that waits is claimed by a sweep, which ends it.
    status = CASE WHEN status = 'waiting' THEN 'running' ELSE status END,
    reply_seq = CASE WHEN status <> 'waiting' THEN reply_seq END
WHERE turn_id = $1 RETURNING turn_id, status;

-- name: remember_agent_session
-- Stores the agent session, or adds it to the former ones if messages have changed since the turn started.
UPDATE chat_sessions AS s SET
    agent_session = CASE WHEN s.words_changed_at > t.started_at THEN s.agent_session ELSE $3::text END,
    former_agent_sessions = CASE
        WHEN s.words_changed_at > t.started_at THEN array_remove(s.former_agent_sessions, $3) || $3
        ELSE agent_sessions_before(s, $3)
    END
FROM turns AS t WHERE s.chat_id = $1 AND t.turn_id = $2
RETURNING s.agent_session;
