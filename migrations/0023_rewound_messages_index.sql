--An index: the messages of a session that were taken back.
-- depends: 0022_changed_messages_index
-- transaction: false

-- migrate: apply

SET lock_timeout = 0;

DROP INDEX CONCURRENTLY IF EXISTS chat_messages_rewound;

CREATE INDEX CONCURRENTLY chat_messages_rewound ON chat_messages (chat_id, seq) WHERE rewound;

-- migrate: rollback

DROP INDEX CONCURRENTLY IF EXISTS chat_messages_rewound;
