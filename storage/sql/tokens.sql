-- name: begin_anew
-- Whether the id of an erased user is available for a token; or how long until it is.
SELECT begin_anew($1);

-- name: create
-- Creates an API token by its digest; it ends after that interval, or never.
INSERT INTO api_tokens (user_id, digest, name, role, expires_at)
VALUES ($1, $2, $3, $4, clock_timestamp() + $5::interval)
RETURNING *, expires_at - clock_timestamp() AS remaining;

-- name: find
-- A token that is valid now, and for how much longer.
SELECT *, expires_at - clock_timestamp() AS remaining FROM api_tokens
WHERE digest = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > clock_timestamp());

-- name: touch
-- Records a token's use, at most once a minute.
UPDATE api_tokens SET last_used_at = clock_timestamp()
WHERE token_id = $1 AND (last_used_at IS NULL OR last_used_at < clock_timestamp() - interval '1 minute');

-- name: list
-- Tokens of a user, or of all users.
SELECT *, expires_at - clock_timestamp() AS remaining FROM api_tokens WHERE ($1::text IS NULL OR user_id = $1) ORDER BY created_at, token_id;

-- name: revoke
-- Ends a token.
UPDATE api_tokens SET revoked_at = coalesce(revoked_at, clock_timestamp()) WHERE token_id = $1 RETURNING digest;

-- name: add_code
-- Stores a one-time sign-in code by its digest.
INSERT INTO sign_in_codes (digest, user_id, role, expires_at) VALUES ($1, $2, $3, clock_timestamp() + $4);

-- name: forget_codes
-- Removes expired codes.
DELETE FROM sign_in_codes WHERE expires_at < clock_timestamp();

-- name: redeem_code
-- Uses up a code.
DELETE FROM sign_in_codes WHERE digest = $1 RETURNING user_id, role, expires_at > clock_timestamp() AS good;
