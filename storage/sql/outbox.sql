-- name: settle
-- T3: marks chunks as sent or as undeliverable. An item that is already settled, or locked by somebody else, is left out.
WITH free AS MATERIALIZED (
    SELECT o.item_id, n.place, n.state, n.error
    FROM unnest($1::bigint[], $2::text[], $3::text[]) WITH ORDINALITY AS n (item_id, state, error, place)
    JOIN outbox AS o ON o.item_id = n.item_id
    WHERE o.state = 'unsent' ORDER BY o.item_id FOR UPDATE OF o SKIP LOCKED
)
UPDATE outbox AS o SET state = free.state, error = free.error, settled_at = clock_timestamp()
FROM free WHERE o.item_id = free.item_id RETURNING free.place;

-- name: settle_one
-- The same for one item, for a caller that has to wait for it.
UPDATE outbox SET state = $2, error = $3, settled_at = clock_timestamp() WHERE item_id = $1 AND state = 'unsent';

-- name: steal
-- Takes over the unsent items of addresses whose oldest item belongs to no live replica ($3: expired replicas count as dead), or
-- to the caller, who does not hold it (the result of an earlier takeover was lost). A whole address at a time, so that its items
-- stay in order; a caller that counts as dead itself takes nothing.
WITH free AS MATERIALIZED (
    SELECT o.item_id, o.address, o.owner FROM outbox AS o LEFT JOIN replicas AS r ON r.replica_id = o.owner
    WHERE o.state = 'unsent' AND (
        r.replica_id IS NULL OR $3 AND r.expires_at < clock_timestamp()
        OR o.owner = $1 AND o.created_at < clock_timestamp() - interval '10 seconds' AND NOT o.item_id = ANY ($4::bigint[])
    ) AND EXISTS (SELECT FROM replicas WHERE replica_id = $1 AND expires_at > clock_timestamp())
), heads AS MATERIALIZED (
    SELECT o.address FROM outbox AS o JOIN free USING (item_id)
    -- Checks the owner again: another replica may have changed the row first.
    WHERE o.state = 'unsent' AND o.owner IS NOT DISTINCT FROM free.owner AND NOT EXISTS (
        SELECT FROM outbox AS older
        WHERE older.address = o.address AND older.state = 'unsent' AND older.item_id < o.item_id
    )
    ORDER BY o.item_id LIMIT $2
    FOR UPDATE OF o SKIP LOCKED
), barriers AS (
    -- The first item of an address that is neither free nor held: the items after it wait.
    SELECT address, min(o.item_id) AS item_id FROM heads JOIN outbox AS o USING (address)
    WHERE o.state = 'unsent'
        AND o.item_id NOT IN (SELECT unnest($4::bigint[])) AND o.item_id NOT IN (SELECT f.item_id FROM free AS f)
    GROUP BY address
)
UPDATE outbox AS o SET owner = $1, attempts = o.attempts + 1
FROM heads JOIN free USING (address) LEFT JOIN barriers USING (address)
WHERE o.item_id = free.item_id AND o.state = 'unsent' AND o.owner IS NOT DISTINCT FROM free.owner
    AND (barriers.item_id IS NULL OR o.item_id < barriers.item_id)
RETURNING o.item_id, o.address, o.content, o.markup, o.attempts;

-- name: mine
-- Which of these items this replica still has to send.
SELECT item_id FROM outbox WHERE item_id = ANY ($1::bigint[]) AND state = 'unsent' AND owner = $2;

-- name: forget_sent
-- Some of the chunks that were sent more than $1 days ago.
DELETE FROM outbox WHERE item_id IN (
    SELECT item_id FROM outbox WHERE state = 'sent' AND settled_at < clock_timestamp() - make_interval(days => $1)
    ORDER BY item_id LIMIT $2 FOR UPDATE SKIP LOCKED
);
