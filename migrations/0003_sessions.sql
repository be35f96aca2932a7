--Sessions, and routes: the current session of each route.
-- depends: 0002_roles

-- migrate: apply

-- A user id may now be telegram:42 or visitor:…, for which no table of users has a row.
DO $foreign_keys$
DECLARE
    key_name name;
BEGIN
    FOR key_name IN
        SELECT c.conname FROM pg_constraint AS c
        JOIN pg_attribute AS a ON a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey)
        WHERE c.conrelid = 'chat_sessions'::regclass AND c.contype = 'f' AND a.attname = 'user_id'
    LOOP
        EXECUTE format('ALTER TABLE chat_sessions DROP CONSTRAINT %I', key_name);
    END LOOP;
END
$foreign_keys$;

-- The second of a moment. Lists are indexed by the second of the last activity.
CREATE FUNCTION second_of(p_at timestamptz) RETURNS timestamptz
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT date_bin('1 second', p_at, 'epoch') $$;

-- The table from 0001 may have rows: columns come first, then values for those rows, then the constraints on every row.
ALTER TABLE chat_sessions
    ALTER COLUMN user_id DROP DEFAULT,
    ALTER COLUMN user_id TYPE text USING user_id::text,
    ALTER COLUMN agent_name TYPE text USING agent_name::text,
    ALTER COLUMN created_at DROP DEFAULT,
    ALTER COLUMN created_at TYPE timestamptz,
    ADD COLUMN IF NOT EXISTS session_id text,
    ADD COLUMN IF NOT EXISTS channel text NOT NULL DEFAULT 'web',
    ADD COLUMN IF NOT EXISTS title text,
    ADD COLUMN IF NOT EXISTS title_is_users boolean NOT NULL DEFAULT false, -- the user chose it: it stays
    ADD COLUMN IF NOT EXISTS title_is_agents boolean NOT NULL DEFAULT false, -- an agent made it, not the first words
    ADD COLUMN IF NOT EXISTS metadata jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN IF NOT EXISTS updated_at timestamptz,
    ADD COLUMN IF NOT EXISTS last_message_at timestamptz,
    ADD COLUMN IF NOT EXISTS ended_at timestamptz,
    ADD COLUMN IF NOT EXISTS parent_session_id text,
    ADD COLUMN IF NOT EXISTS route text,
    ADD COLUMN IF NOT EXISTS last_seq bigint NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS message_count bigint NOT NULL DEFAULT 0,
    -- The id of this conversation in the agent's own framework; earlier ids are kept until the framework is told to forget them.
    ADD COLUMN IF NOT EXISTS agent_session text,
    ADD COLUMN IF NOT EXISTS former_agent_sessions text[] NOT NULL DEFAULT '{}',
    -- The time of the latest edit, deletion or rewind: what an agent derived from earlier words is not stored.
    ADD COLUMN IF NOT EXISTS words_changed_at timestamptz,
    -- Grows whenever existing rows of the transcript change. Together with `last_seq` it identifies one state of the transcript.
    ADD COLUMN IF NOT EXISTS history_version bigint NOT NULL DEFAULT 0,
    -- The second of the last activity, or of an earlier one while `recent_activity` has the session. Indexes contain this instead of
    -- the exact time, so that a message and its reply write to none of them.
    ADD COLUMN IF NOT EXISTS listed_at timestamptz;

UPDATE chat_sessions SET
    session_id = chat_id::text,
    channel = 'web',
    user_id = coalesce(user_id, 'unknown'),
    agent_name = coalesce(agent_name, 'assistant'),
    is_active = coalesce(is_active, false),
    created_at = coalesce(created_at, now()),
    updated_at = coalesce(updated_at, created_at, now()),
    route = 'web:' || coalesce(agent_name, 'assistant'),
    listed_at = second_of(coalesce(created_at, now()))
WHERE session_id IS NULL;

