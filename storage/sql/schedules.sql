-- name: create
-- A new schedule.
INSERT INTO schedules (user_id, name, agent_name, prompt, trigger, timezone, deliver_to, is_active, next_fire_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING *;

-- name: list
-- Schedules of a user, or everybody's.
SELECT * FROM schedules WHERE ($1::text IS NULL OR user_id = $1) ORDER BY created_at, schedule_id;

-- name: get
-- One schedule.
SELECT * FROM schedules WHERE schedule_id = $1;

-- name: due
-- Active schedules whose time has come, by the database's clock.
SELECT *, clock_timestamp() AS now FROM schedules
WHERE is_active AND next_fire_at <= clock_timestamp() ORDER BY next_fire_at LIMIT $1;

-- name: now
-- The database's clock.
SELECT clock_timestamp();

-- name: next_due_at
-- When anybody's next schedule fires.
SELECT min(next_fire_at) FROM schedules WHERE is_active;

-- name: fire
-- Moves a schedule on from the time it was read with; nothing when another replica was first.
UPDATE schedules SET next_fire_at = $3::timestamptz, last_fire_at = clock_timestamp(), is_active = $3 IS NOT NULL
WHERE schedule_id = $1 AND is_active AND next_fire_at = $2 RETURNING true;

-- name: run_now
-- Notes a run outside its times.
UPDATE schedules SET last_fire_at = clock_timestamp() WHERE schedule_id = $1 RETURNING true;

-- name: set_active
-- Pauses a schedule, or resumes it at its next time.
UPDATE schedules SET is_active = $2, next_fire_at = $3::timestamptz WHERE schedule_id = $1 RETURNING *;

-- name: delete
-- Ends a schedule for good; the sessions of its runs stay.
DELETE FROM schedules WHERE schedule_id = $1 RETURNING true;
