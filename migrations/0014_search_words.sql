--What search holds of a text: its words, with the user whose they are.
-- depends: 0013_forks

-- migrate: apply

-- Likeness of words comes from an extension that ships with Postgres; whoever may create in the database may create it.
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

-- Users are spread over 64 shards, and each word is kept with its shard: looking for the beginning of a word reads a 64th of
-- everybody's, and who looks for everybody's asks 64 times.
CREATE FUNCTION search_shard(p_user text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
AS $$ SELECT chr(48 + (hashtext(p_user) & 63)) $$;

-- The words of a text, of its first 50,000 characters: a tsvector ends at 1 MiB, and no message may fail for what it says. The
-- parser takes quadratic time over runs without a space and over comments that never end, so runs are cut and no `<` opens a
-- tag. Names are qualified because indexes are maintained without a search path.
CREATE FUNCTION search_vector(p_text text) RETURNS tsvector
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT
AS $$
BEGIN
    IF octet_length(p_text) > 1000 THEN
        RETURN to_tsvector(
            'pg_catalog.simple', regexp_replace(translate(left(p_text, 50000), '<', ' '), '(\S{200})', '\1 ', 'g')
        );
    END IF;
    RETURN to_tsvector('pg_catalog.simple', translate(p_text, '<', ' '));
END
$$;

-- What the index holds of a text: whose it is, and its words with their shard.
CREATE FUNCTION search_words(p_user text, p_text text) RETURNS tsvector
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT
AS $$
DECLARE
    v_shard text := public.search_shard(p_user);
BEGIN
    RETURN array_to_tsvector(
        (chr(1) || left(p_user, 255)) || string_to_array(
            v_shard || array_to_string(tsvector_to_array(public.search_vector(p_text)), chr(1) || v_shard), chr(1)
        )
    );
END
$$;

-- All words of a text, the last as the beginning of one. With a shard: as `search_words` keeps them, of that user if one is named.
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

-- migrate: rollback

DROP FUNCTION search_query(text, text, text);
DROP FUNCTION search_words(text, text);
DROP FUNCTION search_vector(text);
DROP FUNCTION search_shard(text);
