--An index: the words of messages. The one that takes its time.
-- depends: 0023_rewound_messages_index
-- transaction: false

-- migrate: apply

SET lock_timeout = 0;

DROP INDEX CONCURRENTLY IF EXISTS chat_messages_words;

-- Partial: deleted and hidden messages are never found. Without fast update: it saves no time here, and whichever message fills
-- the pending list would wait for seconds until it is emptied.
CREATE INDEX CONCURRENTLY chat_messages_words ON chat_messages USING gin (search_words(user_id, content))
    WITH (fastupdate = off) WHERE deleted_at IS NULL;

-- migrate: rollback

DROP INDEX CONCURRENTLY IF EXISTS chat_messages_words;
