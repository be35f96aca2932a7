--Titles from before session_titles are entered, some at a time.
-- depends: 0015_session_titles
-- transaction: false

-- migrate: apply

-- Row-level security may hide the rows from whoever migrates, so this is the gateway's own work, in each transaction. Nobody is waited for while rows are held: a session that
-- somebody works on is passed over, and looked at again. New titles are the trigger's.
DO $titles$
DECLARE
    v_after uuid;
    v_batch uuid[];
BEGIN
    LOOP
        v_after := '00000000-0000-0000-0000-000000000000';
        LOOP
            SET LOCAL ROLE turngate_system;
            v_batch := ARRAY(SELECT chat_id FROM chat_sessions WHERE chat_id >= v_after ORDER BY chat_id LIMIT 500);
            INSERT INTO session_titles (chat_id, user_id, title)
            SELECT s.chat_id, s.user_id, s.title FROM chat_sessions AS s
            WHERE s.chat_id = ANY (v_batch) AND s.title IS NOT NULL
                AND NOT EXISTS (SELECT FROM session_titles AS t WHERE t.chat_id = s.chat_id)
            FOR NO KEY UPDATE OF s SKIP LOCKED
            ON CONFLICT DO NOTHING;
            COMMIT;
            EXIT WHEN cardinality(v_batch) < 500;
            v_after := v_batch[500];
        END LOOP;
        SET LOCAL ROLE turngate_system;
        EXIT WHEN NOT EXISTS (
            SELECT FROM chat_sessions AS s LEFT JOIN session_titles AS t USING (chat_id)
            WHERE s.title IS NOT NULL AND t.chat_id IS NULL
        );
        COMMIT;
        PERFORM pg_sleep(0.1);
    END LOOP;
END
$titles$;

-- migrate: rollback
