-- name: list
-- A page of sessions, latest activity first, after a position in the list; null filters nothing. A first check of metadata spares
-- most rows the slower one. Stateless calls are included if their mark is requested. `listed_at` is the second of the activity: it
-- has the same order, and bounds it. The sessions that are not in their places in the index yet come from `recent_activity`. (This is
-- not the function `newest_sessions`, which the planner would have to expand each time.)
SELECT s.*, EXISTS (SELECT FROM running_turns AS k WHERE k.user_id = s.user_id AND k.chat_id = s.chat_id) AS running
FROM (
    (
        SELECT l.* FROM chat_sessions AS l
        WHERE l.listed_at >= date_bin('1 second', coalesce(l.last_message_at, l.created_at), 'epoch')
            AND ($1::text IS NULL OR l.user_id = $1)
            AND ($2::text IS NULL OR l.channel = $2)
            AND ($3::text IS NULL OR l.agent_name = $3)
            AND ($4::boolean IS NULL OR l.is_active = $4)
            AND ($5::text[] IS NULL OR (l.metadata ->> $5[1] = ($6::text[])[1] AND session_has(l.metadata, $5, $6)))
            AND ('stateless' = ANY ($5) OR l.metadata ->> 'stateless' IS DISTINCT FROM 'true')
            AND l.listed_at <= coalesce($7::timestamptz, 'infinity')
            AND ($7 IS NULL OR (coalesce(l.last_message_at, l.created_at), l.chat_id) < ($7, $8::uuid))
        ORDER BY l.listed_at DESC, coalesce(l.last_message_at, l.created_at) DESC, l.chat_id DESC
        LIMIT $9::bigint + $10::bigint
    )
    UNION ALL
    SELECT u.* FROM recent_activity AS a
    CROSS JOIN LATERAL (SELECT * FROM chat_sessions AS c WHERE c.chat_id = a.chat_id AND c.user_id = a.user_id OFFSET 0) AS u
    WHERE u.listed_at < date_bin('1 second', coalesce(u.last_message_at, u.created_at), 'epoch')
        AND ($1 IS NULL OR a.user_id = $1)
        AND ($2 IS NULL OR u.channel = $2)
        AND ($3 IS NULL OR u.agent_name = $3)
        AND ($4 IS NULL OR u.is_active = $4)
        AND ($5 IS NULL OR session_has(u.metadata, $5, $6))
        AND ('stateless' = ANY ($5) OR u.metadata ->> 'stateless' IS DISTINCT FROM 'true')
        AND ($7 IS NULL OR (coalesce(u.last_message_at, u.created_at), u.chat_id) < ($7, $8))
) AS s
ORDER BY coalesce(s.last_message_at, s.created_at) DESC, s.chat_id DESC
LIMIT $9 OFFSET $10;

-- name: labelled
-- The sessions of all users whose metadata has these values; null if there are more than $3.
SELECT labelled_sessions(NULL, $1, $2, $3);

-- name: labelled_own
-- The same for the transaction's user.
SELECT own_labelled_sessions($1, $2, $3);

-- name: list_among
-- A page of the list, among sessions that `labelled` or `labelled_own` found.
SELECT s.*, EXISTS (SELECT FROM running_turns AS k WHERE k.user_id = s.user_id AND k.chat_id = s.chat_id) AS running
FROM chat_sessions AS s
WHERE chat_id = ANY ($1::uuid[])
    AND ($2::text IS NULL OR channel = $2)
    AND ($3::text IS NULL OR agent_name = $3)
    AND ($4::boolean IS NULL OR is_active = $4)
    AND ($5 OR metadata ->> 'stateless' IS DISTINCT FROM 'true')
    AND ($6::timestamptz IS NULL OR (coalesce(last_message_at, created_at), chat_id) < ($6, $7::uuid))
ORDER BY coalesce(last_message_at, created_at) DESC, chat_id DESC
LIMIT $8 OFFSET $9;

-- name: count_among
-- How many sessions that whole list has.
SELECT count(*) FROM chat_sessions
WHERE chat_id = ANY ($1::uuid[])
    AND ($2::text IS NULL OR channel = $2)
    AND ($3::text IS NULL OR agent_name = $3)
    AND ($4::boolean IS NULL OR is_active = $4)
    AND ($5 OR metadata ->> 'stateless' IS DISTINCT FROM 'true');

-- name: count
-- How many sessions a user's whole list has, without stateless calls unless their mark is requested: from indexes alone, as long
-- as no agent, activity or metadata filters it.
SELECT (
    SELECT count(*) FROM chat_sessions
    WHERE ($1::text IS NULL OR user_id = $1)
        AND ($2::text IS NULL OR channel = $2)
        AND ($3::text IS NULL OR agent_name = $3)
        AND ($4::boolean IS NULL OR is_active = $4)
        AND ($5::text[] IS NULL OR (metadata ->> $5[1] = ($6::text[])[1] AND session_has(metadata, $5, $6)))
) - (
    SELECT count(*) FROM chat_sessions
    WHERE metadata ->> 'stateless' = 'true' AND NOT coalesce('stateless' = ANY ($5), false)
        AND ($1::text IS NULL OR user_id = $1)
        AND ($2::text IS NULL OR channel = $2)
        AND ($3::text IS NULL OR agent_name = $3)
        AND ($4::boolean IS NULL OR is_active = $4)
        AND ($5::text[] IS NULL OR (metadata ->> $5[1] = ($6::text[])[1] AND session_has(metadata, $5, $6)))
);

