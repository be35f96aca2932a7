-- name: look
-- Sessions with messages whose words are not indexed yet, unless another live replica indexes.
SELECT * FROM look_for_words($1, $2, $3, $4, $5);

-- name: index
-- Indexes messages of sessions.
SELECT * FROM index_words($1, $2, $3);

-- name: lag
-- How far the index is behind, and whether a live replica indexes.
SELECT
    extract(epoch FROM clock_timestamp() - p.looked_until)::float8 AS lag_s,
    p.rounds = 0 AS first_round,
    EXISTS (SELECT FROM replicas AS r WHERE r.replica_id = p.owner AND r.expires_at > clock_timestamp()) AS has_indexer
FROM search_progress AS p;
