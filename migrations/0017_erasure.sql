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

-- Whoever begins an erasure holds this lock alone: what others write is either there before the clearing, or finds the row.
CREATE FUNCTION refuse_while_erased() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(hashtextextended(NEW.user_id, 30));
    IF EXISTS (
        SELECT FROM erasures AS e
        WHERE e.user_id = NEW.user_id
            AND (e.finished_at IS NULL OR e.finished_at > clock_timestamp() - interval '1 minute')
    ) THEN
        RAISE EXCEPTION 'this user is being erased' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
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
-- only a gateway makes, at its start, and which are no longer valid while no token can be made.
DO $triggers$
DECLARE
    v_table text;
BEGIN
    FOREACH v_table IN ARRAY ARRAY[
        'schedules', 'api_tokens', 'link_codes', 'links', 'identified_visitors', 'routes', 'chat_sessions'
    ] LOOP
        EXECUTE format(
            'CREATE TRIGGER refuse_while_erased AFTER INSERT OR UPDATE OF user_id ON %I FOR EACH ROW'
            ' WHEN (NEW.user_id IS NOT NULL) EXECUTE FUNCTION refuse_while_erased()',
            v_table
        );
    END LOOP;
END
$triggers$;

-- migrate: rollback
