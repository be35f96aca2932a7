-- name: is_kept
-- Whether the schema has a CHECK of channels that names can be added to.
SELECT to_regprocedure('known_channels()') IS NOT NULL;

-- name: missing
-- Which of these names are not allowed in sessions yet.
SELECT name FROM unnest($1::text[]) AS name WHERE name <> ALL (known_channels()) ORDER BY name;

-- name: allow
-- Allows these names in sessions, too; returns the new ones.
SELECT allow_channels($1::text[]);

-- name: validate
-- Validates the rows while others write.
ALTER TABLE chat_sessions VALIDATE CONSTRAINT chat_sessions_channel_known;
