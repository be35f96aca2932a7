--Search over titles and messages: by words through an index, by likeness among the newest.
-- depends: 0016_titles_of_before

-- migrate: apply

-- Whether metadata has these values, compared as text: 7 and "7" are the same, objects and lists are none.
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

-- How like a text is to all of some words, 0 to 1: as like as its least likely; below 0.33 it is not.
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

-- The sessions with the latest activity, 5,000 at most; a null narrows nothing.
CREATE FUNCTION newest_sessions(
    p_user text, p_channel text, p_agent text, p_active boolean, p_keys text[], p_values text[]
) RETURNS SETOF chat_sessions
LANGUAGE sql STABLE
AS $$
    SELECT * FROM chat_sessions
    WHERE (p_user IS NULL OR user_id = p_user)
        AND (p_channel IS NULL OR channel = p_channel)
        AND (p_agent IS NULL OR agent_name = p_agent)
        AND (p_active IS NULL OR is_active = p_active)
        AND (p_keys IS NULL OR session_has(metadata, p_keys, p_values))
    ORDER BY coalesce(last_message_at, created_at) DESC, chat_id DESC
    LIMIT 5000
$$;

-- Messages that hold all words of a text, and titles (seq 0), with their rank; p_user null: everybody's. Where no word fits, those
-- that are like the text, among the newest. Read through indexes only, and bounded at each step: of a word that is everywhere,
-- what was said last counts.
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
        v_most := 250;
    ELSE
        v_kept := ARRAY[search_query(p_text, search_shard(p_user), p_user)];
        v_most := 5000;
    END IF;

    IF numnode(v_query) > 0 THEN
        RETURN QUERY
        WITH said AS MATERIALIZED (
            SELECT kept.place, m.chat_id, m.seq, m.created_at
            FROM unnest(v_kept) WITH ORDINALITY AS kept (words, place)
            CROSS JOIN LATERAL (
                SELECT c.chat_id, c.seq, c.created_at FROM chat_messages AS c
                WHERE c.deleted_at IS NULL AND search_words(c.user_id, c.content) @@ kept.words
                    AND (p_user IS NULL OR c.user_id = p_user)
                LIMIT v_most
            ) AS m
        ), lately AS (
            SELECT m.chat_id, m.seq, m.created_at
            FROM newest_sessions(p_user, p_channel, p_agent, p_active, p_keys, p_values) AS s
            CROSS JOIN LATERAL (
                SELECT * FROM chat_messages AS c
                WHERE c.chat_id = s.chat_id AND c.deleted_at IS NULL ORDER BY c.seq DESC LIMIT 100
            ) AS m
            LIMIT 3000
        ), told AS (
            SELECT t.chat_id, t.seq, row_number() OVER (ORDER BY t.created_at DESC) AS place
            FROM (
                SELECT chat_id, seq, created_at FROM said
                UNION
                SELECT l.chat_id, l.seq, l.created_at FROM lately AS l JOIN chat_messages AS c USING (chat_id, seq)
                WHERE EXISTS (SELECT FROM said GROUP BY place HAVING count(*) = v_most)
                    AND search_vector(c.content) @@ v_query
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
        FROM newest_sessions(p_user, p_channel, p_agent, p_active, p_keys, p_values) AS s
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

-- The same among the rows of the user whom the transaction speaks for, and of nobody where it speaks for none. Row-level security
-- would keep the application's own role from the index, since the operators of full text are not leakproof.
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

-- A function's owner must be allowed to create where it is, for the moment of becoming it.
GRANT CREATE ON SCHEMA public TO turngate_system;
ALTER FUNCTION find_own_matches(text, text, text, boolean, text[], text[]) OWNER TO turngate_system;
REVOKE CREATE ON SCHEMA public FROM turngate_system;

-- migrate: rollback

DROP FUNCTION search_matches(boolean, text, text, text, boolean, text[], text[]);
DROP FUNCTION find_own_matches(text, text, text, boolean, text[], text[]);
DROP FUNCTION find_matches(text, text, text, text, boolean, text[], text[]);
DROP FUNCTION search_likeness(text[], text);
DROP FUNCTION newest_sessions(text, text, text, boolean, text[], text[]);
DROP FUNCTION session_has(jsonb, text[], text[]);
