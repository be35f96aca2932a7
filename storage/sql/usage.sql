-- name: spent
-- What a user, an agent and everybody has used today, in UTC: the sums, and the log that is not part of them yet, in one snapshot.
WITH today AS MATERIALIZED (
    SELECT (clock_timestamp() AT TIME ZONE 'UTC')::date AS day
), sums AS (
    SELECT b.user_id, b.agent_name, b.tokens, b.cost FROM budget_days AS b
    WHERE b.day = (SELECT day FROM today) AND b.user_id IN ($1, '')
    UNION ALL
    SELECT n.user_id, n.agent_name, l.input_tokens + l.output_tokens, coalesce(l.cost, 0)
    FROM usage_log AS l CROSS JOIN LATERAL (VALUES (l.user_id, ''), ('', l.agent_name)) AS n (user_id, agent_name)
    WHERE l.day = (SELECT day FROM today) AND n.user_id IN ($1, '')
)
SELECT
    coalesce(sum(tokens) FILTER (WHERE user_id = $1), 0)::bigint AS user_tokens,
    round(coalesce(sum(cost) FILTER (WHERE user_id = $1), 0)::numeric, 9)::float8 AS user_cost,
    coalesce(sum(tokens) FILTER (WHERE agent_name = $2), 0)::bigint AS agent_tokens,
    round(coalesce(sum(cost) FILTER (WHERE agent_name = $2), 0)::numeric, 9)::float8 AS agent_cost,
    coalesce(sum(tokens) FILTER (WHERE agent_name <> ''), 0)::bigint AS all_tokens,
    round(coalesce(sum(cost) FILTER (WHERE agent_name <> ''), 0)::numeric, 9)::float8 AS all_cost
FROM sums;

-- name: add_up
-- Adds up part of the log; returns how many entries.
SELECT add_up_usage($1);

-- name: forget_budgets
-- Sums of days that no budget reads any more.
DELETE FROM budget_days WHERE day < (clock_timestamp() AT TIME ZONE 'UTC')::date - 1;

-- name: days
-- The first and the last day of a period. Its end defaults to today, its beginning to 29 days before the end.
SELECT coalesce($1::date, ends.day - 29) AS since, ends.day AS until
FROM (SELECT coalesce($2::date, greatest((clock_timestamp() AT TIME ZONE 'UTC')::date, $1)) AS day) AS ends;

-- name: groups
-- Usage by the dimensions named in $4, largest cost first, and days in order; one row more than the limit if there are more.
SELECT
    CASE WHEN 'session' = ANY ($4::text[]) THEN u.chat_id::text END AS session,
    CASE WHEN 'user' = ANY ($4) THEN u.user_id END AS user,
    CASE WHEN 'agent' = ANY ($4) THEN u.agent_name END AS agent,
    CASE WHEN 'channel' = ANY ($4) THEN u.channel END AS channel,
    CASE WHEN 'model' = ANY ($4) THEN u.model END AS model,
    CASE WHEN 'day' = ANY ($4) THEN u.day END AS day,
    sum(u.turns)::bigint AS turns, sum(u.input_tokens)::bigint AS input_tokens, sum(u.output_tokens)::bigint AS output_tokens,
    round(sum(u.cost)::numeric, 9)::float8 AS cost
FROM usage_of_turns AS u
WHERE u.day BETWEEN $1 AND $2 AND ($3::text IS NULL OR u.user_id = $3)
GROUP BY 1, 2, 3, 4, 5, 6
ORDER BY 6 DESC NULLS LAST, 10 DESC NULLS LAST, sum(u.input_tokens + u.output_tokens) DESC, 1, 2, 3, 4, 5
LIMIT $5;

-- name: total
-- All usage of a period.
SELECT
    coalesce(sum(u.turns), 0)::bigint AS turns, coalesce(sum(u.input_tokens), 0)::bigint AS input_tokens,
    coalesce(sum(u.output_tokens), 0)::bigint AS output_tokens, round(sum(u.cost)::numeric, 9)::float8 AS cost
FROM usage_of_turns AS u
WHERE u.day BETWEEN $1 AND $2 AND ($3::text IS NULL OR u.user_id = $3);
