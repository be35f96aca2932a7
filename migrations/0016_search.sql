--Search in titles and messages: by words through an index, by similarity among the newest.
-- depends: 0015_words

-- migrate: apply

-- Word similarity comes from an extension that ships with Postgres; CREATE permission on the database is enough to create it.
DO $extension$
DECLARE
    place name;
BEGIN
    BEGIN
        CREATE EXTENSION IF NOT EXISTS pg_trgm SCHEMA public;
    EXCEPTION
        WHEN insufficient_privilege THEN
            RAISE EXCEPTION 'A superuser must run once in the database %: CREATE EXTENSION pg_trgm SCHEMA public', current_database();
        WHEN undefined_file OR feature_not_supported THEN
            RAISE EXCEPTION 'This server lacks the extension pg_trgm. Install its contrib package (Debian: postgresql-contrib), then migrate again';
    END;
    SELECT n.nspname INTO place
    FROM pg_extension AS e JOIN pg_namespace AS n ON n.oid = e.extnamespace WHERE e.extname = 'pg_trgm';
    IF place <> 'public' THEN
        RAISE EXCEPTION 'A superuser must run once in the database %: ALTER EXTENSION pg_trgm SET SCHEMA public', current_database();
    END IF;
END
$extension$;

-- A copy of the titles: with an index on chat_sessions, every message would insert its session's title again.
CREATE TABLE session_titles (
    chat_id uuid PRIMARY KEY REFERENCES chat_sessions ON DELETE CASCADE,
    user_id text NOT NULL,
    title text NOT NULL
);

CREATE INDEX session_titles_words ON session_titles USING gin (search_words(user_id, title)) WITH (fastupdate = off);

SELECT turngate_protect('session_titles');

CREATE FUNCTION keep_session_title() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    IF NEW.title IS NULL THEN
        DELETE FROM session_titles WHERE chat_id = NEW.chat_id;
    ELSE
        INSERT INTO session_titles (chat_id, user_id, title) VALUES (NEW.chat_id, NEW.user_id, NEW.title)
        ON CONFLICT (chat_id) DO UPDATE SET user_id = excluded.user_id, title = excluded.title;
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER keep_new_title AFTER INSERT ON chat_sessions
    FOR EACH ROW WHEN (NEW.title IS NOT NULL) EXECUTE FUNCTION keep_session_title();

CREATE TRIGGER keep_changed_title AFTER UPDATE OF title, user_id ON chat_sessions
    FOR EACH ROW WHEN (OLD.title IS DISTINCT FROM NEW.title OR OLD.user_id <> NEW.user_id)
    EXECUTE FUNCTION keep_session_title();

