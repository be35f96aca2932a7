--Titles are kept once more, for search, whenever they change.
-- depends: 0014_search_words

-- migrate: apply

-- Titles once more: with an index on chat_sessions every message would enter its session's title anew.
CREATE TABLE session_titles (
    chat_id uuid PRIMARY KEY REFERENCES chat_sessions ON DELETE CASCADE,
    user_id text NOT NULL,
    title text NOT NULL
);

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

-- migrate: rollback

DROP TRIGGER keep_changed_title ON chat_sessions;
DROP TRIGGER keep_new_title ON chat_sessions;
DROP FUNCTION keep_session_title();
DROP TABLE session_titles;