ALTER TABLE chat_sessions
    ALTER COLUMN chat_id SET DEFAULT gen_random_uuid(),
    ALTER COLUMN user_id SET NOT NULL,
    ALTER COLUMN agent_name SET NOT NULL,
    ALTER COLUMN is_active SET DEFAULT true,
    ALTER COLUMN is_active SET NOT NULL,
    ALTER COLUMN created_at SET DEFAULT now(),
    ALTER COLUMN created_at SET NOT NULL,
    ALTER COLUMN updated_at SET DEFAULT now(),
    ALTER COLUMN updated_at SET NOT NULL,
    ALTER COLUMN session_id SET NOT NULL,
    ALTER COLUMN listed_at SET NOT NULL,
    ADD CONSTRAINT chat_sessions_channel_known
        CHECK (channel IN ('web', 'telegram', 'scheduled', 'terminal', 'api'));

-- Each message updates its session's row: leave room for HOT updates, and vacuum early.
ALTER TABLE chat_sessions SET (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);

CREATE UNIQUE INDEX chat_sessions_session_id_key ON chat_sessions (session_id);

-- Lists are ordered by (listed_at, last activity, chat_id), which equals (last activity, chat_id): an index provides the order of
-- seconds, and sorting within one second does the rest.
CREATE INDEX chat_sessions_by_activity ON chat_sessions (user_id, listed_at DESC);

CREATE INDEX chat_sessions_by_channel ON chat_sessions (user_id, channel, listed_at DESC);

-- For an operator's list of all users' sessions.
CREATE INDEX chat_sessions_by_newest ON chat_sessions (listed_at DESC);

-- Lists of ended sessions. An active session has no entry here, so these indexes cost a turn nothing.
CREATE INDEX chat_sessions_ended ON chat_sessions (user_id, listed_at DESC) WHERE NOT is_active;

CREATE INDEX chat_sessions_newest_ended ON chat_sessions (listed_at DESC) WHERE NOT is_active;

CREATE INDEX chat_sessions_forks ON chat_sessions (parent_session_id) WHERE parent_session_id IS NOT NULL;

-- A run of a schedule is a session on the schedule's own route.
CREATE INDEX chat_sessions_runs ON chat_sessions (user_id, route, created_at DESC, chat_id DESC) WHERE channel = 'scheduled';

-- API calls that name no session are left out of lists; counts subtract them.
CREATE INDEX chat_sessions_stateless ON chat_sessions (user_id, channel) WHERE metadata ->> 'stateless' = 'true';

SELECT turngate_protect('chat_sessions');

-- An insert that only knows the old columns still gets a session_id and a place in lists.
CREATE FUNCTION complete_new_session() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    NEW.session_id := coalesce(NEW.session_id, NEW.chat_id::text);
    NEW.listed_at := second_of(coalesce(NEW.last_message_at, NEW.created_at));
    RETURN NEW;
END
$$;

CREATE TRIGGER complete_new_session BEFORE INSERT ON chat_sessions
    FOR EACH ROW EXECUTE FUNCTION complete_new_session();

-- The sessions whose turn runs, and those whose last turn ended so recently that `listed_at` may still be earlier than their last
-- activity: lists read these directly. So a message and its reply write to no index of lists; `place_in_lists` moves the sessions in
-- those indexes later, many at once. Writing a row requires a lock on the session's row. The key begins with the user, so that a
-- user's list reads no other user's rows.
CREATE TABLE recent_activity (
    user_id text NOT NULL,
    chat_id uuid NOT NULL,
    turn_id uuid, -- the turn that runs; null: none
    PRIMARY KEY (user_id, chat_id)
) WITH (
    fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000, autovacuum_analyze_scale_factor = 1
);

SELECT turngate_protect('recent_activity');

-- Replaces a foreign key, which would cost a lookup for each turn.
CREATE FUNCTION forget_recent_activity() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    DELETE FROM recent_activity AS a USING removed AS s WHERE a.user_id = s.user_id AND a.chat_id = s.chat_id;
    RETURN NULL;
END
$$;

CREATE TRIGGER forget_recent_activity AFTER DELETE ON chat_sessions
    REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION forget_recent_activity();

-- The sessions whose `listed_at` is earlier than their last activity. A list takes all others from its index, so each statement,
-- which sees one snapshot, finds every session once. The subquery is not flattened: few sessions are here, while there may be very
-- many in all.
CREATE VIEW unlisted_sessions WITH (security_invoker = true) AS
SELECT a.user_id, a.chat_id, s.channel, s.agent_name, s.is_active, s.metadata, s.at
FROM recent_activity AS a
CROSS JOIN LATERAL (
    SELECT c.channel, c.agent_name, c.is_active, c.metadata, c.listed_at, coalesce(c.last_message_at, c.created_at) AS at
    FROM chat_sessions AS c WHERE c.chat_id = a.chat_id AND c.user_id = a.user_id OFFSET 0
) AS s
WHERE s.listed_at < date_bin('1 second', s.at, 'epoch');

