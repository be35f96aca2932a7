-- name: notify
-- To all who listen. It takes a lock that every NOTIFY of the cluster waits for until its commit, so the commit does not wait for the disk.
SELECT set_config('synchronous_commit', 'off', true), pg_notify($1, $2);
