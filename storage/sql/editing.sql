-- name: rewrite
-- Replaces the text of a message; null deletes it.
SELECT * FROM rewrite_message($1, $2, $3, $4);

-- name: answer_again
-- Opens a new turn in place of an old one.
SELECT * FROM answer_again($1, $2, $3, $4, $5, $6, $7);

-- name: fork
-- Creates a session with the history up to a message.
SELECT f.*, p.agent_session AS parents_agent_session
FROM fork_session($1, $2, $3, $4, $5, $6) AS f JOIN chat_sessions AS p ON p.session_id = f.parent_session_id;

-- name: message
-- A row of the transcript, deleted or not.
SELECT m.* FROM chat_sessions AS s JOIN chat_messages AS m ON m.chat_id = s.chat_id
WHERE s.session_id = $1 AND m.seq = $2;

-- name: versions
-- The earlier versions of a message.
SELECT v.* FROM chat_sessions AS s JOIN message_versions AS v ON v.chat_id = s.chat_id
WHERE s.session_id = $1 AND v.seq = $2 ORDER BY v.version;

-- name: remember_agent_session
-- Sets the framework's id of this conversation.
UPDATE chat_sessions AS s SET agent_session = $2::text, former_agent_sessions = agent_sessions_before(s, $2)
WHERE session_id = $1;

-- name: lock_forks
-- Locks a session and its forks, in the common order for locking more than one session.
SELECT chat_id FROM chat_sessions
WHERE chat_id IN (
    SELECT chat_id FROM chat_sessions WHERE session_id = $1
    UNION
    SELECT chat_id FROM chat_sessions WHERE parent_session_id = $1
)
ORDER BY chat_id FOR UPDATE;

-- name: let_go_of_forks
-- Makes forks of a removed session forks of its parent.
UPDATE chat_sessions AS f SET parent_session_id = p.parent_session_id
FROM chat_sessions AS p WHERE p.session_id = $1 AND f.parent_session_id = p.session_id;

-- name: copy_state
-- Gives a fork the state at its last message ($3; null: the end), as far as that is known: the current state if it has not
-- changed since that message was followed by another, otherwise the newest snapshot from before.
INSERT INTO session_states (chat_id, user_id, version, blackboard, scratchpad, attributes, size_bytes, changed_at, dirty_since)
SELECT $2, known.user_id, 1, blackboard, scratchpad, attributes, size_bytes, clock_timestamp(), clock_timestamp()
FROM (
    SELECT 1 AS preference, st.user_id, st.blackboard, st.scratchpad, st.attributes, st.size_bytes
    FROM chat_sessions AS s JOIN session_states AS st ON st.chat_id = s.chat_id
    WHERE s.session_id = $1 AND st.version > 0 AND ($3::bigint IS NULL OR st.changed_at <= (
        SELECT m.created_at FROM chat_messages AS m WHERE m.chat_id = s.chat_id AND m.seq > $3 ORDER BY m.seq LIMIT 1
    ) OR $3 >= s.last_seq)
    UNION ALL
    SELECT 2, n.* FROM chat_sessions AS s CROSS JOIN LATERAL (
        SELECT sn.user_id, sn.blackboard, sn.scratchpad, sn.attributes, sn.size_bytes FROM snapshots AS sn
        WHERE sn.chat_id = s.chat_id AND sn.last_seq <= $3 ORDER BY sn.number DESC LIMIT 1
    ) AS n
    WHERE s.session_id = $1
) AS known
ORDER BY preference LIMIT 1;
