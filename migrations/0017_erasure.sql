--Erasure: while a user is being erased, and for a minute after, nothing new can be created for them.
-- depends: 0016_search

-- migrate: apply

-- Users who are being erased, or were a minute ago: until then, a sender whom a replica remembers, or a request under way, may
-- try to write.
CREATE TABLE erasures (
    user_id text PRIMARY KEY,
    asked_at timestamptz NOT NULL DEFAULT now(),
    taken_at timestamptz NOT NULL DEFAULT now(), -- when somebody last began to clear
    finished_at timestamptz
);

SELECT turngate_protect('erasures');

-- True, or an error: nothing is inserted for a user who is being erased. Starting an erasure takes this lock exclusively, and an
-- insert shares it until it commits, so a row either exists before the clearing or finds the erasure. VOLATILE on purpose: the
-- query after the lock then has a snapshot of its own. The inserting statement's snapshot is older than the wait.
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

-- A new API token, of which none is left by then, makes the id available again soon after the erasure: after three seconds, by
-- which time every replica knows that the earlier tokens have ended (`gateway/identity/authenticator.py`). Returns how long that
-- still takes; null: the id is available, or the erasure is not over and a token is refused.
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

-- On every table of users' rows that do not belong to a session (those that do are removed with it), except sign-in codes, which
-- only a gateway creates, when it starts, and which are invalid while no token can be created. It applies to both roles, and so
-- to every function that runs as its owner, `turngate_system`. Update policies could not tell who owned a row before, and would
-- be evaluated in each turn. They are not needed: the policy `own_rows` lets no user give a row away, and `identify_visitor`,
-- which does, first inserts a row of the user's.
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
