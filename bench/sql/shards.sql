-- name: keys
-- Unique keys of tables that hold neither user nor session: what a split has to decide about.
SELECT c.relname || '.' || i.relname FROM pg_index AS x
JOIN pg_class AS c ON c.oid = x.indrelid JOIN pg_class AS i ON i.oid = x.indexrelid
WHERE x.indisunique AND c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace AND c.relname NOT LIKE '%pogo%'
    AND NOT EXISTS (
        SELECT FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attnum = ANY (x.indkey)
            AND a.attname IN ('chat_id', 'session_id', 'user_id')
    )
ORDER BY 1;

-- name: users
-- Everybody who has rows here.
SELECT DISTINCT user_id FROM chat_sessions UNION SELECT DISTINCT user_id FROM chat_messages
UNION SELECT DISTINCT user_id FROM turns UNION SELECT DISTINCT user_id FROM routes;

-- name: split
-- The transcript once more, by the month in which a session began: the key's time-ordered ids are the only thing needed.
CREATE TABLE split_messages (LIKE chat_messages INCLUDING DEFAULTS INCLUDING CONSTRAINTS) PARTITION BY RANGE (chat_id);
ALTER TABLE split_messages ADD PRIMARY KEY (chat_id, seq);
CREATE UNIQUE INDEX ON split_messages (user_id, client_id, chat_id) WHERE client_id IS NOT NULL;

-- name: partition
-- The statement that makes a month's partition, from the first id of that month to the first of the next.
SELECT format(
    'CREATE TABLE split_messages_%s PARTITION OF split_messages FOR VALUES FROM (%L) TO (%L)',
    to_char($1::timestamptz, 'YYYY_MM'), pg_temp.id_at($1), pg_temp.id_at($1 + interval '1 month')
);

-- name: id_at
-- The smallest uuidv7 of a moment (RFC 9562, section 5.7: 48 bits of milliseconds come first).
CREATE FUNCTION pg_temp.id_at(at timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE
AS $$ SELECT (lpad(to_hex(floor(extract(epoch FROM at) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid $$;

-- name: fill
-- Sessions that began at a moment, with so many messages each.
INSERT INTO split_messages (chat_id, seq, user_id, role, content, channel, turn_seq)
SELECT s.chat_id, n, 'mia', 'user', repeat('word ', 20), 'web', n
FROM (SELECT uuidv7(m.at - clock_timestamp()) AS chat_id FROM (SELECT $1::timestamptz + n * interval '1 minute' AS at FROM generate_series(1, $2::int) AS n) AS m) AS s,
    generate_series(1, $3::int) AS n;

-- name: some
-- A session of a month.
SELECT chat_id FROM split_messages WHERE chat_id >= pg_temp.id_at($1) ORDER BY chat_id LIMIT 1;
