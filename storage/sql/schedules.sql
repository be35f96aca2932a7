-- name: create
-- Creates a schedule.
INSERT INTO schedules (user_id, name, agent_name, prompt, trigger, timezone, deliver_to, is_active, next_fire_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING *;

-- name: list
-- Schedules of a user, or of all users.
SELECT * FROM schedules WHERE ($1::text IS NULL OR user_id = $1) ORDER BY created_at, schedule_id LIMIT $2;

-- name: get
-- One schedule.
SELECT * FROM schedules WHERE schedule_id = $1;

-- name: due
-- Active schedules that are due, by the database's clock.
SELECT *, clock_timestamp() AS now FROM schedules
WHERE is_active AND next_fire_at <= clock_timestamp() ORDER BY next_fire_at LIMIT $1;

-- name: now
-- The database's clock.
SELECT clock_timestamp();

-- name: next_due_at
-- When the next schedule of any user fires after $1: those that cannot fire stay due, and must not hide it.
SELECT min(next_fire_at) FROM schedules WHERE is_active AND next_fire_at > $1;

-- name: fire
-- Advances a schedule from the time it was read with; nothing if another replica was first, or it has changed since.
UPDATE schedules SET next_fire_at = $3::timestamptz, last_fire_at = clock_timestamp(), is_active = $3 IS NOT NULL
WHERE schedule_id = $1 AND is_active AND next_fire_at = $2 AND revision = $4 RETURNING deliver_to;

-- name: fire_all
-- The same for many, each with its message. The condition is checked before the function is called: a connection that lost its
-- role does nothing.
SELECT * FROM fire_schedules($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
WHERE current_user = 'turngate_app';

-- name: run_now
-- Records a run outside its fire times.
UPDATE schedules SET last_fire_at = clock_timestamp() WHERE schedule_id = $1 RETURNING deliver_to;

-- name: places_left
-- Those of these routes that are still the user's, and remain so until the commit: unlinking an account deletes its routes.
SELECT route FROM routes WHERE user_id = $1 AND route = ANY ($2::text[]) ORDER BY route FOR KEY SHARE;

-- name: change
-- Replaces a schedule; nothing if it fired or was changed since it was read. A trigger counts its revisions.
UPDATE schedules SET
    name = $5, agent_name = $6, prompt = $7, trigger = $8, timezone = $9, deliver_to = $10, is_active = $11,
    next_fire_at = $12
WHERE schedule_id = $1 AND revision = $2 AND is_active = $3 AND next_fire_at IS NOT DISTINCT FROM $4::timestamptz
RETURNING *;

-- name: delete
-- Removes a schedule; the sessions of its runs stay.
DELETE FROM schedules WHERE schedule_id = $1 RETURNING true;

-- name: runs
-- A page of a schedule's runs, newest first: their sessions, and the turns that answer the prompt.
SELECT s.session_id, s.chat_id, s.created_at AS fired_at, m.client_id, t.turn_id, t.status, t.attempt, t.error, t.error_class,
    t.started_at, t.ended_at
FROM chat_sessions AS s
LEFT JOIN chat_messages AS m ON m.chat_id = s.chat_id AND m.seq = 1
LEFT JOIN turns AS t ON t.turn_id = m.turn_id
WHERE s.user_id = $1 AND s.route = $2 AND s.channel = 'scheduled'
    AND ($3::timestamptz IS NULL OR (s.created_at, s.chat_id) < ($3, $4::uuid))
ORDER BY s.created_at DESC, s.chat_id DESC LIMIT $5;
