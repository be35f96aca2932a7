--Tables of users' rows refuse what would be written for somebody who is being erased.
-- depends: 0030_erasures
-- transaction: false

-- migrate: apply

-- Every table of users' rows that do not belong to a session (what belongs to one goes with it), but for sign-in codes: only a
-- gateway makes them, at its start, and they are good for nothing while no token can be made; and for links that ended, which come of
-- links only. Each is locked for a moment, in a transaction of its own.
DO $triggers$
DECLARE
    v_table text;
BEGIN
    FOREACH v_table IN ARRAY ARRAY[
        'schedules', 'api_tokens', 'link_codes', 'links', 'identified_visitors', 'routes', 'chat_sessions'
    ] LOOP
        EXECUTE format(
            'CREATE OR REPLACE TRIGGER refuse_while_erased AFTER INSERT OR UPDATE OF user_id ON %I FOR EACH ROW'
            ' WHEN (NEW.user_id IS NOT NULL) EXECUTE FUNCTION refuse_while_erased()',
            v_table
        );
        COMMIT;
    END LOOP;
END
$triggers$;

-- Gateways of the version before work on this schema too, so there is nothing to take back.
-- migrate: rollback
