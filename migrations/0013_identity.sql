--Identity: API tokens, sign-in codes, links to accounts on networks, and visitors identified as users.
-- depends: 0012_schedules

-- migrate: apply

CREATE TABLE api_tokens (
    token_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    digest bytea NOT NULL UNIQUE, -- SHA-256: the token itself is nowhere
    user_id text NOT NULL,
    name text,
    role text NOT NULL CHECK (role IN ('user', 'operator')),
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    last_used_at timestamptz,
    revoked_at timestamptz
);

CREATE INDEX api_tokens_user_id ON api_tokens (user_id);

SELECT turngate_protect('api_tokens');

CREATE TABLE sign_in_codes (
    digest bytea PRIMARY KEY,
    user_id text NOT NULL,
    role text NOT NULL CHECK (role IN ('user', 'operator')),
    expires_at timestamptz NOT NULL
);

SELECT turngate_protect('sign_in_codes');

-- A person on a network is this user. A user may have several links, a person only one.
CREATE TABLE links (
    link_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id text NOT NULL,
    channel text NOT NULL,
    external_id text NOT NULL,
    display_name text,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (channel, external_id)
);

CREATE INDEX links_user_id ON links (user_id, created_at);

SELECT turngate_protect('links');

-- One-time codes. `external_id`: the person on that network who asked for the code, for a user to redeem; null: the other way
-- round.
CREATE TABLE link_codes (
    digest bytea PRIMARY KEY, -- SHA-256: the code itself is nowhere
    user_id text NOT NULL,
    channel text NOT NULL,
    external_id text,
    display_name text,
    expires_at timestamptz NOT NULL
);

SELECT turngate_protect('link_codes');

