--The search index of words, separate from the messages, and how the gateway's indexer fills it.
-- depends: 0014_state

-- migrate: apply

-- Users are distributed over 64 shards, and each word is stored with its shard: a prefix search reads a 64th of all users' words,
-- and a search over all users queries 64 times.
CREATE FUNCTION search_shard(p_user text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
AS $$ SELECT chr(48 + (hashtext(p_user) & 63)) $$;

-- The words of the first 50,000 characters of a text: a tsvector is limited to 1 MiB, and no message may fail for its text. The
-- parser takes quadratic time for runs without a space and for unterminated comments, so runs are cut and no `<` opens a tag.
-- Names are qualified because indexes are maintained without a search path.
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

-- The index entries of a text: its owner, and its words with their shard.
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

-- The words of messages, separate from the messages: a turn writes none of them. An indexer of the gateway fills the table in
-- bulk, and a search reads messages that are not indexed yet directly.
CREATE TABLE message_words (
    chat_id uuid NOT NULL,
    seq bigint NOT NULL,
    user_id text NOT NULL,
    said_at timestamptz NOT NULL,
    words tsvector NOT NULL, -- `search_words`
    PRIMARY KEY (chat_id, seq)
);

SELECT turngate_protect('message_words');

-- New entries wait in the index's pending list until the indexer merges them in bulk, which costs a third of inserting them one
-- by one. Nothing else adds to the list, so nothing else ever waits for a merge.
CREATE INDEX message_words_words ON message_words USING gin (words) WITH (fastupdate = on, gin_pending_list_limit = 65536);

-- How far each session is indexed. Changing the words of a session requires a lock on its row: the indexer takes it while it
-- reads messages and inserts their words, and so does whatever changes or removes a message.
CREATE TABLE indexed_sessions (
    chat_id uuid PRIMARY KEY REFERENCES chat_sessions ON DELETE CASCADE,
    user_id text NOT NULL,
    seq bigint NOT NULL DEFAULT 0 -- all messages up to it are indexed
) WITH (fillfactor = 70);

SELECT turngate_protect('indexed_sessions');

-- What the indexer has to remember: one row.
CREATE TABLE search_progress (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    owner uuid, -- the replica that indexes, for as long as it lives
    looked_until timestamptz NOT NULL DEFAULT now(), -- sessions whose last activity was before are indexed
    swept_after uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000', -- how far the round through all sessions has come
    rounds int NOT NULL DEFAULT 0 -- how many rounds are complete; during the first, messages from before are indexed
);

INSERT INTO search_progress DEFAULT VALUES;

GRANT SELECT, UPDATE ON search_progress TO turngate_system;

-- Locks the words of sessions until the transaction ends, whether or not any of their messages are indexed yet.
CREATE FUNCTION hold_words(p_chats uuid[]) RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
    INSERT INTO indexed_sessions (chat_id, user_id)
    SELECT s.chat_id, s.user_id FROM chat_sessions AS s WHERE s.chat_id = ANY (p_chats) ORDER BY s.chat_id
    ON CONFLICT DO NOTHING;
    PERFORM FROM indexed_sessions WHERE chat_id = ANY (p_chats) ORDER BY chat_id FOR NO KEY UPDATE;
END
$$;

-- The words of a text; none if Postgres rejects it, so that no text prevents others from being indexed.
CREATE FUNCTION search_words_or_none(p_user text, p_text text) RETURNS tsvector
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT
AS $$
BEGIN
    RETURN search_words(p_user, p_text);
EXCEPTION WHEN program_limit_exceeded OR data_exception THEN
    RETURN ''::tsvector;
END
$$;

-- A message was edited, deleted, restored or given to another user: its words follow in the same commit. Those of a message that
-- is not indexed yet are left to the indexer.
CREATE FUNCTION words_follow_change() RETURNS trigger
LANGUAGE plpgsql
AS $$
DECLARE
    v_chats uuid[];
    v_seqs bigint[];
BEGIN
    SELECT array_agg(n.chat_id), array_agg(n.seq) INTO v_chats, v_seqs
    FROM former AS f JOIN changed AS n ON n.chat_id = f.chat_id AND n.seq = f.seq
    WHERE f.content <> n.content OR f.deleted_at IS DISTINCT FROM n.deleted_at OR f.user_id <> n.user_id;
    IF v_chats IS NULL THEN
        RETURN NULL;
    END IF;
    PERFORM hold_words(v_chats);
    DELETE FROM message_words AS w USING unnest(v_chats, v_seqs) AS c (chat_id, seq)
    WHERE w.chat_id = c.chat_id AND w.seq = c.seq;
    INSERT INTO message_words (chat_id, seq, user_id, said_at, words)
    SELECT n.chat_id, n.seq, n.user_id, n.created_at, search_words_or_none(n.user_id, n.content)
    FROM unnest(v_chats, v_seqs) AS c (chat_id, seq)
    JOIN changed AS n ON n.chat_id = c.chat_id AND n.seq = c.seq
    JOIN indexed_sessions AS i ON i.chat_id = n.chat_id AND i.seq >= n.seq
    WHERE n.deleted_at IS NULL;
    RETURN NULL;
END
$$;

-- By statement: hiding a long conversation changes thousands of rows.
CREATE TRIGGER words_follow_change AFTER UPDATE ON chat_messages
    REFERENCING OLD TABLE AS former NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION words_follow_change();

CREATE FUNCTION words_follow_removal() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM hold_words(ARRAY(SELECT DISTINCT chat_id FROM removed));
    DELETE FROM message_words AS w USING removed AS r WHERE w.chat_id = r.chat_id AND w.seq = r.seq;
    RETURN NULL;
END
$$;

CREATE TRIGGER words_follow_removal AFTER DELETE ON chat_messages
    REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION words_follow_removal();

-- Finds messages to index, for the replica that indexes; `leads` is false if another live replica does. `chats`: sessions with
-- such messages, at most 5,000 (`more` tells if there are others): those with activity since `p_looked` (null: where the last
-- indexer stopped) less `p_overlap`, and the next `p_sweep` of the pass over all sessions. Records `p_looked` and `p_swept`:
-- everything found up to there is indexed.
CREATE FUNCTION look_for_words(
    p_owner uuid, p_looked timestamptz, p_overlap interval, p_swept uuid, p_sweep int,
    OUT leads boolean, OUT looked_at timestamptz, OUT chats uuid[], OUT more boolean, OUT sweep_end uuid, OUT first_round boolean
)
LANGUAGE plpgsql
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
#variable_conflict use_column
DECLARE
    p search_progress;
    v_swept uuid[];
    v_end CONSTANT uuid := 'ffffffff-ffff-ffff-ffff-ffffffffffff';
BEGIN
    SELECT * INTO p FROM search_progress;
    leads := p.owner = p_owner;
    IF leads IS NOT TRUE THEN
        UPDATE search_progress SET owner = p_owner
        WHERE NOT EXISTS (SELECT FROM replicas AS r WHERE r.replica_id = owner AND r.expires_at > clock_timestamp());
        leads := FOUND;
        IF NOT leads THEN
            RETURN;
        END IF;
    ELSIF p_looked > p.looked_until + interval '30 seconds' OR p_swept <> p.swept_after THEN
        UPDATE search_progress SET
            looked_until = greatest(looked_until, p_looked), swept_after = coalesce(p_swept, swept_after),
            rounds = rounds + coalesce((p_swept = v_end)::int, 0)
        RETURNING * INTO p;
    END IF;
    looked_at := clock_timestamp();
    first_round := p.rounds = 0;
    IF p_sweep > 0 THEN
        v_swept := ARRAY(SELECT s.chat_id FROM chat_sessions AS s WHERE s.chat_id > nullif(p.swept_after, v_end) OR p.swept_after = v_end ORDER BY s.chat_id LIMIT p_sweep);
        sweep_end := coalesce(v_swept[p_sweep], v_end);
    END IF;
    chats := ARRAY(
        SELECT DISTINCT near.chat_id FROM (
            SELECT s.chat_id FROM chat_sessions AS s
            WHERE s.listed_at > least(coalesce(p_looked, p.looked_until), looked_at) - p_overlap - interval '1 second'
            UNION ALL
            SELECT a.chat_id FROM recent_activity AS a
            UNION ALL
            SELECT * FROM unnest(v_swept)
        ) AS near
        CROSS JOIN LATERAL (SELECT max(m.seq) AS seq FROM chat_messages AS m WHERE m.chat_id = near.chat_id) AS last
        WHERE last.seq > coalesce((SELECT i.seq FROM indexed_sessions AS i WHERE i.chat_id = near.chat_id), 0)
        LIMIT 5001
    );
    more := cardinality(chats) > 5000;
    chats := chats[:5000];
    -- Skips a locked session, which is checked again later.
    INSERT INTO indexed_sessions (chat_id, user_id)
    SELECT s.chat_id, s.user_id FROM chat_sessions AS s
    WHERE s.chat_id = ANY (chats) AND NOT EXISTS (SELECT FROM indexed_sessions AS i WHERE i.chat_id = s.chat_id)
    ORDER BY s.chat_id FOR KEY SHARE SKIP LOCKED
    ON CONFLICT DO NOTHING;
END
$$;

-- Indexes up to `p_most` messages of sessions found by `look_for_words`. Locked ones are left for another time. `p_carefully`:
-- texts whose words Postgres rejects are recorded without words, and returned. `remaining`: the sessions with messages left.
CREATE FUNCTION index_words(
    p_chats uuid[], p_most int, p_carefully boolean, OUT indexed bigint, OUT refused text[], OUT remaining uuid[]
)
LANGUAGE plpgsql
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
DECLARE
    v_held uuid[];
BEGIN
    v_held := ARRAY(
        SELECT chat_id FROM indexed_sessions WHERE chat_id = ANY (p_chats) ORDER BY chat_id FOR NO KEY UPDATE SKIP LOCKED
    );
    -- A separate statement: it sees what was committed before the rows were locked.
    WITH behind AS (
        SELECT
            i.chat_id, i.seq AS mark, last.seq AS last,
            sum(last.seq - i.seq) OVER (ORDER BY i.chat_id) - (last.seq - i.seq) AS before
        FROM indexed_sessions AS i
        CROSS JOIN LATERAL (SELECT max(m.seq) AS seq FROM chat_messages AS m WHERE m.chat_id = i.chat_id) AS last
        WHERE i.chat_id = ANY (v_held) AND last.seq > i.seq
    ), taken AS (
        SELECT chat_id, mark, last, least(last, mark + p_most - before)::bigint AS reach FROM behind WHERE before < p_most
    ), entered AS (
        INSERT INTO message_words (chat_id, seq, user_id, said_at, words)
        SELECT m.chat_id, m.seq, m.user_id, m.created_at,
            CASE WHEN p_carefully THEN search_words_or_none(m.user_id, m.content) ELSE search_words(m.user_id, m.content) END
        FROM taken AS t JOIN chat_messages AS m ON m.chat_id = t.chat_id AND m.seq > t.mark AND m.seq <= t.reach
        WHERE m.deleted_at IS NULL
        ON CONFLICT DO NOTHING
        RETURNING chat_id, seq, words
    ), moved AS (
        UPDATE indexed_sessions AS i SET seq = t.reach FROM taken AS t WHERE i.chat_id = t.chat_id
    )
    SELECT
        (SELECT coalesce(sum(t.reach - t.mark), 0) FROM taken AS t),
        ARRAY(SELECT e.chat_id || '.' || e.seq FROM entered AS e WHERE length(e.words) = 0),
        ARRAY(SELECT unnest(p_chats) EXCEPT SELECT unnest(v_held)) || ARRAY(
            SELECT b.chat_id FROM behind AS b LEFT JOIN taken AS t USING (chat_id) WHERE t.reach IS DISTINCT FROM b.last
        )
    INTO indexed, refused, remaining;
END
$$;

-- Messages that are not indexed yet, of sessions with activity since nearly everything was (the newest 500 of a user's, 2,000 of
-- all users', and as many that are not in their places in lists' indexes yet): the newest 1,000 of each, 3,000 in all. Two minutes
-- cover transactions that were still open when the indexer ran.
CREATE FUNCTION unindexed_messages(p_user text) RETURNS TABLE (chat_id uuid, seq bigint, said_at timestamptz, content text)
LANGUAGE sql STABLE
AS $$
    SELECT m.chat_id, m.seq, m.created_at, m.content
    FROM (
        (
            SELECT u.chat_id FROM unlisted_sessions AS u
            WHERE p_user IS NULL OR u.user_id = p_user
            ORDER BY u.at DESC
            LIMIT CASE WHEN p_user IS NULL THEN 2000 ELSE 500 END
        )
        UNION ALL
        (
            SELECT s.chat_id FROM chat_sessions AS s
            WHERE s.listed_at >= date_bin('1 second', coalesce(s.last_message_at, s.created_at), 'epoch')
                AND (p_user IS NULL OR s.user_id = p_user)
                AND s.listed_at >= (SELECT least(p.looked_until, now()) - interval '2 minutes' FROM search_progress AS p)
            ORDER BY s.listed_at DESC, coalesce(s.last_message_at, s.created_at) DESC, s.chat_id DESC
            LIMIT CASE WHEN p_user IS NULL THEN 2000 ELSE 500 END
        )
    ) AS near
    CROSS JOIN LATERAL (
        SELECT * FROM chat_messages AS c
        WHERE c.chat_id = near.chat_id AND c.deleted_at IS NULL
            AND c.seq > coalesce((SELECT i.seq FROM indexed_sessions AS i WHERE i.chat_id = near.chat_id), 0)
        ORDER BY c.seq DESC LIMIT 1000
    ) AS m
    LIMIT 3000
$$;

REVOKE EXECUTE ON FUNCTION look_for_words(uuid, timestamptz, interval, uuid, int) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION index_words(uuid[], int, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION look_for_words(uuid, timestamptz, interval, uuid, int) TO turngate_system;
GRANT EXECUTE ON FUNCTION index_words(uuid[], int, boolean) TO turngate_system;

-- migrate: rollback
