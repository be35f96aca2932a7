-- name: open
-- The open questions of a user's sessions, the oldest first; null: of everybody's.
SELECT a.* FROM approvals AS a
WHERE ($1::text IS NULL OR a.user_id = $1) AND a.answered_at IS NULL AND a.closed_at IS NULL
ORDER BY a.created_at, a.approval_id LIMIT $2;

-- name: answer
-- Records an answer, unless there is one.
SELECT * FROM answer_approval($1, $2, $3, $4, $5, $6, $7);

-- name: expire
-- Answers overdue questions with their defaults.
SELECT * FROM expire_approvals($1);