-- Visitors identified as `user_id` (null: a user who was erased): their tokens are no longer valid.
CREATE TABLE identified_visitors (
    visitor_id text PRIMARY KEY,
    user_id text,
    sessions int NOT NULL DEFAULT 0,
    identified_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX identified_visitors_user_id ON identified_visitors (user_id);

CREATE INDEX identified_visitors_identified_at ON identified_visitors (identified_at);

SELECT turngate_protect('identified_visitors');

-- Whether a user id is that of a person on a network without a link, in either of its two forms.
CREATE FUNCTION is_stranger(p_user text, p_channel text, p_account text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT p_user IN (p_channel || ':' || p_account, 'visitor:' || p_channel || ':' || p_account) $$;

-- The user whom a message is stored for, which nobody can change before the transaction ends. A person on a network (p_account)
-- is the user they are linked to, or else a user of their own; no row if that is not p_user. A visitor is p_user, or the user
-- they were identified as; no row if that user was erased. Before route, session and turn, this locks the link or the visitor's
-- id: ending a link or identifying a visitor locks it first. (A visitor has no row yet; the lock is that of `not_being_erased`.)
CREATE FUNCTION sender_of(p_user text, p_channel text, p_account text) RETURNS SETOF text
LANGUAGE plpgsql ROWS 1 SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    v_user text;
BEGIN
    IF p_account IS NOT NULL THEN
        SELECT l.user_id INTO v_user FROM links AS l WHERE l.channel = p_channel AND l.external_id = p_account FOR KEY SHARE;
        IF coalesce(v_user = p_user, is_stranger(p_user, p_channel, p_account)) THEN
            RETURN NEXT p_user;
        END IF;
    ELSE
        PERFORM pg_advisory_xact_lock_shared(hashtextextended(p_user, 30));
        SELECT v.user_id INTO v_user FROM identified_visitors AS v WHERE v.visitor_id = p_user;
        IF NOT FOUND THEN
            RETURN NEXT p_user;
        ELSIF v_user IS NOT NULL THEN
            RETURN NEXT v_user;
        END IF;
    END IF;
END
$$;

-- The same for many accounts, in their order: null for a person who is another user, or whose link is being ended. A sender
-- without an account is who they are: a plain message needs a route or session of theirs, which an identified visitor does not
-- have.
CREATE FUNCTION senders_of(p_users text[], p_channels text[], p_accounts text[]) RETURNS text[]
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
    WITH held AS MATERIALIZED (
        SELECT i.place, l.user_id
        FROM unnest(p_channels, p_accounts) WITH ORDINALITY AS i (channel, account, place)
        JOIN links AS l ON l.channel = i.channel AND l.external_id = i.account
        ORDER BY l.channel, l.external_id FOR KEY SHARE OF l SKIP LOCKED
    )
    SELECT array_agg(
        CASE WHEN i.account IS NULL OR coalesce(h.user_id = i.user_id, is_stranger(i.user_id, i.channel, i.account)) THEN i.user_id END
        ORDER BY i.place
    )
    FROM unnest(p_users, p_channels, p_accounts) WITH ORDINALITY AS i (user_id, channel, account, place)
    LEFT JOIN held AS h ON h.place = i.place
$$;

REVOKE EXECUTE ON FUNCTION sender_of, senders_of FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sender_of, senders_of TO turngate_app;

-- The new owner of a function needs CREATE on the schema at the moment it becomes the owner.
GRANT CREATE ON SCHEMA public TO turngate_system;
ALTER FUNCTION sender_of OWNER TO turngate_system;
ALTER FUNCTION senders_of OWNER TO turngate_system;
REVOKE CREATE ON SCHEMA public FROM turngate_system;

-- Gives a visitor's sessions to a user, with the rows of every table that belongs to a session; for turngate_system. `busy`: an
-- answer is being written; `taken`: the visitor was identified as another user. The caller rolls back then.
CREATE FUNCTION identify_visitor(p_visitor text, p_user text, OUT status text, OUT moved int)
LANGUAGE plpgsql
AS $$
DECLARE
    v_user text;
    v_chats uuid[];
    v_table regclass;
BEGIN
    -- Whatever the visitor was starting exists by now, and is moved too; whatever they start later is the user's.
    PERFORM pg_advisory_xact_lock(hashtextextended(p_visitor, 30));
    -- Refused while the user is being erased, even if the row exists: nothing else prevents the visitor's rows from being moved
    -- then.
    INSERT INTO identified_visitors (visitor_id, user_id) VALUES (p_visitor, p_user) ON CONFLICT (visitor_id) DO NOTHING;
    SELECT user_id INTO v_user FROM identified_visitors WHERE visitor_id = p_visitor FOR UPDATE;
    IF v_user IS DISTINCT FROM p_user THEN
        status := 'taken';
        RETURN;
    END IF;
    -- Locks in the common order: route, session, turn.
    PERFORM FROM routes WHERE user_id IN (p_visitor, p_user) ORDER BY user_id, route FOR UPDATE;
    SELECT array_agg(chat_id) INTO v_chats FROM (
        SELECT chat_id FROM chat_sessions WHERE user_id = p_visitor ORDER BY chat_id FOR UPDATE
    ) AS locked;
    -- A turn names its user wherever it runs: if it moved in the meantime, its result would find no session.
    IF EXISTS (SELECT FROM turns WHERE chat_id = ANY (v_chats) AND turns.status IN ('queued', 'running')) THEN
        status := 'busy';
        RETURN;
    END IF;
    -- If the user already has a current session, it stays current.
    INSERT INTO routes (user_id, route, chat_id)
    SELECT p_user, route, chat_id FROM routes WHERE user_id = p_visitor AND chat_id IS NOT NULL ORDER BY route
    ON CONFLICT (user_id, route) DO UPDATE SET chat_id = coalesce(routes.chat_id, excluded.chat_id);
    DELETE FROM routes WHERE user_id = p_visitor;
    -- A key that the user gave to another session stays with that session.
    DELETE FROM external_keys AS k
    WHERE k.user_id = p_visitor
        AND EXISTS (SELECT FROM external_keys AS o WHERE o.user_id = p_user AND o.external_key = k.external_key);
    UPDATE chat_sessions SET updated_at = greatest(updated_at, clock_timestamp()) WHERE chat_id = ANY (v_chats);
    FOR v_table IN
        SELECT c.oid::regclass FROM pg_class AS c
        JOIN pg_attribute AS u ON u.attrelid = c.oid AND u.attname = 'user_id' AND NOT u.attisdropped
        JOIN pg_attribute AS s ON s.attrelid = c.oid AND s.attname = 'chat_id' AND NOT s.attisdropped
        WHERE c.relnamespace = (SELECT o.relnamespace FROM pg_class AS o WHERE o.oid = 'chat_sessions'::regclass)
            AND c.relkind = 'r'
        ORDER BY c.oid
    LOOP
        EXECUTE format('UPDATE %s SET user_id = $1 WHERE chat_id = ANY ($2)', v_table) USING p_user, v_chats;
    END LOOP;
    status := 'identified';
    UPDATE identified_visitors SET sessions = sessions + coalesce(cardinality(v_chats), 0) WHERE visitor_id = p_visitor
    RETURNING sessions INTO moved;
END
$$;

-- migrate: rollback