-- All words of a text, the last one as a prefix. With a shard: as `search_words` stores them, for that user if one is named.
CREATE FUNCTION search_query(p_text text, p_shard text, p_user text) RETURNS tsquery
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
    WITH words AS (
        SELECT p_shard || word AS word, '' AS reach FROM unnest(tsvector_to_array(search_vector(p_text))) AS word
        UNION ALL
        SELECT p_shard || word, ':*' FROM unnest(tsvector_to_array(search_vector(substring(p_text FROM '\S+\s*$')))) AS word
        UNION ALL
        SELECT chr(1) || left(p_user, 255), '' WHERE p_user IS NOT NULL
    )
    SELECT coalesce(
        string_agg('''' || replace(replace(word, '\', '\\'), '''', '''''') || '''' || reach, ' & '), ''
    )::tsquery
    FROM (SELECT word, max(reach) AS reach FROM words GROUP BY word) AS each_once
$$;

-- The similarity of a text to all of some words, 0 to 1: that of its least similar word; below 0.33 it does not match.
CREATE FUNCTION search_likeness(p_words text[], p_text text) RETURNS real
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
DECLARE
    v_word text;
    v_least real := 1;
BEGIN
    IF p_text IS NULL OR cardinality(p_words) = 0 THEN
        RETURN 0;
    END IF;
    FOREACH v_word IN ARRAY p_words LOOP
        v_least := least(v_least, strict_word_similarity(v_word, p_text));
        IF v_least < 0.33 THEN
            RETURN 0;
        END IF;
    END LOOP;
    RETURN v_least;
END
$$;

-- Messages that contain all words of a text, and titles (seq 0), with their rank; p_user null: all users'. If no word matches,
-- those similar to the text, among the newest. Reads through indexes only, and is limited at each step: for a very frequent word,
-- the latest messages count.
CREATE FUNCTION find_matches(
    p_user text, p_text text, p_channel text, p_agent text, p_active boolean, p_keys text[], p_values text[]
) RETURNS TABLE (chat_id uuid, seq bigint, rank real)
LANGUAGE plpgsql STABLE ROWS 1000
SET enable_seqscan = off
SET plan_cache_mode = force_custom_plan
AS $$
#variable_conflict use_column
DECLARE
    v_query tsquery := search_query(p_text, '', NULL);
    v_words text[] := tsvector_to_array(search_vector(p_text));
    v_kept tsquery[];
    v_most int;
BEGIN
    IF p_user IS NULL THEN
        v_kept := ARRAY(SELECT search_query(p_text, chr(48 + shard), NULL) FROM generate_series(0, 63) AS shard);
        v_most := 40;
    ELSE
        v_kept := ARRAY[search_query(p_text, search_shard(p_user), p_user)];
        v_most := 5000;
    END IF;

    IF numnode(v_query) > 0 THEN
        RETURN QUERY
        WITH said AS MATERIALIZED (
            SELECT kept.place, m.chat_id, m.seq, m.said_at
            FROM unnest(v_kept) WITH ORDINALITY AS kept (words, place)
            CROSS JOIN LATERAL (
                SELECT w.chat_id, w.seq, w.said_at FROM message_words AS w
                WHERE w.words @@ kept.words AND (p_user IS NULL OR w.user_id = p_user)
                LIMIT v_most
            ) AS m
        ), lately AS (
            SELECT m.chat_id, m.seq, m.created_at AS said_at, m.content
            FROM newest_sessions(p_user, p_channel, p_agent, p_active, p_keys, p_values) AS s
            CROSS JOIN LATERAL (
                SELECT * FROM chat_messages AS c
                WHERE c.chat_id = s.chat_id AND c.deleted_at IS NULL ORDER BY c.seq DESC LIMIT 100
            ) AS m
            LIMIT 3000
        ), read AS (
            SELECT * FROM unindexed_messages(p_user)
            UNION ALL
            SELECT * FROM lately WHERE EXISTS (SELECT FROM said GROUP BY place HAVING count(*) = v_most)
        ), told AS (
            SELECT t.chat_id, t.seq, row_number() OVER (ORDER BY t.said_at DESC) AS place
            FROM (
                SELECT chat_id, seq, said_at FROM said
                UNION
                -- Most texts lack a word, and checking that costs a tenth of parsing them.
                SELECT chat_id, seq, said_at FROM read
                WHERE CASE WHEN EXISTS (
                    SELECT FROM unnest(v_words) AS word WHERE strpos(lower(left(content, 50000)), word) = 0
                ) THEN false ELSE search_vector(content) @@ v_query END
            ) AS t
        )
        SELECT t.chat_id, t.seq, CASE WHEN t.place <= 300 THEN (
            SELECT ts_rank(search_vector(c.content), v_query, 1) FROM chat_messages AS c
            WHERE c.chat_id = t.chat_id AND c.seq = t.seq
        ) ELSE 0 END
        FROM told AS t
        UNION ALL
        SELECT t.chat_id, 0, ts_rank(setweight(search_vector(t.title), 'A'), v_query, 1)
        FROM unnest(v_kept) AS kept
        CROSS JOIN LATERAL (
            SELECT * FROM session_titles AS s
            WHERE search_words(s.user_id, s.title) @@ kept AND (p_user IS NULL OR s.user_id = p_user)
            LIMIT v_most
        ) AS t;
        IF FOUND THEN
            RETURN;
        END IF;
    END IF;

    RETURN QUERY
    WITH sessions AS MATERIALIZED (
        SELECT s.chat_id, s.title, search_likeness(v_words, s.title) AS likeness
        FROM newest_sessions(p_user, p_channel, p_agent, p_active, p_keys, p_values) AS n
        CROSS JOIN LATERAL (SELECT c.chat_id, c.title FROM chat_sessions AS c WHERE c.chat_id = n.chat_id OFFSET 0) AS s
    ), messages AS (
        SELECT m.chat_id, m.seq, m.content, search_likeness(v_words, left(m.content, 1000)) AS likeness
        FROM sessions AS s
        CROSS JOIN LATERAL (
            SELECT c.chat_id, c.seq, c.content FROM chat_messages AS c
            WHERE c.chat_id = s.chat_id AND c.deleted_at IS NULL ORDER BY c.seq DESC LIMIT 1000
        ) AS m
        LIMIT 3000
    )
    SELECT s.chat_id, 0::bigint, greatest(s.likeness, 0.3::real) FROM sessions AS s
    WHERE s.likeness > 0 OR strpos(lower(s.title), lower(p_text)) > 0
    UNION ALL
    SELECT m.chat_id, m.seq, greatest(m.likeness, 0.3::real) / 10::real FROM messages AS m
    WHERE m.likeness > 0 OR strpos(lower(left(m.content, 1000)), lower(p_text)) > 0;
END
$$;

-- The same for the rows of the transaction's user, and none if it has no user. Under row-level security the application's own
-- role could not use the index, since the full text operators are not leakproof.
CREATE FUNCTION find_own_matches(
    p_text text, p_channel text, p_agent text, p_active boolean, p_keys text[], p_values text[]
) RETURNS TABLE (chat_id uuid, seq bigint, rank real)
LANGUAGE plpgsql STABLE ROWS 1000 SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    IF turngate_user() IS NOT NULL THEN
        RETURN QUERY SELECT * FROM find_matches(turngate_user(), p_text, p_channel, p_agent, p_active, p_keys, p_values);
    END IF;
END
$$;

-- One of the two: p_everyones is for turngate_system only.
CREATE FUNCTION search_matches(
    p_everyones boolean, p_text text, p_channel text, p_agent text, p_active boolean, p_keys text[], p_values text[]
) RETURNS TABLE (chat_id uuid, seq bigint, rank real)
LANGUAGE plpgsql STABLE ROWS 1000
AS $$
BEGIN
    IF p_everyones THEN
        RETURN QUERY SELECT * FROM find_matches(NULL, p_text, p_channel, p_agent, p_active, p_keys, p_values);
    ELSE
        RETURN QUERY SELECT * FROM find_own_matches(p_text, p_channel, p_agent, p_active, p_keys, p_values);
    END IF;
END
$$;

REVOKE EXECUTE ON FUNCTION find_matches(text, text, text, text, boolean, text[], text[]) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION find_own_matches(text, text, text, boolean, text[], text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION find_matches(text, text, text, text, boolean, text[], text[]) TO turngate_system;
GRANT EXECUTE ON FUNCTION find_own_matches(text, text, text, boolean, text[], text[]) TO turngate_app;

-- The new owner of a function needs CREATE on the schema at the moment it becomes the owner.
GRANT CREATE ON SCHEMA public TO turngate_system;
ALTER FUNCTION find_own_matches(text, text, text, boolean, text[], text[]) OWNER TO turngate_system;
REVOKE CREATE ON SCHEMA public FROM turngate_system;

-- migrate: rollback
