--An index: the words of titles.
-- depends: 0024_message_words_index
-- transaction: false

-- migrate: apply

SET lock_timeout = 0;

DROP INDEX CONCURRENTLY IF EXISTS session_titles_words;

CREATE INDEX CONCURRENTLY session_titles_words ON session_titles USING gin (search_words(user_id, title)) WITH (fastupdate = off);

-- migrate: rollback

DROP INDEX CONCURRENTLY IF EXISTS session_titles_words;