GRANT SELECT ON unlisted_sessions TO turngate_app, turngate_system;

-- Moves at most p_most sessions to their places in the indexes of lists: those without a running turn whose last activity was more
-- than p_quiet ago, so that it rarely meets one in use. Sessions that are locked are left to the next time. Returns how many it took.
-- Whatever happened to a session before its lock counts: a changed row is read again.
CREATE FUNCTION place_in_lists(p_most int, p_quiet interval) RETURNS bigint
LANGUAGE plpgsql
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
DECLARE
    v_taken bigint;
BEGIN
    WITH quiet AS MATERIALIZED (
        SELECT a.user_id, s.chat_id, s.second
        FROM recent_activity AS a
        CROSS JOIN LATERAL (
            SELECT c.chat_id, second_of(coalesce(c.last_message_at, c.created_at)) AS second FROM chat_sessions AS c
            WHERE c.chat_id = a.chat_id AND c.user_id = a.user_id
                AND coalesce(c.last_message_at, c.created_at) < clock_timestamp() - p_quiet
            FOR NO KEY UPDATE SKIP LOCKED
        ) AS s
        WHERE a.turn_id IS NULL LIMIT p_most
    ), moved AS (
        UPDATE chat_sessions AS s SET listed_at = q.second FROM quiet AS q WHERE s.chat_id = q.chat_id AND s.listed_at < q.second
    ), forgotten AS (
        DELETE FROM recent_activity AS a USING quiet AS q
        WHERE a.user_id = q.user_id AND a.chat_id = q.chat_id AND a.turn_id IS NULL
    )
    SELECT count(*) INTO v_taken FROM quiet;
    RETURN v_taken;
END
$$;

REVOKE EXECUTE ON FUNCTION place_in_lists(int, interval) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION place_in_lists(int, interval) TO turngate_system;

CREATE VIEW sessions_list WITH (security_invoker = true) AS
SELECT
    session_id, user_id, channel, agent_name, title, is_active, created_at, updated_at, last_message_at, ended_at,
    message_count, metadata, parent_session_id, chat_id
FROM chat_sessions;

GRANT SELECT ON sessions_list TO turngate_app, turngate_system;

-- A user's current session on each route, and the agent chosen there.
CREATE TABLE routes (
    user_id text NOT NULL,
    route text NOT NULL,
    chat_id uuid REFERENCES chat_sessions ON DELETE SET NULL,
    agent_name text, -- the agent that new conversations here begin with
    listed text[], -- the sessions as `/sessions` last listed them here
    PRIMARY KEY (user_id, route)
);

CREATE INDEX routes_chat_id ON routes (chat_id);

SELECT turngate_protect('routes');

-- Names that other systems give to a user's sessions: the chat ids of AI SDK's useChat.
CREATE TABLE external_keys (
    user_id text NOT NULL,
    external_key text NOT NULL CHECK (length(external_key) BETWEEN 1 AND 128),
    chat_id uuid NOT NULL REFERENCES chat_sessions ON DELETE CASCADE,
    PRIMARY KEY (user_id, external_key)
);

CREATE INDEX external_keys_chat_id ON external_keys (chat_id);

SELECT turngate_protect('external_keys');

