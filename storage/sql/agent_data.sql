-- name: read
-- What the latest completed turn left.
SELECT seq, turn_id, data FROM read_agent_data($1, $2, $3, $4) WHERE current_user = 'turngate_app';

-- name: write
-- What a turn leaves.
SELECT write_agent_data($1, $2, $3, $4, $5, $6, $7, $8, $9) AS kept WHERE current_user = 'turngate_app';

-- name: copy
-- What the latest completed turn left, under another name.
SELECT copy_agent_data($1, $2, $3);

-- name: delete
-- Everything under a name.
DELETE FROM agent_data WHERE agent_name = $1 AND name = $2;
