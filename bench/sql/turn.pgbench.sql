-- T1 and T2 as storage/sql/turns.sql calls them, each client in a session of its own.
SELECT a.*, (a.turn).turn_id AS turn_id, (a.turn).chat_id AS chat_id, (a.turn).epoch AS epoch
FROM accept_message(
    'pgbench-' || :client_id, 'web', 'assistant', :question, gen_random_uuid()::text, :route, NULL,
    '{}', false, false, false, NULL, '15 minutes', 'enqueue', false, '300 seconds', 20, '00000000-0000-4000-8000-000000000001',
    100, gen_random_uuid()
) AS a \gset
SELECT * FROM finish_turn(
    'pgbench-' || :client_id, :chat_id, :turn_id, '00000000-0000-4000-8000-000000000001', :epoch, 'completed', :reply,
    NULL, NULL, NULL, NULL, '{}', '{}', '{}', '{}', 'message', NULL
);
