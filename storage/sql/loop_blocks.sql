-- name: note
-- Records the last time an agent blocked its event loop.
INSERT INTO loop_blocks (agent_name, seconds, place) VALUES ($1, $2, $3)
ON CONFLICT (agent_name) DO UPDATE SET seconds = excluded.seconds, place = excluded.place, noted_at = now();

-- name: recent
-- The entries of the last day, the longest first.
SELECT * FROM loop_blocks WHERE noted_at > now() - interval '1 day' ORDER BY seconds DESC;
