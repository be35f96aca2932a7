-- name: is_kept
-- Whether the schema has a CHECK of channels that names can be added to.
SELECT to_regprocedure('known_channels()') IS NOT NULL;

-- name: missing
-- Which of these names no session may have yet.
SELECT name FROM unnest($1::text[]) AS name WHERE name <> ALL (known_channels()) ORDER BY name;

-- name: allow
-- Lets sessions have these names too; answers those that are new.
SELECT allow_channels($1::text[]);

-- name: validate
-- Looks through the rows while others write.
ALTER TABLE chat_sessions VALIDATE CONSTRAINT chat_sessions_channel_known;
