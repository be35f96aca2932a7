-- name: point
-- Makes a session the current one of a route.
INSERT INTO routes (user_id, route, chat_id)
SELECT s.user_id, $2, s.chat_id FROM chat_sessions AS s WHERE s.session_id = $3 AND s.user_id = $1
ON CONFLICT (user_id, route) DO UPDATE SET chat_id = excluded.chat_id RETURNING chat_id;

-- name: take_up
-- Reopens the session and records activity in it.
UPDATE chat_sessions AS s SET
    is_active = true, ended_at = NULL, last_message_at = greatest(s.last_message_at, now.at),
    listed_at = second_of(greatest(s.last_message_at, now.at)),
    updated_at = greatest(s.updated_at, now.at)
FROM (SELECT clock_timestamp() AS at) AS now WHERE s.chat_id = $1
RETURNING s.*, EXISTS (SELECT FROM running_turns AS k WHERE k.user_id = s.user_id AND k.chat_id = s.chat_id) AS running;

-- name: choose
-- The next message on the route starts a new session with this agent.
INSERT INTO routes (user_id, route, agent_name) VALUES ($1, $2, $3)
ON CONFLICT (user_id, route) DO UPDATE SET agent_name = excluded.agent_name, chat_id = NULL;

-- name: agent_at
-- Who answers next there: the agent of the session that the resume rule continues, otherwise the chosen one.
SELECT coalesce(s.agent_name, ro.agent_name) FROM routes AS ro
LEFT JOIN chat_sessions AS s ON s.chat_id = ro.chat_id AND session_resumes(
    s.is_active, coalesce(s.last_message_at, s.created_at),
    EXISTS (SELECT FROM running_turns AS k WHERE k.user_id = s.user_id AND k.chat_id = s.chat_id), clock_timestamp(), $3
)
WHERE ro.user_id = $1 AND ro.route = $2;

-- name: note_list
-- Records the order in which sessions were listed there.
INSERT INTO routes (user_id, route, listed) VALUES ($1, $2, $3)
ON CONFLICT (user_id, route) DO UPDATE SET listed = excluded.listed;

-- name: listed
-- The sessions as last listed there.
SELECT listed FROM routes WHERE user_id = $1 AND route = $2;
