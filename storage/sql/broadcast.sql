-- name: notify
-- Notifies all listeners. NOTIFY takes a lock that every other one in the cluster waits for until the commit, so the commit does
-- not wait for the disk.
SELECT set_config('synchronous_commit', 'off', true), pg_notify($1, $2);
