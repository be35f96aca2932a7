-- name: place
-- Moves at most $1 sessions, quiet for $2, to their places in the indexes of lists; returns how many.
SELECT place_in_lists($1, $2);
