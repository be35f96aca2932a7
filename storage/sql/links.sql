-- name: user_of
-- The user that a network account is linked to.
SELECT user_id FROM links WHERE channel = $1 AND external_id = $2;

-- name: forget_codes
-- Removes expired codes.
DELETE FROM link_codes WHERE expires_at < clock_timestamp();

-- name: add_code
-- Stores a one-time code by its digest.
INSERT INTO link_codes (digest, user_id, channel, external_id, display_name, expires_at)
VALUES ($1, $2, $3, $4, $5, clock_timestamp() + $6) RETURNING expires_at;

-- name: take_code
-- Uses up a user's code for a person on that network.
DELETE FROM link_codes WHERE digest = $1 AND channel = $2 AND external_id IS NULL AND expires_at > clock_timestamp()
RETURNING user_id;

-- name: take_persons_code
-- Uses up a person's own code.
DELETE FROM link_codes WHERE digest = $1 AND external_id IS NOT NULL AND expires_at > clock_timestamp()
RETURNING channel, external_id, display_name;

-- name: void_code
-- Voids a code that others have seen.
DELETE FROM link_codes WHERE digest = $1;

-- name: add
-- Creates a link, unless the person has one.
INSERT INTO links (user_id, channel, external_id, display_name) VALUES ($1, $2, $3, $4)
ON CONFLICT (channel, external_id) DO NOTHING RETURNING *;

-- name: of_person
-- The link of a person.
SELECT * FROM links WHERE channel = $1 AND external_id = $2;

-- name: list
-- Links of a user, or of all users.
SELECT * FROM links WHERE ($1::text IS NULL OR user_id = $1) ORDER BY created_at, link_id;

-- name: delete
-- Ends a link: waits for messages being accepted by it, and later messages find none.
DELETE FROM links WHERE link_id = $1 RETURNING *;

-- name: delete_person
-- Ends a person's own link.
DELETE FROM links WHERE channel = $1 AND external_id = $2 RETURNING *;

-- name: leave_schedules
-- The user's schedules no longer reply to that person ($3: also the id of their private chat). Before routes and sessions: a
-- firing schedule locks its row first.
UPDATE schedules SET deliver_to = ARRAY(
    SELECT a FROM unnest(deliver_to) AS a WHERE NOT (split_part(a, ':', 1) = $2 AND split_part(a, ':', 3) = $3)
)
WHERE user_id = $1
    AND EXISTS (SELECT FROM unnest(deliver_to) AS a WHERE split_part(a, ':', 1) = $2 AND split_part(a, ':', 3) = $3);

-- name: leave_routes
-- The private chat is no longer a route of the user.
DELETE FROM routes WHERE user_id = $1 AND split_part(route, ':', 1) = $2 AND split_part(route, ':', 3) = $3;

-- name: lock_sessions
-- All sessions that may reply to that chat: those of its routes, those with open turns, and those with unsent chunks.
SELECT chat_id FROM chat_sessions
WHERE chat_id IN (
    SELECT chat_id FROM chat_sessions WHERE user_id = $1 AND channel = $2 AND split_part(route, ':', 3) = $3
    UNION
    SELECT chat_id FROM running_turns WHERE user_id = $1
    UNION
    SELECT chat_id FROM outbox
    WHERE user_id = $1 AND state = 'unsent' AND split_part(address, ':', 1) = $2 AND split_part(address, ':', 3) = $3
)
ORDER BY chat_id FOR UPDATE;

-- name: leave_sessions
-- The user's conversations no longer reply to that chat.
UPDATE chat_sessions SET route = NULL
WHERE user_id = $1 AND channel = $2 AND split_part(route, ':', 3) = $3;

-- name: leave_turns
-- Nor do open turns.
UPDATE turns SET deliver_to = ARRAY(
    SELECT a FROM unnest(deliver_to) AS a WHERE NOT (split_part(a, ':', 1) = $2 AND split_part(a, ':', 3) = $3)
)
WHERE user_id = $1 AND chat_id = ANY ($4::uuid[]) AND status IN ('queued', 'running', 'waiting')
    AND EXISTS (SELECT FROM unnest(deliver_to) AS a WHERE split_part(a, ':', 1) = $2 AND split_part(a, ':', 3) = $3);

-- name: leave_outbox
-- Nor are waiting chunks sent there.
UPDATE outbox SET state = 'dead', error = 'the account was unlinked', settled_at = clock_timestamp()
WHERE user_id = $1 AND state = 'unsent' AND split_part(address, ':', 1) = $2 AND split_part(address, ':', 3) = $3;

-- name: sessions_of
-- How many sessions a user has.
SELECT count(*) FROM chat_sessions WHERE user_id = $1;
