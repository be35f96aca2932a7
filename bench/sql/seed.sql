-- $2 users of group $1, each with a token, and with a session of $3 messages (an even number) if that is not 0. Their words count as
-- entered: a gateway that entered a hundred thousand of them meanwhile would be measured with that.
WITH people AS (
    SELECT $1::text || '-' || n AS user_id FROM generate_series(1, $2::int) AS n
), tokens AS (
    INSERT INTO api_tokens (user_id, digest, role)
    SELECT user_id, sha256(convert_to('tg_' || user_id, 'UTF8')), 'user' FROM people
), sessions AS (
    INSERT INTO chat_sessions (user_id, channel, agent_name, title, route, last_seq, message_count, last_message_at)
    SELECT user_id, 'web', $4, 'Seeded', $5, $3, $3, now() FROM people WHERE $3::bigint > 0
    RETURNING chat_id, user_id
), places AS (
    INSERT INTO routes (user_id, route, chat_id) SELECT user_id, $5::text, chat_id FROM sessions
), indexed AS (
    INSERT INTO indexed_sessions (chat_id, user_id, seq) SELECT chat_id, user_id, $3 FROM sessions
), done AS (
    INSERT INTO turns (
        chat_id, seq, user_id, agent_name, channel, status, attempt, epoch, owner, time_limit, history_turns, reply_seq,
        started_at, ended_at
    )
    SELECT
        chat_id, n, user_id, $4::text, 'web', 'completed', 1, 1, gen_random_uuid(), interval '5 minutes', 20, n + 1,
        now(), now()
    FROM sessions, generate_series(1, $3::bigint, 2) AS n
    RETURNING turn_id, chat_id, user_id, seq
)
INSERT INTO chat_messages (chat_id, seq, user_id, role, content, channel, turn_id, turn_seq, client_id, routed)
SELECT
    chat_id, seq + side, user_id, CASE side WHEN 0 THEN 'user' ELSE 'assistant' END,
    CASE side WHEN 0 THEN $6::text ELSE $7::text END, 'web', turn_id, seq,
    CASE side WHEN 0 THEN 'seed-' || seq END, side = 0
FROM done, generate_series(0, 1) AS side;
