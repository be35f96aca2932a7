--Usage: tokens and cost by day, and the sums that budgets are checked against.
-- depends: 0017_erasure

-- migrate: apply

-- Usage that is not added up yet, in the same commit as the turn that reports it. `log_usage` inserts, `add_up_usage` empties the table
-- every few seconds, and readers add it to the sums, so none of them depends on when that happens. One sequence of inserts has no row to
-- wait for: sums of an agent or a day, updated by each turn, would let turns end only one after another.
CREATE TABLE usage_log (
    entry bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    day date NOT NULL, -- in UTC, on which the turn ended
    user_id text NOT NULL,
    chat_id uuid NOT NULL,
    agent_name text NOT NULL,
    channel text NOT NULL,
    model text NOT NULL,
    turns int NOT NULL, -- 0 for a turn's models other than its last
    input_tokens bigint NOT NULL,
    output_tokens bigint NOT NULL,
    cost float8 -- US dollars; null if the price is unknown
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000, autovacuum_analyze_scale_factor = 1);

SELECT turngate_protect('usage_log');

-- Usage added up. It outlives its session: whoever deletes a session has still used it. A session's rows follow it to another user
-- (`identify_visitor`).
CREATE TABLE usage_days (
    day date NOT NULL,
    chat_id uuid NOT NULL,
    agent_name text NOT NULL,
    channel text NOT NULL,
    model text NOT NULL,
    user_id text NOT NULL,
    turns bigint NOT NULL,
    input_tokens bigint NOT NULL,
    output_tokens bigint NOT NULL,
    cost float8,
    PRIMARY KEY (chat_id, day, agent_name, channel, model)
) WITH (fillfactor = 80);

CREATE INDEX usage_days_by_user ON usage_days (user_id, day);
CREATE INDEX usage_days_by_day ON usage_days (day);

SELECT turngate_protect('usage_days');

-- What each user and each agent has used on a day: a row of a user has no agent, and a row of an agent no user. Only the current day
-- is read.
CREATE TABLE budget_days (
    day date NOT NULL,
    user_id text NOT NULL,
    agent_name text NOT NULL,
    tokens bigint NOT NULL,
    cost float8 NOT NULL,
    PRIMARY KEY (day, user_id, agent_name)
) WITH (fillfactor = 80);

SELECT turngate_protect('budget_days');

-- Everything used, added up or not.
CREATE VIEW usage_of_turns WITH (security_invoker = true) AS
SELECT day, user_id, chat_id, agent_name, channel, model, turns::bigint, input_tokens, output_tokens, cost FROM usage_log
UNION ALL
SELECT day, user_id, chat_id, agent_name, channel, model, turns, input_tokens, output_tokens, cost FROM usage_days;

GRANT SELECT ON usage_of_turns TO turngate_app, turngate_system;

-- What each model has used, with a sign. `models` is absent if there was only one.
CREATE FUNCTION usage_rows(p_usage jsonb, p_sign int)
RETURNS TABLE (model text, turns int, input_tokens bigint, output_tokens bigint, cost float8)
LANGUAGE sql IMMUTABLE
AS $$
    SELECT
        m ->> 'model', CASE WHEN m ->> 'model' = p_usage ->> 'model' THEN p_sign ELSE 0 END,
        p_sign * (m ->> 'input_tokens')::bigint, p_sign * (m ->> 'output_tokens')::bigint, p_sign * (m ->> 'cost')::float8
    FROM jsonb_array_elements(coalesce(p_usage -> 'models', jsonb_build_array(p_usage))) AS m
$$;

-- A turn's usage is the record. Whatever it was before has been logged, and is taken back.
CREATE FUNCTION log_usage() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    INSERT INTO usage_log (day, user_id, chat_id, agent_name, channel, model, turns, input_tokens, output_tokens, cost)
    SELECT
        (coalesce(NEW.ended_at, clock_timestamp()) AT TIME ZONE 'UTC')::date, NEW.user_id, NEW.chat_id, NEW.agent_name, NEW.channel,
        u.model, u.turns, u.input_tokens, u.output_tokens, u.cost
    FROM (SELECT * FROM usage_rows(NEW.usage, 1) UNION ALL SELECT * FROM usage_rows(OLD.usage, -1)) AS u
    WHERE u.input_tokens IS NOT NULL;
    RETURN NULL;
END
$$;

-- A turn without usage evaluates the condition, and nothing else.
CREATE TRIGGER log_usage AFTER UPDATE OF usage ON turns
    FOR EACH ROW WHEN (NEW.usage IS DISTINCT FROM OLD.usage) EXECUTE FUNCTION log_usage();

-- Adds up part of the log, for turngate_system; returns how many entries. One caller at a time works, the others return 0.
CREATE FUNCTION add_up_usage(p_limit int) RETURNS bigint
LANGUAGE plpgsql
AS $$
DECLARE
    v_count bigint;
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtextextended('usage_log', 19)) THEN
        RETURN 0;
    END IF;
    WITH taken AS (
        DELETE FROM usage_log WHERE entry IN (SELECT entry FROM usage_log ORDER BY entry LIMIT p_limit FOR UPDATE SKIP LOCKED)
        RETURNING *
    ), days AS (
        INSERT INTO usage_days AS d (day, chat_id, agent_name, channel, model, user_id, turns, input_tokens, output_tokens, cost)
        SELECT day, chat_id, agent_name, channel, model, min(user_id), sum(turns), sum(input_tokens), sum(output_tokens), sum(cost)
        FROM taken GROUP BY day, chat_id, agent_name, channel, model
        ON CONFLICT (chat_id, day, agent_name, channel, model) DO UPDATE SET
            turns = d.turns + excluded.turns, input_tokens = d.input_tokens + excluded.input_tokens,
            output_tokens = d.output_tokens + excluded.output_tokens,
            cost = coalesce(d.cost + excluded.cost, d.cost, excluded.cost)
    ), budgets AS (
        INSERT INTO budget_days AS b (day, user_id, agent_name, tokens, cost)
        SELECT t.day, n.user_id, n.agent_name, sum(t.input_tokens + t.output_tokens), coalesce(sum(t.cost), 0)
        FROM taken AS t CROSS JOIN LATERAL (VALUES (t.user_id, ''), ('', t.agent_name)) AS n (user_id, agent_name)
        GROUP BY t.day, n.user_id, n.agent_name
        ON CONFLICT (day, user_id, agent_name) DO UPDATE SET
            tokens = b.tokens + excluded.tokens, cost = b.cost + excluded.cost
    )
    SELECT count(*) INTO v_count FROM taken;
    RETURN v_count;
END
$$;

REVOKE EXECUTE ON FUNCTION add_up_usage FROM PUBLIC;
GRANT EXECUTE ON FUNCTION add_up_usage TO turngate_system;

-- migrate: rollback
