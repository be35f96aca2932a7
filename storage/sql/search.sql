-- name: find
-- A page of the sessions that match, best first, each with its best matches (seq 0: its title), and the total numbers of sessions
-- and matches.
WITH best AS (
    SELECT chat_id, max(rank) AS rank, (array_agg(seq ORDER BY rank DESC, seq DESC))[:3] AS places, count(*) AS matches
    FROM search_matches($1, $2, $4, $5, $6, $7, $8) GROUP BY chat_id
), narrowed AS (
    SELECT s, best.rank, best.places, coalesce(s.last_message_at, s.created_at) AS at
    FROM best JOIN chat_sessions AS s ON s.chat_id = best.chat_id
    WHERE ($3::text IS NULL OR s.user_id = $3)
        AND ($4::text IS NULL OR s.channel = $4)
        AND ($5::text IS NULL OR s.agent_name = $5)
        AND ($6::boolean IS NULL OR s.is_active = $6)
        AND ($7::text[] IS NULL OR session_has(s.metadata, $7, $8))
        AND ('stateless' = ANY ($7) OR s.metadata ->> 'stateless' IS DISTINCT FROM 'true')
), page AS (
    SELECT * FROM narrowed
    WHERE $9::double precision IS NULL OR (rank, at, (s).chat_id) < ($9, $10::timestamptz, $11::uuid)
    ORDER BY rank DESC, at DESC, (s).chat_id DESC LIMIT $12 OFFSET $13
)
SELECT
    total.n AS total, total.matches, page.s AS session, page.rank, page.at, page.places,
    EXISTS (SELECT FROM running_turns AS k WHERE k.user_id = (page.s).user_id AND k.chat_id = (page.s).chat_id) AS running
FROM (
    SELECT (SELECT count(*) FROM narrowed) AS n, (SELECT coalesce(sum(matches), 0)::bigint FROM best) AS matches
) AS total LEFT JOIN page ON true
ORDER BY page.rank DESC, page.at DESC, (page.s).chat_id DESC;

-- name: excerpts
-- The text around the first match ($3, a regular expression) in messages; from the beginning if there is none.
SELECT m.chat_id, m.seq, m.role, substr(m.content, w.begin, 2000) AS text, w.begin > 1 AS cut
FROM unnest($1::uuid[], $2::bigint[]) AS wanted (chat_id, seq)
JOIN chat_messages AS m ON m.chat_id = wanted.chat_id AND m.seq = wanted.seq
CROSS JOIN LATERAL (
    SELECT greatest(1, CASE WHEN $3 = '' THEN 1 ELSE regexp_instr(left(m.content, 50000), $3, 1, 1, 0, 'i') END - 100) AS begin
) AS w
WHERE m.deleted_at IS NULL;