-- Whether replies are pushed to the people of a channel. The gateway's own channels are exceptions: their clients read rows, or
-- wait for the answer. Every other channel is a network.
CREATE FUNCTION is_pushed(channel text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT channel NOT IN ('web', 'scheduled', 'terminal', 'api') $$;

-- The names that the CHECK of a session's channel allows.
CREATE FUNCTION known_channels() RETURNS text[]
LANGUAGE sql STABLE
AS $$
    SELECT array_agg(found[1]) FROM pg_constraint AS c, regexp_matches(pg_get_constraintdef(c.oid), '''([^'']+)''', 'g') AS found
    WHERE c.conrelid = 'chat_sessions'::regclass AND c.conname = 'chat_sessions_channel_known'
$$;

-- Allows these channels in sessions, and returns the new ones. Existing rows satisfy the wider rule already; the caller has it
-- validated afterwards, under a weaker lock.
CREATE FUNCTION allow_channels(p_names text[]) RETURNS text[]
LANGUAGE plpgsql
AS $$
DECLARE
    v_known text[] := known_channels();
    v_new text[] := ARRAY(SELECT DISTINCT name FROM unnest(p_names) AS name WHERE name <> ALL (v_known) ORDER BY name);
BEGIN
    IF v_new <> '{}' THEN
        EXECUTE format(
            'ALTER TABLE chat_sessions DROP CONSTRAINT chat_sessions_channel_known,
                ADD CONSTRAINT chat_sessions_channel_known CHECK (channel IN (%s)) NOT VALID',
            (SELECT string_agg(quote_literal(name), ', ') FROM unnest(v_known || v_new) AS name)
        );
    END IF;
    RETURN v_new;
END
$$;

-- The resume rule: a conversation continues by itself while it is active and its last activity is within the window. A running
-- turn counts as activity.
CREATE FUNCTION session_resumes(
    is_active boolean, last_activity timestamptz, is_running boolean, at timestamptz, resume_window interval
) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT is_active AND (is_running OR at - last_activity <= resume_window) $$;

-- Whether metadata has these values, compared as text: 7 and "7" are equal, and objects and lists match nothing.
CREATE FUNCTION session_has(p_metadata jsonb, p_keys text[], p_values text[]) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
BEGIN
    FOR i IN 1 .. cardinality(p_keys) LOOP
        IF p_metadata ->> p_keys[i] IS DISTINCT FROM p_values[i]
            OR jsonb_typeof(p_metadata -> p_keys[i]) IN ('object', 'array') THEN
            RETURN false;
        END IF;
    END LOOP;
    RETURN true;
END
$$;

-- The metadata that lists can be filtered by, as numbers for an index: two per value, one for the user's own lists and one for
-- operators'. Uses built-in functions only, because indexes are maintained without a search path.
CREATE FUNCTION session_labels(p_user text, p_metadata jsonb) RETURNS bigint[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
DECLARE
    v_own bigint := hashtextextended(p_user, 0);
    v_key text;
    v_value text;
    v_labels bigint[] := '{}';
BEGIN
    FOR v_key, v_value IN
        SELECT key, value FROM jsonb_each_text(p_metadata)
        WHERE jsonb_typeof(p_metadata -> key) NOT IN ('object', 'array', 'null')
    LOOP
        v_labels := v_labels || hashtextextended(v_value, hashtextextended(v_key, v_own))
            || hashtextextended(v_value, hashtextextended(v_key, 0));
    END LOOP;
    RETURN v_labels;
END
$$;

-- Sessions without metadata have no entry, and a message never changes metadata: the index costs a turn nothing as long as the
-- update of its session is HOT.
CREATE INDEX chat_sessions_labels ON chat_sessions USING gin (session_labels(user_id, metadata))
    WITH (gin_pending_list_limit = 256) WHERE metadata <> '{}';
-- Statistics would only cost time: the one function that reads the index has no alternative plan.
ALTER INDEX chat_sessions_labels ALTER COLUMN 1 SET STATISTICS 0;

-- The sessions whose metadata has these values, of one user or (null) of all users; null if there are more than p_most of them,
-- as a list then finds enough of them while it is read by activity. Labels may collide, so `session_has` decides.
CREATE FUNCTION labelled_sessions(p_user text, p_keys text[], p_values text[], p_most int) RETURNS uuid[]
LANGUAGE sql STABLE
SET enable_seqscan = off
AS $$
    SELECT CASE WHEN count(*) <= p_most THEN
        coalesce(array_agg(chat_id) FILTER (WHERE (p_user IS NULL OR user_id = p_user) AND session_has(metadata, p_keys, p_values)), '{}')
    END
    FROM (
        SELECT chat_id, user_id, metadata FROM chat_sessions
        WHERE metadata <> '{}' AND session_labels(user_id, metadata) @> (
            SELECT array_agg(hashtextextended(value, hashtextextended(key, coalesce(hashtextextended(p_user, 0), 0))))
            FROM unnest(p_keys, p_values) AS wanted (key, value)
        )
        LIMIT p_most + 1
    ) AS labelled
$$;

-- The same for the transaction's user. Runs as turngate_system: the array operators are not leakproof, so under row-level
-- security the application's own role could not use the index.
CREATE FUNCTION own_labelled_sessions(p_keys text[], p_values text[], p_most int) RETURNS uuid[]
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    IF turngate_user() IS NULL THEN
        RETURN '{}';
    END IF;
    RETURN labelled_sessions(turngate_user(), p_keys, p_values, p_most);
END
$$;

REVOKE EXECUTE ON FUNCTION labelled_sessions(text, text[], text[], int) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION own_labelled_sessions(text[], text[], int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION labelled_sessions(text, text[], text[], int) TO turngate_system;
GRANT EXECUTE ON FUNCTION own_labelled_sessions(text[], text[], int) TO turngate_app;

-- The new owner of a function needs CREATE on the schema at the moment it becomes the owner.
GRANT CREATE ON SCHEMA public TO turngate_system;
ALTER FUNCTION own_labelled_sessions(text[], text[], int) OWNER TO turngate_system;
REVOKE CREATE ON SCHEMA public FROM turngate_system;

-- The title of a session whose words change: one set by the user or a schedule stays. One made from the words is dropped, and the
-- gateway makes a new one.
CREATE FUNCTION title_without_words(s chat_sessions) RETURNS text
LANGUAGE sql IMMUTABLE
AS $$ SELECT CASE WHEN s.title_is_users OR s.channel = 'scheduled' THEN s.title END $$;

-- The framework ids that a session had before its new one (p_name; null: none), the newest few hundred of them.
CREATE FUNCTION agent_sessions_before(s chat_sessions, p_name text) RETURNS text[]
LANGUAGE sql IMMUTABLE
AS $$
    SELECT CASE WHEN s.agent_session IS NULL OR s.agent_session = p_name THEN known.names
        ELSE (array_remove(known.names, s.agent_session) || s.agent_session)[greatest(cardinality(known.names) - 498, 1):] END
    FROM (SELECT array_remove(s.former_agent_sessions, p_name) AS names) AS known
$$;

-- At most the 5,000 sessions with the latest activity; a null filters nothing. (`listed_at` is compared with `date_bin`, as the planner
-- would have to expand `second_of` each time, and not by equality, which the planner would expect of few rows.)
CREATE FUNCTION newest_sessions(
    p_user text, p_channel text, p_agent text, p_active boolean, p_keys text[], p_values text[]
) RETURNS TABLE (chat_id uuid, at timestamptz)
LANGUAGE sql STABLE
AS $$
    SELECT either.chat_id, either.at FROM (
        (
            SELECT l.chat_id, coalesce(l.last_message_at, l.created_at) AS at FROM chat_sessions AS l
            WHERE l.listed_at >= date_bin('1 second', coalesce(l.last_message_at, l.created_at), 'epoch')
                AND (p_user IS NULL OR l.user_id = p_user)
                AND (p_channel IS NULL OR l.channel = p_channel)
                AND (p_agent IS NULL OR l.agent_name = p_agent)
                AND (p_active IS NULL OR l.is_active = p_active)
                AND (p_keys IS NULL OR session_has(l.metadata, p_keys, p_values))
                AND ('stateless' = ANY (p_keys) OR l.metadata ->> 'stateless' IS DISTINCT FROM 'true')
            ORDER BY l.listed_at DESC, coalesce(l.last_message_at, l.created_at) DESC, l.chat_id DESC
            LIMIT 5000
        )
        UNION ALL
        SELECT u.chat_id, u.at FROM unlisted_sessions AS u
        WHERE (p_user IS NULL OR u.user_id = p_user)
            AND (p_channel IS NULL OR u.channel = p_channel)
            AND (p_agent IS NULL OR u.agent_name = p_agent)
            AND (p_active IS NULL OR u.is_active = p_active)
            AND (p_keys IS NULL OR session_has(u.metadata, p_keys, p_values))
            AND ('stateless' = ANY (p_keys) OR u.metadata ->> 'stateless' IS DISTINCT FROM 'true')
    ) AS either
    ORDER BY either.at DESC, either.chat_id DESC
    LIMIT 5000
$$;

-- migrate: rollback
