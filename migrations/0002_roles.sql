--Two roles, turngate_app and turngate_system, and the row-level security that applies to both.
-- depends: 0001_before_channels

-- migrate: apply

-- turngate_app sees the rows of one user at a time; turngate_system does the gateway's own work across users. Roles belong to the
-- whole server, so another database's migration may be creating them at the same time.
DO $roles$
DECLARE
    role_name text;
BEGIN
    FOREACH role_name IN ARRAY ARRAY['turngate_app', 'turngate_system'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role_name) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN NOBYPASSRLS', role_name);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                NULL;
            END;
        END IF;
        BEGIN
            EXECUTE format('GRANT %I TO %I', role_name, current_user);
        EXCEPTION
            WHEN duplicate_object OR unique_violation THEN
                NULL;
            WHEN insufficient_privilege THEN
                IF NOT pg_has_role(current_user, role_name, 'MEMBER') THEN
                    RAISE EXCEPTION 'A superuser must run once: GRANT % TO %', role_name, current_user;
                END IF;
        END;
        EXECUTE format('GRANT USAGE ON SCHEMA public TO %I', role_name);
    END LOOP;
END
$roles$;

-- The user whose rows are visible; unset or empty means none are.
CREATE FUNCTION turngate_user() RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT nullif(current_setting('turngate.user_id', true), '') $$;

-- Puts a table with users' rows under row-level security, for its owner too.
CREATE FUNCTION turngate_protect(protected regclass) RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', protected);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', protected);
    EXECUTE format(
        'CREATE POLICY own_rows ON %s TO turngate_app USING (user_id = turngate_user()) WITH CHECK (user_id = turngate_user())',
        protected
    );
    EXECUTE format('CREATE POLICY all_rows ON %s TO turngate_system USING (true) WITH CHECK (true)', protected);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO turngate_app, turngate_system', protected);
END
$$;

-- migrate: rollback
