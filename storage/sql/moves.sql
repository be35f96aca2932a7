-- name: lock_old_routes
-- Route before session, as everywhere, to avoid deadlocks.
SELECT user_id, route FROM routes WHERE starts_with(route, $1) ORDER BY user_id, route FOR UPDATE;

-- name: begin_new_routes
-- Empty rows where they are missing, so that nobody creates one in the meantime. None for users who are being erased, which would
-- be refused (`not_being_erased`) and keep everyone else's from being moved.
INSERT INTO routes (user_id, route)
SELECT m.user_id, m.route FROM unnest($1::text[], $2::text[]) AS m (user_id, route)
WHERE NOT EXISTS (
    SELECT FROM erasures AS e
    WHERE e.user_id = m.user_id AND (e.finished_at IS NULL OR e.finished_at > clock_timestamp() - interval '1 minute')
)
ORDER BY m.user_id, m.route
ON CONFLICT DO NOTHING;

-- name: lock_new_routes
-- In the same order.
SELECT r.user_id, r.route FROM unnest($1::text[], $2::text[]) AS m (user_id, route)
JOIN routes AS r ON r.user_id = m.user_id AND r.route = m.route
ORDER BY r.user_id, r.route FOR UPDATE OF r;

-- name: lock_sessions
-- The sessions of those routes, and those with a running turn that replies there.
SELECT chat_id FROM chat_sessions
WHERE chat_id IN (
    SELECT s.chat_id FROM unnest($1::text[], $2::text[]) AS m (user_id, route)
    JOIN chat_sessions AS s ON s.user_id = m.user_id AND s.route = m.route
    UNION
    SELECT t.chat_id FROM running_turns AS k JOIN turns AS t ON t.turn_id = k.turn_id
    WHERE EXISTS (SELECT FROM unnest(t.deliver_to) AS a WHERE starts_with(a, $3))
)
ORDER BY chat_id FOR UPDATE;

-- name: move_sessions
-- Their routes.
UPDATE chat_sessions AS s SET route = m.new_route
FROM unnest($1::text[], $2::text[], $3::text[]) AS m (user_id, old_route, new_route)
WHERE s.user_id = m.user_id AND s.route = m.old_route;

-- name: merge_routes
-- Where both routes have a current session, the one with the latest message stays current.
UPDATE routes AS n SET chat_id = (
    SELECT s.chat_id FROM chat_sessions AS s WHERE s.chat_id IN (o.chat_id, n.chat_id)
    ORDER BY coalesce(s.last_message_at, s.created_at) DESC LIMIT 1
)
FROM unnest($1::text[], $2::text[], $3::text[]) AS m (user_id, old_route, new_route)
JOIN routes AS o ON o.user_id = m.user_id AND o.route = m.old_route
WHERE n.user_id = m.user_id AND n.route = m.new_route;

-- name: end_old_routes
-- Removes the merged routes.
DELETE FROM routes AS o USING unnest($1::text[], $2::text[]) AS m (user_id, route)
WHERE o.user_id = m.user_id AND o.route = m.route;

-- name: move_turns
-- The addresses of open turns; each once.
UPDATE turns SET deliver_to = ARRAY(
    SELECT DISTINCT CASE WHEN starts_with(a, $1) THEN $2 || substr(a, length($1::text) + 1) ELSE a END
    FROM unnest(deliver_to) AS a
)
WHERE chat_id = ANY ($3::uuid[]) AND status IN ('queued', 'running', 'waiting')
    AND EXISTS (SELECT FROM unnest(deliver_to) AS a WHERE starts_with(a, $1));

-- name: move_outbox
-- Unsent chunks; one whose duplicate already waits at the new address stays as it is.
WITH waiting AS MATERIALIZED (
    SELECT item_id FROM outbox WHERE state = 'unsent' AND starts_with(address, $1) ORDER BY item_id FOR UPDATE
)
UPDATE outbox AS o SET address = $2 || substr(o.address, length($1::text) + 1) FROM waiting AS w
WHERE o.item_id = w.item_id AND NOT EXISTS (
    SELECT FROM outbox AS d
    WHERE d.chat_id = o.chat_id AND d.turn_id = o.turn_id AND d.chunk = o.chunk
        AND d.address = $2 || substr(o.address, length($1::text) + 1)
);

-- name: move_schedules
-- The addresses of schedules; each once.
UPDATE schedules SET deliver_to = ARRAY(
    SELECT DISTINCT CASE WHEN starts_with(a, $1) THEN $2 || substr(a, length($1::text) + 1) ELSE a END
    FROM unnest(deliver_to) AS a
)
WHERE EXISTS (SELECT FROM unnest(deliver_to) AS a WHERE starts_with(a, $1));