-- name: count_newest
-- The same for all users' sessions, among those with the latest activity ($7 of them), and whether there are no others: the cost
-- of counting is bounded, however few match.
SELECT count(*) FILTER (WHERE fits) AS total, count(*) <= $7 AS is_exact
FROM (
    SELECT place <= $7
        AND ($1::text IS NULL OR user_id = $1)
        AND ($2::text IS NULL OR channel = $2)
        AND ($3::text IS NULL OR agent_name = $3)
        AND ($4::boolean IS NULL OR is_active = $4)
        AND ($5::text[] IS NULL OR (metadata ->> $5[1] = ($6::text[])[1] AND session_has(metadata, $5, $6)))
        AND ('stateless' = ANY ($5) OR metadata ->> 'stateless' IS DISTINCT FROM 'true') AS fits
    FROM (
        SELECT *, row_number() OVER (ORDER BY at DESC, chat_id DESC) AS place FROM (
            (
                SELECT l.chat_id, l.user_id, l.channel, l.agent_name, l.is_active, l.metadata,
                    coalesce(l.last_message_at, l.created_at) AS at
                FROM chat_sessions AS l
                WHERE l.listed_at >= date_bin('1 second', coalesce(l.last_message_at, l.created_at), 'epoch')
                ORDER BY l.listed_at DESC LIMIT $7 + 1
            )
            UNION ALL
            SELECT u.chat_id, u.user_id, u.channel, u.agent_name, u.is_active, u.metadata, u.at FROM unlisted_sessions AS u
        ) AS either
        ORDER BY at DESC, chat_id DESC LIMIT $7 + 1
    ) AS newest
) AS seen;

-- name: get
-- One session.
SELECT s.*, EXISTS (SELECT FROM running_turns AS k WHERE k.user_id = s.user_id AND k.chat_id = s.chat_id) AS running
FROM chat_sessions AS s WHERE session_id = $1;

-- name: current
-- The current session of a route, and whether the resume rule continues it.
SELECT s.*, r.running,
    session_resumes(s.is_active, coalesce(s.last_message_at, s.created_at), r.running, clock_timestamp(), $3) AS resumes
FROM routes AS ro
JOIN chat_sessions AS s ON s.chat_id = ro.chat_id
CROSS JOIN LATERAL (
    SELECT EXISTS (SELECT FROM running_turns AS k WHERE k.user_id = s.user_id AND k.chat_id = s.chat_id) AS running
) AS r
WHERE ro.user_id = $1 AND ro.route = $2;

-- name: latest
-- The latest session of a user and an agent that the resume rule continues. Only the rule decides; it is applied to the sessions
-- that it could accept, those within the window and those with a running turn. Sessions that are not in their place in the index
-- yet are all among the latter.
WITH recent AS (
    SELECT s.chat_id, coalesce(s.last_message_at, s.created_at) AS at FROM chat_sessions AS s
    WHERE s.user_id = $1 AND s.agent_name = $2 AND s.metadata ->> 'stateless' IS DISTINCT FROM 'true'
        AND s.listed_at > now() - $3::interval - interval '1 second'
        AND session_resumes(s.is_active, coalesce(s.last_message_at, s.created_at), false, clock_timestamp(), $3)
    ORDER BY s.listed_at DESC, coalesce(s.last_message_at, s.created_at) DESC, s.chat_id DESC LIMIT 1
), lately AS (
    SELECT s.chat_id, coalesce(s.last_message_at, s.created_at) AS at
    FROM recent_activity AS a
    -- In this order: few sessions are there, while a user may have very many in all.
    CROSS JOIN LATERAL (SELECT * FROM chat_sessions AS c WHERE c.chat_id = a.chat_id OFFSET 0) AS s
    WHERE a.user_id = $1 AND s.user_id = $1 AND s.agent_name = $2
        AND s.metadata ->> 'stateless' IS DISTINCT FROM 'true'
        AND session_resumes(s.is_active, coalesce(s.last_message_at, s.created_at), a.turn_id IS NOT NULL, clock_timestamp(), $3)
)
SELECT s.*, EXISTS (SELECT FROM running_turns AS k WHERE k.user_id = s.user_id AND k.chat_id = s.chat_id) AS running
FROM (SELECT * FROM recent UNION ALL SELECT * FROM lately) AS either JOIN chat_sessions AS s ON s.chat_id = either.chat_id
ORDER BY either.at DESC, either.chat_id DESC LIMIT 1;

