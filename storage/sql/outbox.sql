-- name: settle
-- T3: what was sent, and what never will be.
UPDATE outbox AS o SET state = settled.state, error = settled.error, settled_at = clock_timestamp()
FROM unnest($1::bigint[], $2::text[], $3::text[]) AS settled (item_id, state, error)
WHERE o.item_id = settled.item_id AND o.state = 'unsent';

-- name: steal
-- Takes over unsent items of dead owners, oldest first.
WITH dead AS MATERIALIZED (
    SELECT o.item_id FROM outbox AS o LEFT JOIN replicas AS r ON r.replica_id = o.owner
    WHERE o.state = 'unsent' AND (r.replica_id IS NULL OR r.expires_at < clock_timestamp())
    ORDER BY o.item_id LIMIT $2
    FOR UPDATE OF o SKIP LOCKED
)
UPDATE outbox AS o SET owner = $1, attempts = o.attempts + 1 FROM dead WHERE o.item_id = dead.item_id
RETURNING o.item_id, o.address, o.content, o.markup, o.attempts;

-- name: mine
-- Which of these items this replica still is to send.
SELECT item_id FROM outbox WHERE item_id = ANY ($1::bigint[]) AND state = 'unsent' AND owner = $2;
