-- name: measure
-- Waiting work: unsent chunks, and turns queued behind the running one of their session (of very many, the first thousands); and
-- messages to be indexed.
SELECT unsent.*, queued.*,
    (SELECT extract(epoch FROM clock_timestamp() - p.looked_until)::float8 FROM search_progress AS p) AS unindexed_s
FROM (
    SELECT count(*) AS unsent, coalesce(extract(epoch FROM clock_timestamp() - min(created_at)), 0)::float8 AS unsent_s
    FROM (SELECT created_at FROM outbox WHERE state = 'unsent' LIMIT 10000) AS chunk
) AS unsent
CROSS JOIN (
    SELECT count(*) AS queued, coalesce(extract(epoch FROM clock_timestamp() - min(created_at)), 0)::float8 AS queued_s
    FROM (SELECT chat_id FROM running_turns LIMIT 2000) AS running
    CROSS JOIN LATERAL (
        SELECT t.created_at, t.status FROM turns AS t WHERE t.chat_id = running.chat_id ORDER BY t.seq DESC LIMIT 200
    ) AS latest
    WHERE latest.status = 'queued'
) AS queued;
