-- name: session_ids
-- A user's sessions, the oldest first.
SELECT session_id FROM chat_sessions WHERE user_id = $1 ORDER BY created_at, chat_id;

-- name: kept
-- A session's state and the keys that clients know it by.
SELECT
    to_jsonb(t) - '{chat_id,user_id,snapshot_count,dirty_since}'::text[] AS state,
    ARRAY(SELECT k.external_key FROM external_keys AS k WHERE k.chat_id = s.chat_id ORDER BY k.external_key) AS external_keys
FROM chat_sessions AS s LEFT JOIN session_states AS t ON t.chat_id = s.chat_id
WHERE s.session_id = $1;

-- name: hidden
-- Messages that were deleted or hidden.
SELECT m.seq AS major, 0 AS minor, to_jsonb(m) - '{chat_id,user_id,turn_seq,client_id,routed}'::text[] AS row
FROM chat_sessions AS s JOIN chat_messages AS m ON m.chat_id = s.chat_id
WHERE s.session_id = $1 AND m.seq > $2::bigint AND $3::bigint IS NOT NULL AND m.deleted_at IS NOT NULL
ORDER BY m.seq LIMIT 100;

-- name: versions
-- Earlier versions of messages.
SELECT v.seq AS major, v.version AS minor, to_jsonb(v) - '{chat_id,user_id}'::text[] AS row
FROM chat_sessions AS s JOIN message_versions AS v ON v.chat_id = s.chat_id
WHERE s.session_id = $1 AND (v.seq, v.version) > ($2::bigint, $3::bigint)
ORDER BY v.seq, v.version LIMIT 100;

-- name: snapshots
-- Snapshots, few at a time: each may be large.
SELECT n.number AS major, 0 AS minor, to_jsonb(n) - '{chat_id,user_id,last_seq,hidden,agent_session}'::text[] AS row
FROM chat_sessions AS s JOIN snapshots AS n ON n.chat_id = s.chat_id
WHERE s.session_id = $1 AND n.number > $2::bigint AND $3::bigint IS NOT NULL
ORDER BY n.number LIMIT 5;

-- name: deliveries
-- Chunks of replies, sent or unsent.
SELECT o.item_id AS major, 0 AS minor, to_jsonb(o) - '{chat_id,user_id,owner}'::text[] AS row
FROM chat_sessions AS s JOIN outbox AS o ON o.chat_id = s.chat_id
WHERE s.session_id = $1 AND o.item_id > $2::bigint AND $3::bigint IS NOT NULL
ORDER BY o.item_id LIMIT 100;

-- name: agent_data
-- What agents keep for their frameworks, one at a time: each may be large.
SELECT a.major, 0 AS minor, a.row
FROM (
    SELECT row_number() OVER (ORDER BY d.agent_name, d.name, d.seq) AS major, to_jsonb(d) - '{chat_id,user_id,epoch}'::text[] AS row
    FROM chat_sessions AS s JOIN agent_data AS d ON d.chat_id = s.chat_id
    WHERE s.session_id = $1
) AS a
WHERE a.major > $2::bigint AND $3::bigint IS NOT NULL
ORDER BY a.major LIMIT 1;

-- name: approvals
-- Questions of agents, and their answers.
SELECT a.seq AS major, 0 AS minor, to_jsonb(a) - '{chat_id,user_id,answer_key,resume}'::text[] AS row
FROM chat_sessions AS s JOIN approvals AS a ON a.chat_id = s.chat_id
WHERE s.session_id = $1 AND a.seq > $2::bigint AND $3::bigint IS NOT NULL
ORDER BY a.seq LIMIT 100;

-- name: routes
-- A user's routes, and the current session of each.
SELECT to_jsonb(r) - '{user_id}'::text[] AS row FROM routes AS r WHERE r.user_id = $1 ORDER BY r.route;

-- name: links
-- A user's linked accounts.
SELECT to_jsonb(l) - '{user_id}'::text[] AS row FROM links AS l WHERE l.user_id = $1 ORDER BY l.created_at, l.link_id;

-- name: usage
-- What a user has used, by day and session.
SELECT jsonb_build_object(
    'day', u.day, 'session_id', u.chat_id, 'agent_name', u.agent_name, 'channel', u.channel, 'model', u.model,
    'turns', sum(u.turns), 'input_tokens', sum(u.input_tokens), 'output_tokens', sum(u.output_tokens), 'cost', sum(u.cost)
) AS row
FROM usage_of_turns AS u WHERE u.user_id = $1
GROUP BY u.day, u.chat_id, u.agent_name, u.channel, u.model
ORDER BY u.day, u.chat_id, u.agent_name, u.channel, u.model;

-- name: identified_visitors
-- The visitors identified as a user.
SELECT to_jsonb(v) - '{user_id}'::text[] AS row FROM identified_visitors AS v WHERE v.user_id = $1 ORDER BY v.visitor_id;
