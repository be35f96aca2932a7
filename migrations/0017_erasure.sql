--Erasure: while a user is being erased, and for a minute after, nothing new begins for them.
-- depends: 0016_search

-- migrate: apply

-- Users who are being erased, or were a minute ago: until then somebody whom a replica remembers, or who is on the way, may write.
CREATE TABLE erasures (
    user_id text PRIMARY KEY,
    asked_at timestamptz NOT NULL DEFAULT now(),
    taken_at timestamptz NOT NULL DEFAULT now(), -- when somebody last began to clear
    finished_at timestamptz
);

SELECT turngate_protect('erasures');

-- True, or an error: nothing is inserted for a user who is being erased. Whoever begins an erasure holds this lock alone, and an insert
-- shares it until it commits, so a row is either there before the clearing or finds the erasure. VOLATILE on purpose: the look after the
-- lock then has a snapshot of its own. That of the statement which inserts is older than the wait.
CREATE FUNCTION not_being_erased(p_user text) RETURNS boolean
LANGUAGE plpgsql VOLATILE
AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(hashtextextended(p_user, 30));
    IF EXISTS (
        SELECT FROM erasures AS e
        WHERE e.user_id = p_user
            AND (e.finished_at IS NULL OR e.finished_at > clock_timestamp() - interval '1 minute')
    ) THEN
        RAISE EXCEPTION 'this user is being erased' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN true;
END
$$;

-- A new API token, of which none is left by then, begins the name anew soon after the erasure is over: three seconds, by which every
-- replica has heard that the tokens of before have ended (`gateway/identity/authenticator.py`). The answer is how long that still takes;
-- null: the name is free, or the erasure is not over and a token is refused.
CREATE FUNCTION begin_anew(p_user text) RETURNS interval
LANGUAGE plpgsql
AS $$
DECLARE
    v_rest interval;
BEGIN
    PERFORM pg_advisory_xact_lock_shared(hashtextextended(p_user, 30));
    SELECT e.finished_at + interval '3 seconds' - clock_timestamp() INTO v_rest FROM erasures AS e WHERE e.user_id = p_user;
    IF v_rest > interval '0' THEN
        RETURN v_rest;
    END IF;
    DELETE FROM erasures WHERE user_id = p_user AND finished_at IS NOT NULL;
    RETURN NULL;
END
$$;

-- On every table of users' rows that do not belong to a session (what belongs to one goes with it), but for one: sign-in codes, which
-- only a gateway makes, at its start, and which are no longer valid while no token can be made. Both roles are under it, and so is every
-- function that runs as its owner, which is `turngate_system`. Policies of updates could not tell who a row belonged to before, and would
-- be asked in each turn. They need not be: the policy `own_rows` lets no user give a row away, and `identify_visitor`, which does,
-- first inserts a row of the user's.
DO $policies$
DECLARE
    v_table text;
BEGIN
    FOREACH v_table IN ARRAY ARRAY[
        'schedules', 'api_tokens', 'link_codes', 'links', 'identified_visitors', 'routes', 'chat_sessions'
    ] LOOP
        EXECUTE format(
            'CREATE POLICY not_being_erased ON %I AS RESTRICTIVE FOR INSERT WITH CHECK (not_being_erased(user_id))', v_table
        );
    END LOOP;
END
$policies$;

-- migrate: rollback
