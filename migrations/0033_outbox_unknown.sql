--A chunk whose fate stays unknown says so; sent and dead ones keep their names.
-- depends: 0032_message_kinds

-- migrate: apply

ALTER TABLE outbox DROP CONSTRAINT outbox_state_check;

-- NOT VALID: every row fits already, and nobody waits while a long table is read.
ALTER TABLE outbox ADD CONSTRAINT outbox_state_check CHECK (state IN ('unsent', 'sent', 'dead', 'unknown')) NOT VALID;

-- migrate: rollback

UPDATE outbox SET state = 'dead' WHERE state = 'unknown';

ALTER TABLE outbox DROP CONSTRAINT outbox_state_check;

ALTER TABLE outbox ADD CONSTRAINT outbox_state_check CHECK (state IN ('unsent', 'sent', 'dead'));