-- name: create
-- Creates a session before any message.
INSERT INTO chat_sessions (user_id, channel, agent_name, route, title, title_is_users, metadata)
VALUES ($1, $2, $3, $4, $5::text, $5::text IS NOT NULL, $6) RETURNING *, false AS running;

-- name: point
-- Makes a session the current one of its route.
INSERT INTO routes (user_id, route, chat_id) VALUES ($1, $2, $3)
ON CONFLICT (user_id, route) DO UPDATE SET chat_id = excluded.chat_id;

-- name: hold
-- Waits for whoever changes the session, such as a turn that begins or ends. A statement of its own, so that the next one sees what
-- was committed meanwhile.
SELECT FROM chat_sessions WHERE session_id = $1 FOR UPDATE;

-- name: rename
-- Sets the user's own title.
UPDATE chat_sessions AS s SET
    title = $2, title_is_users = true, updated_at = greatest(s.updated_at + interval '1 microsecond', clock_timestamp())
WHERE session_id = $1 RETURNING *, EXISTS (SELECT FROM running_turns AS k WHERE k.user_id = s.user_id AND k.chat_id = s.chat_id) AS running;

-- name: set_active
-- Ends or reopens a session.
UPDATE chat_sessions AS s SET
    is_active = $2,
    ended_at = CASE WHEN NOT $2 THEN greatest(s.updated_at, clock_timestamp()) END,
    updated_at = greatest(s.updated_at + interval '1 microsecond', clock_timestamp())
WHERE session_id = $1 RETURNING *, EXISTS (SELECT FROM running_turns AS k WHERE k.user_id = s.user_id AND k.chat_id = s.chat_id) AS running;

-- name: leave
-- Ends the current session: the next message on the route starts a new one.
UPDATE routes SET chat_id = NULL WHERE user_id = $1 AND (route = $2 OR chat_id = $3);

-- name: lock_routes
-- Route before session, as everywhere, to avoid deadlocks.
SELECT ro.route FROM chat_sessions AS s JOIN routes AS ro ON ro.chat_id = s.chat_id WHERE s.session_id = $1 FOR UPDATE OF ro;

-- name: delete
-- Removes a session with everything in it.
DELETE FROM chat_sessions WHERE session_id = $1 RETURNING *;

-- name: open_turns
-- Queued and running turns of a session, oldest first; one that answers an old message again may be far back.
SELECT turn_id, status, attempt FROM (
    SELECT t.turn_id, t.status, t.attempt, t.seq
    FROM chat_sessions AS s
    JOIN running_turns AS k ON k.user_id = s.user_id AND k.chat_id = s.chat_id
    JOIN turns AS t ON t.turn_id = k.turn_id
    WHERE s.session_id = $1
    UNION ALL
    SELECT t.turn_id, t.status, t.attempt, t.seq FROM chat_sessions AS s JOIN turns AS t ON t.chat_id = s.chat_id
    WHERE s.session_id = $1 AND t.status = 'queued' AND t.seq > s.last_seq - 10000
) AS open ORDER BY seq;

-- name: page
-- A page of the transcript, newest first, before a `seq`.
SELECT * FROM chat_messages WHERE chat_id = $1 AND seq < $2 ORDER BY seq DESC LIMIT $3;

-- name: after
-- The transcript after a `seq`.
SELECT m.* FROM chat_sessions AS s JOIN chat_messages AS m ON m.chat_id = s.chat_id
WHERE s.session_id = $1 AND m.seq > $2 ORDER BY m.seq LIMIT $3;

-- name: after_recalled
-- The same for a client that may have missed changes to earlier rows.
(SELECT m.* FROM chat_sessions AS s JOIN chat_messages AS m ON m.chat_id = s.chat_id
WHERE s.session_id = $1 AND m.seq <= $2 AND m.seq > $2 - 400
    AND (m.deleted_at IS NOT NULL OR m.changed_at IS NOT NULL))
UNION ALL
(SELECT m.* FROM chat_sessions AS s JOIN chat_messages AS m ON m.chat_id = s.chat_id
WHERE s.session_id = $1 AND m.seq > $2 ORDER BY m.seq LIMIT $3)
ORDER BY seq;

-- name: taken
-- Whether a user's message with that key exists: in the named session, otherwise where `accept_message` looks for it.
SELECT EXISTS (
    SELECT FROM chat_messages AS m
    WHERE m.user_id = $1 AND m.client_id = $2 AND CASE
        WHEN $3::text IS NULL THEN
            m.routed OR m.chat_id = (SELECT ro.chat_id FROM routes AS ro WHERE ro.user_id = $1 AND ro.route = $4)
        ELSE m.chat_id = (SELECT s.chat_id FROM chat_sessions AS s WHERE s.session_id = $3)
    END
);

-- name: outcome
-- The outcome of a turn that has ended; without a message while it is open.
SELECT m.*, t.status AS turn_status, t.usage, t.error_class
FROM turns AS t LEFT JOIN chat_messages AS m ON m.chat_id = t.chat_id AND m.seq = t.reply_seq
WHERE t.turn_id = $1;
