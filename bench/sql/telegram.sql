-- name: answered
-- How many replies there are.
SELECT count(*) FROM chat_messages WHERE role = 'assistant';

-- name: took
-- Seconds from the first message to the last reply.
SELECT extract(epoch FROM max(created_at) - min(created_at))::float8 FROM chat_messages;
