-- The schema as the migrations leave it: domains, tables with what belongs to them, types, functions. Made by `make schema`.
-- The reasons are in migrations/. The compression of columns is left out: it depends on the server.

CREATE EXTENSION pg_trgm SCHEMA public;

CREATE DOMAIN message_role AS text CHECK (VALUE = ANY (ARRAY['user'::text, 'assistant'::text]));

CREATE DOMAIN message_kind AS text CHECK (VALUE = ANY (ARRAY['message'::text, 'apology'::text, 'note'::text, 'human'::text, 'answer'::text]));

CREATE DOMAIN turn_status AS text CHECK (VALUE = ANY (ARRAY['queued'::text, 'running'::text, 'waiting'::text, 'completed'::text, 'failed'::text, 'cancelled'::text]));

CREATE DOMAIN turn_supersession AS text CHECK (VALUE = ANY (ARRAY['interrupt'::text, 'rollback'::text]));

CREATE TABLE chat_sessions (
    chat_id uuid DEFAULT gen_random_uuid() NOT NULL,
    user_id text NOT NULL,
    agent_name text NOT NULL,
    is_active boolean DEFAULT true NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    session_id text NOT NULL,
    channel text DEFAULT 'web'::text NOT NULL,
    title text,
    title_is_users boolean DEFAULT false NOT NULL,
    title_is_agents boolean DEFAULT false NOT NULL,
    metadata jsonb DEFAULT '{}'::jsonb NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    last_message_at timestamp with time zone,
    ended_at timestamp with time zone,
    parent_session_id text,
    route text,
    last_seq bigint DEFAULT 0 NOT NULL,
    message_count bigint DEFAULT 0 NOT NULL,
    agent_session text,
    former_agent_sessions text[] DEFAULT '{}'::text[] NOT NULL,
    words_changed_at timestamp with time zone,
    history_version bigint DEFAULT 0 NOT NULL,
    listed_at timestamp with time zone NOT NULL,
    CONSTRAINT chat_sessions_pkey PRIMARY KEY (chat_id),
    CONSTRAINT chat_sessions_channel_known CHECK (channel = ANY (ARRAY['web'::text, 'telegram'::text, 'scheduled'::text, 'terminal'::text, 'api'::text]))
) WITH (fillfactor=50, autovacuum_vacuum_scale_factor=0.05);
ALTER TABLE chat_sessions ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE INDEX chat_sessions_by_activity ON chat_sessions USING btree (user_id, listed_at DESC);
CREATE INDEX chat_sessions_by_channel ON chat_sessions USING btree (user_id, channel, listed_at DESC);
CREATE INDEX chat_sessions_by_newest ON chat_sessions USING btree (listed_at DESC);
CREATE INDEX chat_sessions_ended ON chat_sessions USING btree (user_id, listed_at DESC) WHERE NOT is_active;
CREATE INDEX chat_sessions_forks ON chat_sessions USING btree (parent_session_id) WHERE parent_session_id IS NOT NULL;
CREATE INDEX chat_sessions_labels ON chat_sessions
    USING gin (session_labels(user_id, metadata)) WITH (gin_pending_list_limit='256')
    WHERE metadata <> '{}'::jsonb;
CREATE INDEX chat_sessions_newest_ended ON chat_sessions USING btree (listed_at DESC) WHERE NOT is_active;
CREATE INDEX chat_sessions_runs ON chat_sessions
    USING btree (user_id, route, created_at DESC, chat_id DESC)
    WHERE channel = 'scheduled'::text;
CREATE UNIQUE INDEX chat_sessions_session_id_key ON chat_sessions USING btree (session_id);
CREATE INDEX chat_sessions_stateless ON chat_sessions
    USING btree (user_id, channel)
    WHERE (metadata ->> 'stateless'::text) = 'true'::text;
CREATE TRIGGER complete_new_session BEFORE INSERT ON chat_sessions FOR EACH ROW EXECUTE FUNCTION complete_new_session();
CREATE TRIGGER forget_recent_activity AFTER DELETE ON chat_sessions REFERENCING OLD TABLE AS removed FOR EACH STATEMENT
    EXECUTE FUNCTION forget_recent_activity();
CREATE TRIGGER keep_changed_title AFTER UPDATE OF title, user_id ON chat_sessions
    FOR EACH ROW WHEN (old.title IS DISTINCT FROM new.title OR old.user_id <> new.user_id)
    EXECUTE FUNCTION keep_session_title();
CREATE TRIGGER keep_new_title AFTER INSERT ON chat_sessions
    FOR EACH ROW WHEN (new.title IS NOT NULL)
    EXECUTE FUNCTION keep_session_title();
CREATE POLICY all_rows ON chat_sessions TO turngate_system USING (true) WITH CHECK (true);
CREATE POLICY not_being_erased ON chat_sessions AS RESTRICTIVE FOR INSERT WITH CHECK (not_being_erased(user_id));
CREATE POLICY own_rows ON chat_sessions TO turngate_app
    USING (user_id = turngate_user())
    WITH CHECK (user_id = turngate_user());
GRANT SELECT, INSERT, UPDATE, DELETE ON chat_sessions TO turngate_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON chat_sessions TO turngate_system;

CREATE TABLE chat_message_history (
    id integer DEFAULT nextval('chat_message_history_id_seq'::regclass) NOT NULL,
    session_id uuid NOT NULL,
    message jsonb NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT chat_message_history_pkey PRIMARY KEY (id)
);

CREATE TABLE recent_activity (
    user_id text NOT NULL,
    chat_id uuid NOT NULL,
    turn_id uuid,
    CONSTRAINT recent_activity_pkey PRIMARY KEY (user_id, chat_id)
) WITH (fillfactor=50, autovacuum_vacuum_scale_factor=0, autovacuum_vacuum_threshold=1000, autovacuum_analyze_scale_factor=1);
ALTER TABLE recent_activity ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY all_rows ON recent_activity TO turngate_system USING (true) WITH CHECK (true);
CREATE POLICY own_rows ON recent_activity TO turngate_app
    USING (user_id = turngate_user())
    WITH CHECK (user_id = turngate_user());
GRANT SELECT, INSERT, UPDATE, DELETE ON recent_activity TO turngate_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON recent_activity TO turngate_system;

CREATE VIEW unlisted_sessions WITH (security_invoker=true) AS
 SELECT a.user_id,
    a.chat_id,
    s.channel,
    s.agent_name,
    s.is_active,
    s.metadata,
    s.at
   FROM recent_activity a
     CROSS JOIN LATERAL ( SELECT c.channel,
            c.agent_name,
            c.is_active,
            c.metadata,
            c.listed_at,
            COALESCE(c.last_message_at, c.created_at) AS at
           FROM chat_sessions c
          WHERE c.chat_id = a.chat_id AND c.user_id = a.user_id
         OFFSET 0) s
  WHERE s.listed_at < date_bin('00:00:01'::interval, s.at, '1970-01-01 00:00:00+00'::timestamp with time zone);
GRANT SELECT ON unlisted_sessions TO turngate_app;
GRANT SELECT ON unlisted_sessions TO turngate_system;

CREATE VIEW sessions_list WITH (security_invoker=true) AS
 SELECT session_id,
    user_id,
    channel,
    agent_name,
    title,
    is_active,
    created_at,
    updated_at,
    last_message_at,
    ended_at,
    message_count,
    metadata,
    parent_session_id,
    chat_id
   FROM chat_sessions;
GRANT SELECT ON sessions_list TO turngate_app;
GRANT SELECT ON sessions_list TO turngate_system;

CREATE TABLE routes (
    user_id text NOT NULL,
    route text NOT NULL,
    chat_id uuid,
    agent_name text,
    listed text[],
    CONSTRAINT routes_pkey PRIMARY KEY (user_id, route),
    CONSTRAINT routes_chat_id_fkey FOREIGN KEY (chat_id) REFERENCES chat_sessions(chat_id) ON DELETE SET NULL
);
ALTER TABLE routes ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE INDEX routes_chat_id ON routes USING btree (chat_id);
CREATE POLICY all_rows ON routes TO turngate_system USING (true) WITH CHECK (true);
CREATE POLICY not_being_erased ON routes AS RESTRICTIVE FOR INSERT WITH CHECK (not_being_erased(user_id));
CREATE POLICY own_rows ON routes TO turngate_app
    USING (user_id = turngate_user())
    WITH CHECK (user_id = turngate_user());
GRANT SELECT, INSERT, UPDATE, DELETE ON routes TO turngate_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON routes TO turngate_system;

CREATE TABLE external_keys (
    user_id text NOT NULL,
    external_key text NOT NULL,
    chat_id uuid NOT NULL,
    CONSTRAINT external_keys_pkey PRIMARY KEY (user_id, external_key),
    CONSTRAINT external_keys_chat_id_fkey FOREIGN KEY (chat_id) REFERENCES chat_sessions(chat_id) ON DELETE CASCADE,
    CONSTRAINT external_keys_external_key_check CHECK (length(external_key) >= 1 AND length(external_key) <= 128)
);
ALTER TABLE external_keys ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE INDEX external_keys_chat_id ON external_keys USING btree (chat_id);
CREATE POLICY all_rows ON external_keys TO turngate_system USING (true) WITH CHECK (true);
CREATE POLICY own_rows ON external_keys TO turngate_app
    USING (user_id = turngate_user())
    WITH CHECK (user_id = turngate_user());
GRANT SELECT, INSERT, UPDATE, DELETE ON external_keys TO turngate_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON external_keys TO turngate_system;

CREATE TABLE chat_messages (
    chat_id uuid NOT NULL,
    seq bigint NOT NULL,
    user_id text NOT NULL,
    role message_role NOT NULL,
    kind message_kind DEFAULT 'message'::text NOT NULL,
    content text NOT NULL,
    parts jsonb,
    metadata jsonb,
    channel text NOT NULL,
    turn_id uuid,
    turn_seq bigint NOT NULL,
    client_id text,
    routed boolean DEFAULT false NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    edited_at timestamp with time zone,
    deleted_at timestamp with time zone,
    changed_at timestamp with time zone,
    rewound boolean DEFAULT false NOT NULL,
    CONSTRAINT chat_messages_pkey PRIMARY KEY (chat_id, seq),
    CONSTRAINT chat_messages_chat_id_fkey FOREIGN KEY (chat_id) REFERENCES chat_sessions(chat_id) ON DELETE CASCADE
);
ALTER TABLE chat_messages ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE INDEX chat_messages_changed ON chat_messages USING btree (chat_id, changed_at) WHERE changed_at IS NOT NULL;
CREATE UNIQUE INDEX chat_messages_client_id ON chat_messages
    USING btree (user_id, client_id, chat_id)
    WHERE client_id IS NOT NULL;
CREATE INDEX chat_messages_rewound ON chat_messages USING btree (chat_id, seq) WHERE rewound;
CREATE TRIGGER raise_history_version AFTER UPDATE ON chat_messages REFERENCING OLD TABLE AS changed FOR EACH STATEMENT
    EXECUTE FUNCTION raise_history_version();
CREATE TRIGGER raise_history_version_of_deleted AFTER DELETE ON chat_messages REFERENCING OLD TABLE AS changed FOR EACH STATEMENT
    EXECUTE FUNCTION raise_history_version();
CREATE TRIGGER words_follow_change AFTER UPDATE ON chat_messages REFERENCING OLD TABLE AS former NEW TABLE AS changed FOR EACH STATEMENT
    EXECUTE FUNCTION words_follow_change();
CREATE TRIGGER words_follow_removal AFTER DELETE ON chat_messages REFERENCING OLD TABLE AS removed FOR EACH STATEMENT
    EXECUTE FUNCTION words_follow_removal();
CREATE POLICY all_rows ON chat_messages TO turngate_system USING (true) WITH CHECK (true);
CREATE POLICY own_rows ON chat_messages TO turngate_app
    USING (user_id = turngate_user())
    WITH CHECK (user_id = turngate_user());
GRANT SELECT, INSERT, UPDATE, DELETE ON chat_messages TO turngate_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON chat_messages TO turngate_system;

CREATE TABLE message_versions (
    chat_id uuid NOT NULL,
    seq bigint NOT NULL,
    version integer NOT NULL,
    user_id text NOT NULL,
    content text NOT NULL,
    parts jsonb,
    change text NOT NULL,
    changed_by text NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    CONSTRAINT message_versions_pkey PRIMARY KEY (chat_id, seq, version),
    CONSTRAINT message_versions_chat_id_fkey FOREIGN KEY (chat_id) REFERENCES chat_sessions(chat_id) ON DELETE CASCADE,
    CONSTRAINT message_versions_change_check CHECK (change = ANY (ARRAY['edit'::text, 'delete'::text, 'rewind'::text]))
);
ALTER TABLE message_versions ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY all_rows ON message_versions TO turngate_system USING (true) WITH CHECK (true);
CREATE POLICY own_rows ON message_versions TO turngate_app
    USING (user_id = turngate_user())
    WITH CHECK (user_id = turngate_user());
GRANT SELECT, INSERT, UPDATE, DELETE ON message_versions TO turngate_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON message_versions TO turngate_system;

CREATE TABLE replicas (
    replica_id uuid NOT NULL,
    slot text NOT NULL,
    newest_migration text NOT NULL,
    started_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    CONSTRAINT replicas_pkey PRIMARY KEY (replica_id),
    CONSTRAINT replicas_slot_key UNIQUE (slot)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON replicas TO turngate_system;

CREATE TABLE required_migrations (
    migration_id text NOT NULL,
    CONSTRAINT required_migrations_pkey PRIMARY KEY (migration_id)
);
GRANT SELECT ON required_migrations TO turngate_system;

CREATE TABLE poll_leases (
    account text NOT NULL,
    owner uuid NOT NULL,
    CONSTRAINT poll_leases_pkey PRIMARY KEY (account)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON poll_leases TO turngate_system;

CREATE TABLE quarantine (
    account text NOT NULL,
    key text NOT NULL,
    raw text NOT NULL,
    reason text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT quarantine_pkey PRIMARY KEY (account, key)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON quarantine TO turngate_system;

CREATE TABLE loop_blocks (
    agent_name text NOT NULL,
    seconds double precision NOT NULL,
    place text NOT NULL,
    noted_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT loop_blocks_pkey PRIMARY KEY (agent_name)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON loop_blocks TO turngate_system;

CREATE TABLE turns (
    turn_id uuid DEFAULT gen_random_uuid() NOT NULL,
    chat_id uuid NOT NULL,
    seq bigint NOT NULL,
    place_in_time bigint,
    user_id text NOT NULL,
    agent_name text NOT NULL,
    channel text NOT NULL,
    status turn_status NOT NULL,
    attempt integer DEFAULT 0 NOT NULL,
    epoch integer DEFAULT 0 NOT NULL,
    owner uuid,
    deadline timestamp with time zone,
    time_limit interval NOT NULL,
    history_turns integer NOT NULL,
    cancel_requested boolean DEFAULT false NOT NULL,
    superseded turn_supersession,
    withdrawn boolean DEFAULT false NOT NULL,
    deliver_to text[] DEFAULT '{}'::text[] NOT NULL,
    ends_session boolean DEFAULT false NOT NULL,
    reply_seq bigint,
    questions integer,
    answers jsonb,
    usage jsonb,
    error text,
    error_class text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    started_at timestamp with time zone,
    ended_at timestamp with time zone,
    CONSTRAINT turns_pkey PRIMARY KEY (turn_id),
    CONSTRAINT turns_chat_id_seq_key UNIQUE (chat_id, seq),
    CONSTRAINT turns_chat_id_fkey FOREIGN KEY (chat_id) REFERENCES chat_sessions(chat_id) ON DELETE CASCADE
) WITH (fillfactor=50, autovacuum_vacuum_scale_factor=0.05);
ALTER TABLE turns ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE INDEX turns_out_of_place ON turns
    USING btree (chat_id, place_in_time DESC, created_at DESC, turn_id DESC)
    WHERE place_in_time IS NOT NULL;
CREATE TRIGGER forget_running_turns AFTER DELETE ON turns REFERENCING OLD TABLE AS removed FOR EACH STATEMENT
    EXECUTE FUNCTION forget_running_turns();
CREATE TRIGGER log_usage AFTER UPDATE OF usage ON turns
    FOR EACH ROW WHEN (new.usage IS DISTINCT FROM old.usage)
    EXECUTE FUNCTION log_usage();
CREATE POLICY all_rows ON turns TO turngate_system USING (true) WITH CHECK (true);
CREATE POLICY own_rows ON turns TO turngate_app
    USING (user_id = turngate_user())
    WITH CHECK (user_id = turngate_user());
GRANT SELECT, INSERT, UPDATE, DELETE ON turns TO turngate_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON turns TO turngate_system;

CREATE VIEW running_turns WITH (security_invoker=true) AS
 SELECT user_id,
    chat_id,
    turn_id
   FROM recent_activity
  WHERE turn_id IS NOT NULL;
GRANT SELECT ON running_turns TO turngate_app;
GRANT SELECT ON running_turns TO turngate_system;

CREATE TABLE outbox (
    item_id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
    chat_id uuid NOT NULL,
    turn_id uuid NOT NULL,
    user_id text NOT NULL,
    address text NOT NULL,
    chunk integer NOT NULL,
    content text NOT NULL,
    markup text NOT NULL,
    state text DEFAULT 'unsent'::text NOT NULL,
    owner uuid,
    attempts integer DEFAULT 0 NOT NULL,
    error text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    settled_at timestamp with time zone,
    CONSTRAINT outbox_pkey PRIMARY KEY (item_id),
    CONSTRAINT outbox_chat_id_turn_id_address_chunk_key UNIQUE (chat_id, turn_id, address, chunk),
    CONSTRAINT outbox_chat_id_fkey FOREIGN KEY (chat_id) REFERENCES chat_sessions(chat_id) ON DELETE CASCADE,
    CONSTRAINT outbox_state_check CHECK (state = ANY (ARRAY['unsent'::text, 'sent'::text, 'dead'::text, 'unknown'::text]))
);
ALTER TABLE outbox ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE INDEX outbox_unsent ON outbox USING btree (address, item_id) WHERE state = 'unsent'::text;
CREATE POLICY all_rows ON outbox TO turngate_system USING (true) WITH CHECK (true);
CREATE POLICY own_rows ON outbox TO turngate_app
    USING (user_id = turngate_user())
    WITH CHECK (user_id = turngate_user());
GRANT SELECT, INSERT, UPDATE, DELETE ON outbox TO turngate_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON outbox TO turngate_system;

CREATE TABLE schedules (
    schedule_id uuid DEFAULT gen_random_uuid() NOT NULL,
    user_id text NOT NULL,
    name text NOT NULL,
    agent_name text NOT NULL,
    prompt text NOT NULL,
    trigger jsonb NOT NULL,
    timezone text NOT NULL,
    deliver_to text[] DEFAULT '{}'::text[] NOT NULL,
    is_active boolean DEFAULT true NOT NULL,
    next_fire_at timestamp with time zone,
    last_fire_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    revision integer DEFAULT 0 NOT NULL,
    CONSTRAINT schedules_pkey PRIMARY KEY (schedule_id)
);
ALTER TABLE schedules ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE INDEX schedules_due ON schedules USING btree (next_fire_at) WHERE is_active;
CREATE INDEX schedules_user_id ON schedules USING btree (user_id, created_at);
CREATE TRIGGER count_schedule_revision BEFORE UPDATE ON schedules
    FOR EACH ROW WHEN (old.name IS DISTINCT FROM new.name OR old.agent_name IS DISTINCT FROM new.agent_name OR old.prompt IS DISTINCT FROM new.prompt OR old.trigger IS DISTINCT FROM new.trigger OR old.timezone IS DISTINCT FROM new.timezone OR old.deliver_to IS DISTINCT FROM new.deliver_to)
    EXECUTE FUNCTION count_schedule_revision();
CREATE POLICY all_rows ON schedules TO turngate_system USING (true) WITH CHECK (true);
CREATE POLICY not_being_erased ON schedules AS RESTRICTIVE FOR INSERT WITH CHECK (not_being_erased(user_id));
CREATE POLICY own_rows ON schedules TO turngate_app
    USING (user_id = turngate_user())
    WITH CHECK (user_id = turngate_user());
GRANT SELECT, INSERT, UPDATE, DELETE ON schedules TO turngate_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON schedules TO turngate_system;

CREATE TABLE api_tokens (
    token_id uuid DEFAULT gen_random_uuid() NOT NULL,
    digest bytea NOT NULL,
    user_id text NOT NULL,
    name text,
    role text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone,
    last_used_at timestamp with time zone,
    revoked_at timestamp with time zone,
    CONSTRAINT api_tokens_pkey PRIMARY KEY (token_id),
    CONSTRAINT api_tokens_digest_key UNIQUE (digest),
    CONSTRAINT api_tokens_role_check CHECK (role = ANY (ARRAY['user'::text, 'operator'::text]))
);
ALTER TABLE api_tokens ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE INDEX api_tokens_user_id ON api_tokens USING btree (user_id);
CREATE POLICY all_rows ON api_tokens TO turngate_system USING (true) WITH CHECK (true);
CREATE POLICY not_being_erased ON api_tokens AS RESTRICTIVE FOR INSERT WITH CHECK (not_being_erased(user_id));
CREATE POLICY own_rows ON api_tokens TO turngate_app
    USING (user_id = turngate_user())
    WITH CHECK (user_id = turngate_user());
GRANT SELECT, INSERT, UPDATE, DELETE ON api_tokens TO turngate_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON api_tokens TO turngate_system;

CREATE TABLE sign_in_codes (
    digest bytea NOT NULL,
    user_id text NOT NULL,
    role text NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    CONSTRAINT sign_in_codes_pkey PRIMARY KEY (digest),
    CONSTRAINT sign_in_codes_role_check CHECK (role = ANY (ARRAY['user'::text, 'operator'::text]))
);
ALTER TABLE sign_in_codes ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY all_rows ON sign_in_codes TO turngate_system USING (true) WITH CHECK (true);
CREATE POLICY own_rows ON sign_in_codes TO turngate_app
    USING (user_id = turngate_user())
    WITH CHECK (user_id = turngate_user());
GRANT SELECT, INSERT, UPDATE, DELETE ON sign_in_codes TO turngate_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON sign_in_codes TO turngate_system;

CREATE TABLE links (
    link_id uuid DEFAULT gen_random_uuid() NOT NULL,
    user_id text NOT NULL,
    channel text NOT NULL,
    external_id text NOT NULL,
    display_name text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT links_pkey PRIMARY KEY (link_id),
    CONSTRAINT links_channel_external_id_key UNIQUE (channel, external_id)
);
ALTER TABLE links ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE INDEX links_user_id ON links USING btree (user_id, created_at);
CREATE POLICY all_rows ON links TO turngate_system USING (true) WITH CHECK (true);
CREATE POLICY not_being_erased ON links AS RESTRICTIVE FOR INSERT WITH CHECK (not_being_erased(user_id));
CREATE POLICY own_rows ON links TO turngate_app
    USING (user_id = turngate_user())
    WITH CHECK (user_id = turngate_user());
GRANT SELECT, INSERT, UPDATE, DELETE ON links TO turngate_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON links TO turngate_system;

CREATE TABLE link_codes (
    digest bytea NOT NULL,
    user_id text NOT NULL,
    channel text NOT NULL,
    external_id text,
    display_name text,
    expires_at timestamp with time zone NOT NULL,
    CONSTRAINT link_codes_pkey PRIMARY KEY (digest)
);
ALTER TABLE link_codes ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY all_rows ON link_codes TO turngate_system USING (true) WITH CHECK (true);
CREATE POLICY not_being_erased ON link_codes AS RESTRICTIVE FOR INSERT WITH CHECK (not_being_erased(user_id));
CREATE POLICY own_rows ON link_codes TO turngate_app
    USING (user_id = turngate_user())
    WITH CHECK (user_id = turngate_user());
GRANT SELECT, INSERT, UPDATE, DELETE ON link_codes TO turngate_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON link_codes TO turngate_system;

CREATE TABLE identified_visitors (
    visitor_id text NOT NULL,
    user_id text,
    sessions integer DEFAULT 0 NOT NULL,
    identified_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT identified_visitors_pkey PRIMARY KEY (visitor_id)
);
ALTER TABLE identified_visitors ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE INDEX identified_visitors_identified_at ON identified_visitors USING btree (identified_at);
CREATE INDEX identified_visitors_user_id ON identified_visitors USING btree (user_id);
CREATE POLICY all_rows ON identified_visitors TO turngate_system USING (true) WITH CHECK (true);
CREATE POLICY not_being_erased ON identified_visitors AS RESTRICTIVE FOR INSERT WITH CHECK (not_being_erased(user_id));
CREATE POLICY own_rows ON identified_visitors TO turngate_app
    USING (user_id = turngate_user())
    WITH CHECK (user_id = turngate_user());
GRANT SELECT, INSERT, UPDATE, DELETE ON identified_visitors TO turngate_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON identified_visitors TO turngate_system;

CREATE TABLE session_states (
    chat_id uuid NOT NULL,
    user_id text NOT NULL,
    version bigint DEFAULT 0 NOT NULL,
    blackboard jsonb DEFAULT '{}'::jsonb NOT NULL,
    scratchpad jsonb DEFAULT '{}'::jsonb NOT NULL,
    attributes jsonb DEFAULT '{}'::jsonb NOT NULL,
    size_bytes integer DEFAULT 6 NOT NULL,
    snapshot_count bigint DEFAULT 0 NOT NULL,
    changed_at timestamp with time zone,
    dirty_since timestamp with time zone,
    CONSTRAINT session_states_pkey PRIMARY KEY (chat_id),
    CONSTRAINT session_states_chat_id_fkey FOREIGN KEY (chat_id) REFERENCES chat_sessions(chat_id) ON DELETE CASCADE
);
ALTER TABLE session_states ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE INDEX session_states_dirty ON session_states USING btree (dirty_since) WHERE dirty_since IS NOT NULL;
CREATE POLICY all_rows ON session_states TO turngate_system USING (true) WITH CHECK (true);
CREATE POLICY own_rows ON session_states TO turngate_app
    USING (user_id = turngate_user())
    WITH CHECK (user_id = turngate_user());
GRANT SELECT, INSERT, UPDATE, DELETE ON session_states TO turngate_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON session_states TO turngate_system;

CREATE TABLE snapshots (
    chat_id uuid NOT NULL,
    number bigint NOT NULL,
    user_id text NOT NULL,
    reason text NOT NULL,
    blackboard jsonb NOT NULL,
    scratchpad jsonb NOT NULL,
    attributes jsonb NOT NULL,
    size_bytes integer NOT NULL,
    message_seq bigint,
    last_seq bigint NOT NULL,
    hidden int8multirange NOT NULL,
    rewound boolean DEFAULT false NOT NULL,
    agent_session text,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT snapshots_pkey PRIMARY KEY (chat_id, number) INCLUDE (created_at),
    CONSTRAINT snapshots_chat_id_fkey FOREIGN KEY (chat_id) REFERENCES chat_sessions(chat_id) ON DELETE CASCADE,
    CONSTRAINT snapshots_reason_check CHECK (reason = ANY (ARRAY['auto'::text, 'manual'::text, 'before_restore'::text, 'page_close'::text]))
);
ALTER TABLE snapshots ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY all_rows ON snapshots TO turngate_system USING (true) WITH CHECK (true);
CREATE POLICY own_rows ON snapshots TO turngate_app
    USING (user_id = turngate_user())
    WITH CHECK (user_id = turngate_user());
GRANT SELECT, INSERT, UPDATE, DELETE ON snapshots TO turngate_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON snapshots TO turngate_system;

CREATE TABLE message_words (
    chat_id uuid NOT NULL,
    seq bigint NOT NULL,
    user_id text NOT NULL,
    said_at timestamp with time zone NOT NULL,
    words tsvector NOT NULL,
    CONSTRAINT message_words_pkey PRIMARY KEY (chat_id, seq)
);
ALTER TABLE message_words ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE INDEX message_words_words ON message_words
    USING gin (words) WITH (fastupdate='on', gin_pending_list_limit='65536');
CREATE POLICY all_rows ON message_words TO turngate_system USING (true) WITH CHECK (true);
CREATE POLICY own_rows ON message_words TO turngate_app
    USING (user_id = turngate_user())
    WITH CHECK (user_id = turngate_user());
GRANT SELECT, INSERT, UPDATE, DELETE ON message_words TO turngate_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON message_words TO turngate_system;

CREATE TABLE indexed_sessions (
    chat_id uuid NOT NULL,
    user_id text NOT NULL,
    seq bigint DEFAULT 0 NOT NULL,
    CONSTRAINT indexed_sessions_pkey PRIMARY KEY (chat_id),
    CONSTRAINT indexed_sessions_chat_id_fkey FOREIGN KEY (chat_id) REFERENCES chat_sessions(chat_id) ON DELETE CASCADE
) WITH (fillfactor=70);
ALTER TABLE indexed_sessions ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY all_rows ON indexed_sessions TO turngate_system USING (true) WITH CHECK (true);
CREATE POLICY own_rows ON indexed_sessions TO turngate_app
    USING (user_id = turngate_user())
    WITH CHECK (user_id = turngate_user());
GRANT SELECT, INSERT, UPDATE, DELETE ON indexed_sessions TO turngate_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON indexed_sessions TO turngate_system;

CREATE TABLE search_progress (
    singleton boolean DEFAULT true NOT NULL,
    owner uuid,
    looked_until timestamp with time zone DEFAULT now() NOT NULL,
    swept_after uuid DEFAULT '00000000-0000-0000-0000-000000000000'::uuid NOT NULL,
    rounds integer DEFAULT 0 NOT NULL,
    CONSTRAINT search_progress_pkey PRIMARY KEY (singleton),
    CONSTRAINT search_progress_singleton_check CHECK (singleton)
);
GRANT SELECT, UPDATE ON search_progress TO turngate_system;

CREATE TABLE session_titles (
    chat_id uuid NOT NULL,
    user_id text NOT NULL,
    title text NOT NULL,
    CONSTRAINT session_titles_pkey PRIMARY KEY (chat_id),
    CONSTRAINT session_titles_chat_id_fkey FOREIGN KEY (chat_id) REFERENCES chat_sessions(chat_id) ON DELETE CASCADE
);
ALTER TABLE session_titles ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE INDEX session_titles_words ON session_titles USING gin (search_words(user_id, title)) WITH (fastupdate=off);
CREATE POLICY all_rows ON session_titles TO turngate_system USING (true) WITH CHECK (true);
CREATE POLICY own_rows ON session_titles TO turngate_app
    USING (user_id = turngate_user())
    WITH CHECK (user_id = turngate_user());
GRANT SELECT, INSERT, UPDATE, DELETE ON session_titles TO turngate_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON session_titles TO turngate_system;

CREATE TABLE erasures (
    user_id text NOT NULL,
    asked_at timestamp with time zone DEFAULT now() NOT NULL,
    taken_at timestamp with time zone DEFAULT now() NOT NULL,
    finished_at timestamp with time zone,
    CONSTRAINT erasures_pkey PRIMARY KEY (user_id)
);
ALTER TABLE erasures ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY all_rows ON erasures TO turngate_system USING (true) WITH CHECK (true);
CREATE POLICY own_rows ON erasures TO turngate_app
    USING (user_id = turngate_user())
    WITH CHECK (user_id = turngate_user());
GRANT SELECT, INSERT, UPDATE, DELETE ON erasures TO turngate_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON erasures TO turngate_system;

CREATE TABLE agent_data (
    agent_name text NOT NULL,
    name text NOT NULL,
    seq bigint NOT NULL,
    turn_id uuid,
    chat_id uuid NOT NULL,
    user_id text NOT NULL,
    epoch integer NOT NULL,
    data text NOT NULL,
    written_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT agent_data_pkey PRIMARY KEY (agent_name, name, seq),
    CONSTRAINT agent_data_chat_id_fkey FOREIGN KEY (chat_id) REFERENCES chat_sessions(chat_id) ON DELETE CASCADE
);
ALTER TABLE agent_data ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE INDEX agent_data_chat ON agent_data USING btree (chat_id);
CREATE POLICY all_rows ON agent_data TO turngate_system USING (true) WITH CHECK (true);
CREATE POLICY own_rows ON agent_data TO turngate_app
    USING (user_id = turngate_user())
    WITH CHECK (user_id = turngate_user());
GRANT SELECT, INSERT, UPDATE, DELETE ON agent_data TO turngate_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON agent_data TO turngate_system;

CREATE TABLE usage_log (
    entry bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
    day date NOT NULL,
    user_id text NOT NULL,
    chat_id uuid NOT NULL,
    agent_name text NOT NULL,
    channel text NOT NULL,
    model text NOT NULL,
    turns integer NOT NULL,
    input_tokens bigint NOT NULL,
    output_tokens bigint NOT NULL,
    cost double precision,
    CONSTRAINT usage_log_pkey PRIMARY KEY (entry)
) WITH (autovacuum_vacuum_scale_factor=0, autovacuum_vacuum_threshold=1000, autovacuum_analyze_scale_factor=1);
ALTER TABLE usage_log ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY all_rows ON usage_log TO turngate_system USING (true) WITH CHECK (true);
CREATE POLICY own_rows ON usage_log TO turngate_app
    USING (user_id = turngate_user())
    WITH CHECK (user_id = turngate_user());
GRANT SELECT, INSERT, UPDATE, DELETE ON usage_log TO turngate_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON usage_log TO turngate_system;

CREATE TABLE usage_days (
    day date NOT NULL,
    chat_id uuid NOT NULL,
    agent_name text NOT NULL,
    channel text NOT NULL,
    model text NOT NULL,
    user_id text NOT NULL,
    turns bigint NOT NULL,
    input_tokens bigint NOT NULL,
    output_tokens bigint NOT NULL,
    cost double precision,
    CONSTRAINT usage_days_pkey PRIMARY KEY (chat_id, day, agent_name, channel, model)
) WITH (fillfactor=80);
ALTER TABLE usage_days ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE INDEX usage_days_by_day ON usage_days USING btree (day);
CREATE INDEX usage_days_by_user ON usage_days USING btree (user_id, day);
CREATE POLICY all_rows ON usage_days TO turngate_system USING (true) WITH CHECK (true);
CREATE POLICY own_rows ON usage_days TO turngate_app
    USING (user_id = turngate_user())
    WITH CHECK (user_id = turngate_user());
GRANT SELECT, INSERT, UPDATE, DELETE ON usage_days TO turngate_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON usage_days TO turngate_system;

CREATE TABLE budget_days (
    day date NOT NULL,
    user_id text NOT NULL,
    agent_name text NOT NULL,
    tokens bigint NOT NULL,
    cost double precision NOT NULL,
    CONSTRAINT budget_days_pkey PRIMARY KEY (day, user_id, agent_name)
) WITH (fillfactor=80);
ALTER TABLE budget_days ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY all_rows ON budget_days TO turngate_system USING (true) WITH CHECK (true);
CREATE POLICY own_rows ON budget_days TO turngate_app
    USING (user_id = turngate_user())
    WITH CHECK (user_id = turngate_user());
GRANT SELECT, INSERT, UPDATE, DELETE ON budget_days TO turngate_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON budget_days TO turngate_system;

CREATE VIEW usage_of_turns WITH (security_invoker=true) AS
 SELECT usage_log.day,
    usage_log.user_id,
    usage_log.chat_id,
    usage_log.agent_name,
    usage_log.channel,
    usage_log.model,
    usage_log.turns::bigint AS turns,
    usage_log.input_tokens,
    usage_log.output_tokens,
    usage_log.cost
   FROM usage_log
UNION ALL
 SELECT usage_days.day,
    usage_days.user_id,
    usage_days.chat_id,
    usage_days.agent_name,
    usage_days.channel,
    usage_days.model,
    usage_days.turns,
    usage_days.input_tokens,
    usage_days.output_tokens,
    usage_days.cost
   FROM usage_days;
GRANT SELECT ON usage_of_turns TO turngate_app;
GRANT SELECT ON usage_of_turns TO turngate_system;

CREATE TABLE approvals (
    approval_id uuid NOT NULL,
    chat_id uuid NOT NULL,
    turn_id uuid NOT NULL,
    seq bigint NOT NULL,
    user_id text NOT NULL,
    agent_name text NOT NULL,
    approvers text NOT NULL,
    prompt text NOT NULL,
    choices text[] NOT NULL,
    default_choice text NOT NULL,
    call_id text NOT NULL,
    tool text NOT NULL,
    input jsonb NOT NULL,
    resume jsonb,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone,
    answer text,
    answer_text text,
    answer_key uuid,
    answered_by text,
    answered_from text,
    answered_at timestamp with time zone,
    closed_at timestamp with time zone,
    CONSTRAINT approvals_pkey PRIMARY KEY (approval_id),
    CONSTRAINT approvals_chat_id_fkey FOREIGN KEY (chat_id) REFERENCES chat_sessions(chat_id) ON DELETE CASCADE,
    CONSTRAINT approvals_approvers_check CHECK (approvers = ANY (ARRAY['user'::text, 'operator'::text]))
);
ALTER TABLE approvals ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE INDEX approvals_due ON approvals
    USING btree (expires_at)
    WHERE expires_at IS NOT NULL AND answered_at IS NULL AND closed_at IS NULL;
CREATE INDEX approvals_open ON approvals
    USING btree (user_id, created_at)
    WHERE answered_at IS NULL AND closed_at IS NULL;
CREATE INDEX approvals_session ON approvals USING btree (chat_id, seq);
CREATE POLICY all_rows ON approvals TO turngate_system USING (true) WITH CHECK (true);
CREATE POLICY own_rows ON approvals TO turngate_app
    USING (user_id = turngate_user())
    WITH CHECK (user_id = turngate_user());
GRANT SELECT, INSERT, UPDATE, DELETE ON approvals TO turngate_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON approvals TO turngate_system;

CREATE TYPE accepted AS (
    status text,
    session chat_sessions,
    message chat_messages,
    turn turns,
    is_new boolean,
    is_claimed boolean,
    messages chat_messages[],
    history chat_messages[],
    superseded uuid[],
    question chat_messages
);

CREATE TYPE accepted_one AS (
    chat_id uuid,
    seq bigint,
    at timestamp with time zone,
    deliver_to text[],
    agent_session text,
    history_version bigint,
    session_id text,
    channel text,
    agent_name text,
    title text,
    created_at timestamp with time zone,
    message_count bigint,
    metadata jsonb,
    parent_session_id text
);

CREATE TYPE answered AS (
    status text,
    approval approvals,
    question chat_messages
);

CREATE TYPE answering AS (
    status text,
    session chat_sessions,
    message chat_messages,
    turn turns,
    messages chat_messages[],
    history chat_messages[],
    changed chat_messages[]
);

CREATE TYPE finished AS (
    status text,
    session chat_sessions,
    message chat_messages,
    outbox_ids bigint[],
    next_turn turns,
    messages chat_messages[],
    history chat_messages[],
    dropped chat_messages[],
    ended text
);

CREATE TYPE finished_one AS (
    seq bigint,
    at timestamp with time zone,
    history_version bigint,
    session_id text,
    channel text,
    agent_name text,
    title text,
    is_active boolean,
    created_at timestamp with time zone,
    ended_at timestamp with time zone,
    message_count bigint,
    metadata jsonb,
    parent_session_id text
);

CREATE TYPE rewritten AS (
    status text,
    session chat_sessions,
    message chat_messages
);

CREATE TYPE snapshot_made AS (
    status text,
    snapshot snapshots
);

CREATE TYPE snapshot_restored AS (
    status text,
    state session_states,
    number bigint,
    undo bigint,
    rewound boolean,
    session chat_sessions,
    changed chat_messages[]
);

CREATE TYPE state_written AS (
    status text,
    state session_states,
    size bigint
);

CREATE TYPE told AS (
    history_version bigint,
    turns bigint[],
    messages chat_messages[]
);

CREATE FUNCTION accept_message(p_user text, p_channel text, p_agent text, p_content text, p_key text, p_route text,
    p_session text, p_deliver_to text[], p_always_new boolean, p_ends_session boolean, p_begins_session boolean, p_title
    text, p_window interval, p_strategy text, p_collect boolean, p_time_limit interval, p_history_turns integer, p_owner
    uuid, p_max_waiting integer, p_turn uuid)
 RETURNS accepted
 LANGUAGE plpgsql
AS $function$
DECLARE
    r accepted;
    s chat_sessions;
    m chat_messages;
    t turns;
    v_chat uuid;
    v_current uuid;
    v_route text;
    v_running boolean;
    v_running_seq bigint;
    v_approval uuid;
    v_now timestamptz;
BEGIN
    PERFORM set_config('turngate.user_id', p_user, true);
    r.is_new := false;
    r.is_claimed := false;

    IF p_session IS NOT NULL THEN
        SELECT c.chat_id, c.route, ro.chat_id INTO v_chat, v_route, v_current
        FROM chat_sessions AS c LEFT JOIN routes AS ro ON ro.user_id = c.user_id AND ro.route = c.route
        WHERE c.session_id = p_session;
        IF NOT FOUND THEN
            r.status := 'not_found';
            RETURN r;
        END IF;
        IF v_route IS NOT NULL AND v_current IS DISTINCT FROM v_chat THEN
            -- A route that is being taken from the user together with its link does not count.
            PERFORM FROM links AS l
            WHERE l.channel = split_part(v_route, ':', 1) AND l.external_id = split_part(v_route, ':', 3) FOR KEY SHARE;
            INSERT INTO routes (user_id, route, chat_id)
            SELECT p_user, c.route, c.chat_id FROM chat_sessions AS c WHERE c.chat_id = v_chat AND c.route = v_route
            ON CONFLICT (user_id, route) DO UPDATE SET chat_id = excluded.chat_id;
        END IF;
        SELECT * INTO s FROM chat_sessions WHERE chat_id = v_chat FOR UPDATE;
        IF NOT FOUND THEN
            r.status := 'not_found';
            RETURN r;
        END IF;
        SELECT * INTO m FROM chat_messages WHERE user_id = p_user AND client_id = p_key AND chat_id = s.chat_id;
    ELSE
        IF NOT p_always_new THEN
            SELECT ro.chat_id INTO v_current FROM routes AS ro
            WHERE ro.user_id = p_user AND ro.route = p_route FOR UPDATE;
            IF NOT FOUND THEN
                INSERT INTO routes (user_id, route) VALUES (p_user, p_route) ON CONFLICT DO NOTHING;
                SELECT ro.chat_id INTO v_current FROM routes AS ro
                WHERE ro.user_id = p_user AND ro.route = p_route FOR UPDATE;
            END IF;
        END IF;
        SELECT * INTO m FROM chat_messages
        WHERE user_id = p_user AND client_id = p_key AND (routed OR chat_id = v_current) LIMIT 1;
        v_current := coalesce(m.chat_id, v_current);
        IF v_current IS NOT NULL THEN
            SELECT * INTO s FROM chat_sessions WHERE chat_id = v_current FOR UPDATE;
        END IF;
    END IF;

    IF m.chat_id IS NOT NULL THEN
        SELECT * INTO t FROM turns WHERE turn_id = m.turn_id;
        r.status := 'duplicate';
        r.session := s;
        r.message := m;
        r.turn := t;
        r.is_claimed := t.status = 'running' AND t.owner = p_owner;
        IF r.is_claimed THEN
            r.messages := ARRAY(SELECT c FROM chat_messages AS c
                WHERE c.chat_id = t.chat_id AND c.turn_id = t.turn_id AND c.role = 'user' AND c.kind <> 'answer' ORDER BY c.seq);
            r.history := turn_history(t.chat_id, t.seq, t.history_turns);
        END IF;
        RETURN r;
    END IF;

    -- Read after all waits for locks, so that a session's times never go backwards.
    v_now := greatest(s.updated_at, clock_timestamp());
    IF p_begins_session AND s.chat_id IS NOT NULL THEN
        UPDATE chat_sessions SET is_active = false, ended_at = v_now, updated_at = v_now WHERE chat_id = s.chat_id;
        s := NULL;
    END IF;
    SELECT u.seq, CASE WHEN u.status = 'waiting' THEN approval_meant(u.turn_id, p_content) END INTO v_running_seq, v_approval
    FROM running_turns AS k JOIN turns AS u ON u.turn_id = k.turn_id WHERE k.user_id = s.user_id AND k.chat_id = s.chat_id;
    v_running := v_running_seq IS NOT NULL;
    IF p_session IS NULL AND s.chat_id IS NOT NULL
        AND NOT session_resumes(s.is_active, coalesce(s.last_message_at, s.created_at), v_running, v_now, p_window) THEN
        s := NULL;
        v_running := false;
        v_approval := NULL;
    END IF;
    IF v_approval IS NOT NULL THEN
        r.question := answer_in_words(v_approval, p_content, p_user, p_channel, v_now);
        SELECT u.* INTO t FROM running_turns AS k JOIN turns AS u ON u.turn_id = k.turn_id
        WHERE k.user_id = s.user_id AND k.chat_id = s.chat_id;
        v_running := false;
    END IF;
    IF v_running AND p_strategy = 'reject' THEN
        r.status := 'rejected';
        r.session := s;
        RETURN r;
    END IF;
    IF v_running AND p_max_waiting <= (
        SELECT count(*) FROM chat_messages AS c JOIN turns AS u ON u.turn_id = c.turn_id
        WHERE c.chat_id = s.chat_id AND c.seq > v_running_seq AND c.turn_seq > v_running_seq AND NOT u.cancel_requested
    ) THEN
        r.status := 'full';
        r.session := s;
        RETURN r;
    END IF;
    IF v_running AND p_strategy IN ('interrupt', 'rollback') THEN
        WITH cancelled AS (
            UPDATE turns AS u SET
                cancel_requested = true, superseded = p_strategy,
                -- A turn that waits is claimed by a sweep, which ends it.
                status = CASE WHEN u.status = 'waiting' THEN 'running' ELSE u.status END,
                reply_seq = NULL
            WHERE u.chat_id = s.chat_id AND u.seq >= v_running_seq AND u.status IN ('queued', 'running', 'waiting')
                AND NOT u.cancel_requested
            RETURNING u.turn_id
        )
        SELECT array_agg(turn_id) INTO r.superseded FROM cancelled;
    END IF;

    IF s.chat_id IS NULL THEN
        INSERT INTO chat_sessions (user_id, channel, agent_name, title, route)
        VALUES (p_user, p_channel, p_agent, p_title, p_route) RETURNING * INTO s;
        r.is_new := true;
        IF NOT p_always_new THEN
            UPDATE routes SET chat_id = s.chat_id WHERE user_id = p_user AND route = p_route;
        END IF;
    END IF;

    IF v_running AND p_collect THEN
        SELECT * INTO t FROM turns AS u WHERE u.chat_id = s.chat_id ORDER BY u.seq DESC LIMIT 1;
        IF t.status <> 'queued' OR t.cancel_requested THEN
            t := NULL;
        END IF;
    END IF;
    IF t.turn_id IS NULL THEN
        INSERT INTO turns (
            turn_id, chat_id, seq, user_id, agent_name, channel, status, attempt, epoch, owner, deadline, time_limit,
            history_turns, deliver_to, ends_session, created_at, started_at
        ) VALUES (
            p_turn, s.chat_id, s.last_seq + 1, p_user, s.agent_name, p_channel,
            CASE WHEN v_running THEN 'queued' ELSE 'running' END,
            CASE WHEN v_running THEN 0 ELSE 1 END,
            CASE WHEN v_running THEN 0 ELSE 1 END,
            CASE WHEN v_running THEN NULL ELSE p_owner END,
            CASE WHEN v_running THEN NULL ELSE clock_timestamp() + p_time_limit + interval '30 seconds' END,
            p_time_limit, p_history_turns,
            -- A session in a network that replies are pushed to gets every reply, wherever the question came from.
            CASE WHEN is_pushed(s.channel) AND NOT s.route = ANY (p_deliver_to)
                THEN p_deliver_to || s.route ELSE p_deliver_to END,
            p_ends_session,
            v_now, -- not the default: this transaction may have begun before the one whose lock it waited for
            CASE WHEN v_running THEN NULL ELSE v_now END
        ) RETURNING * INTO t;
        IF NOT v_running THEN
            PERFORM begin_activity(t);
        END IF;
    END IF;

    INSERT INTO chat_messages (
        chat_id, seq, user_id, role, content, channel, turn_id, turn_seq, client_id, routed, created_at, kind
    ) VALUES (
        s.chat_id, s.last_seq + 1, p_user, 'user', p_content, p_channel, t.turn_id, t.seq, p_key, p_session IS NULL, v_now,
        CASE WHEN v_approval IS NULL THEN 'message' ELSE 'answer' END
    ) RETURNING * INTO m;

    UPDATE chat_sessions SET
        last_seq = last_seq + 1, message_count = message_count + 1, last_message_at = v_now, updated_at = v_now,
        is_active = true, ended_at = NULL
    WHERE chat_id = s.chat_id RETURNING * INTO s;

    r.status := 'accepted';
    r.session := s;
    r.message := m;
    r.turn := t;
    IF t.status = 'running' AND t.owner = p_owner THEN
        r.is_claimed := true;
        r.messages := ARRAY[m];
        r.history := turn_history(s.chat_id, t.seq, t.history_turns);
    END IF;
    RETURN r;
END
$function$;

CREATE FUNCTION accept_one(p_user text, p_route text, p_session text, p_channel text, p_content text, p_key text,
    p_deliver_to text, p_limit interval, p_history integer, p_turn uuid, p_owner uuid, p_window interval)
 RETURNS accepted_one
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
 SET enable_seqscan TO 'off'
 SET lock_timeout TO '250ms'
AS $function$
DECLARE
    s record;
    v_addresses text[] := '{}';
BEGIN
    -- These statements don't wait for locks, so the time read here is the time of locking.
    IF p_session IS NULL THEN
        SELECT
            c.chat_id, c.last_seq, greatest(c.updated_at, clock_timestamp()) AS at, c.route, c.agent_session, c.history_version,
            c.session_id, c.channel, c.agent_name, c.title, c.created_at, c.message_count, c.metadata, c.parent_session_id
        INTO s FROM routes AS ro JOIN chat_sessions AS c ON c.chat_id = ro.chat_id AND c.user_id IS NOT DISTINCT FROM ro.user_id
        WHERE ro.user_id = p_user AND ro.route = p_route AND session_resumes(
            c.is_active, coalesce(c.last_message_at, c.created_at), false, greatest(c.updated_at, clock_timestamp()), p_window
        )
        FOR SHARE OF ro SKIP LOCKED FOR UPDATE OF c SKIP LOCKED;
    ELSE
        SELECT
            c.chat_id, c.last_seq, greatest(c.updated_at, clock_timestamp()) AS at, c.route, c.agent_session, c.history_version,
            c.session_id, c.channel, c.agent_name, c.title, c.created_at, c.message_count, c.metadata, c.parent_session_id
        INTO s FROM chat_sessions AS c LEFT JOIN routes AS ro ON ro.user_id = c.user_id AND ro.route = c.route
        WHERE c.session_id = p_session AND c.user_id IS NOT DISTINCT FROM p_user AND (c.route IS NULL OR ro.chat_id = c.chat_id)
        FOR UPDATE OF c SKIP LOCKED;
    END IF;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    -- A statement of its own, so that it sees what was committed before the locks were there.
    MERGE INTO recent_activity AS a
    USING (
        SELECT WHERE NOT EXISTS (
            SELECT FROM chat_messages AS m
            WHERE m.user_id = p_user AND m.client_id = p_key AND (m.chat_id = s.chat_id OR m.routed AND p_session IS NULL)
            OFFSET 0
        )
    ) AS new ON a.user_id = p_user AND a.chat_id = s.chat_id
    WHEN MATCHED AND a.turn_id IS NULL THEN UPDATE SET turn_id = p_turn
    WHEN NOT MATCHED THEN INSERT (user_id, chat_id, turn_id) VALUES (p_user, s.chat_id, p_turn);
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    IF p_deliver_to IS NOT NULL THEN
        v_addresses := ARRAY(SELECT jsonb_array_elements_text(p_deliver_to::jsonb));
    END IF;
    IF is_pushed(s.channel) AND NOT s.route = ANY (v_addresses) THEN
        v_addresses := v_addresses || s.route;
    END IF;
    INSERT INTO turns (
        turn_id, chat_id, seq, user_id, agent_name, channel, status, attempt, epoch, owner, deadline, time_limit, history_turns,
        deliver_to, created_at, started_at
    ) VALUES (
        p_turn, s.chat_id, s.last_seq + 1, p_user, s.agent_name, p_channel, 'running', 1, 1, p_owner,
        clock_timestamp() + p_limit + interval '30 seconds', p_limit, p_history, v_addresses, s.at, s.at
    );
    INSERT INTO chat_messages (
        chat_id, seq, user_id, role, content, channel, turn_id, turn_seq, client_id, routed, created_at
    ) VALUES (
        s.chat_id, s.last_seq + 1, p_user, 'user', p_content, p_channel, p_turn, s.last_seq + 1, p_key, p_session IS NULL, s.at
    );
    UPDATE chat_sessions AS c SET
        last_seq = s.last_seq + 1, message_count = s.message_count + 1, last_message_at = s.at, updated_at = s.at, is_active = true,
        ended_at = NULL
    WHERE c.chat_id = s.chat_id AND c.user_id IS NOT DISTINCT FROM p_user;
    RETURN ROW(
        s.chat_id, s.last_seq + 1, s.at, v_addresses, s.agent_session, s.history_version, s.session_id, s.channel, s.agent_name,
        s.title, s.created_at, s.message_count + 1, nullif(s.metadata, '{}'), s.parent_session_id
    )::accepted_one;
END
$function$;
ALTER FUNCTION accept_one(text,text,text,text,text,text,text,interval,integer,uuid,uuid,interval) OWNER TO turngate_system;
REVOKE EXECUTE ON FUNCTION accept_one(text,text,text,text,text,text,text,interval,integer,uuid,uuid,interval) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION accept_one(text,text,text,text,text,text,text,interval,integer,uuid,uuid,interval) TO turngate_app;

CREATE FUNCTION accept_plain(p_users text[], p_routes text[], p_sessions text[], p_channels text[], p_contents text[],
    p_keys text[], p_deliver_to text[], p_limits interval[], p_histories integer[], p_turns uuid[], p_owner uuid,
    p_window interval)
 RETURNS TABLE(place integer, chat_id uuid, seq bigint, at timestamp with time zone, deliver_to text[], agent_session text, history_version bigint, session_id text, channel text, agent_name text, title text, created_at timestamp with time zone, message_count bigint, metadata jsonb, parent_session_id text)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET lock_timeout TO '250ms'
AS $function$
#variable_conflict use_column
DECLARE
    v_places int[];
    v_chats uuid[];
    v_seqs bigint[];
    v_times timestamptz[];
BEGIN
    -- Locks are always taken in this order: route, session, turn. Locked rows are skipped, so that no message waits for another's
    -- session. Without a lock on its route, which may move in the meantime, a message that arrives twice could be stored in two
    -- sessions.
    SELECT array_agg(r.place), array_agg(r.chat_id) INTO v_places, v_chats FROM (
        SELECT i.place::int, ro.chat_id
        FROM unnest(p_users, p_routes, p_sessions) WITH ORDINALITY AS i (user_id, route, session_id, place)
        JOIN routes AS ro ON ro.user_id = i.user_id AND ro.route = i.route
        WHERE i.session_id IS NULL AND ro.chat_id IS NOT NULL
        ORDER BY ro.user_id, ro.route FOR SHARE OF ro SKIP LOCKED
    ) AS r;
    SELECT array_agg(l.place), array_agg(l.chat_id), array_agg(l.last_seq + 1), array_agg(greatest(l.updated_at, clock_timestamp()))
    INTO v_places, v_chats, v_seqs, v_times FROM (
        SELECT w.place, s.chat_id, s.last_seq, s.updated_at
        FROM (
            SELECT DISTINCT ON (f.chat_id) f.chat_id, f.place FROM (
                SELECT r.chat_id, r.place FROM unnest(v_places, v_chats) AS r (place, chat_id)
                UNION ALL
                -- A session that is no longer current on its route becomes current again in `accept_message`.
                SELECT c.chat_id, i.place::int
                FROM unnest(p_users, p_sessions) WITH ORDINALITY AS i (user_id, session_id, place)
                JOIN chat_sessions AS c ON c.session_id = i.session_id AND c.user_id IS NOT DISTINCT FROM i.user_id
                LEFT JOIN routes AS ro ON ro.user_id = c.user_id AND ro.route = c.route
                WHERE c.route IS NULL OR ro.chat_id = c.chat_id
            ) AS f
            ORDER BY f.chat_id, f.place
        ) AS w
        JOIN chat_sessions AS s ON s.chat_id = w.chat_id
        WHERE s.user_id IS NOT DISTINCT FROM p_users[w.place]
        ORDER BY s.chat_id FOR UPDATE OF s SKIP LOCKED
    ) AS l;
    IF v_places IS NULL THEN
        RETURN;
    END IF;
    -- A statement of its own, so that it sees what was committed before the locks were there.
    RETURN QUERY
    WITH plain AS MATERIALIZED (
        SELECT l.place, s.chat_id, l.seq, l.at, s.user_id, s.agent_name, CASE
            WHEN is_pushed(s.channel) AND NOT s.route = ANY (d.addresses) THEN d.addresses || s.route
            ELSE d.addresses
        END AS deliver_to
        FROM unnest(v_places, v_chats, v_seqs, v_times) AS l (place, chat_id, seq, at)
        JOIN chat_sessions AS s ON s.chat_id = l.chat_id AND s.user_id IS NOT DISTINCT FROM p_users[l.place]
        CROSS JOIN LATERAL (
            SELECT ARRAY(SELECT jsonb_array_elements_text(p_deliver_to[l.place]::jsonb)) AS addresses
        ) AS d
        WHERE NOT EXISTS (SELECT FROM running_turns AS k WHERE k.user_id = s.user_id AND k.chat_id = s.chat_id)
            AND (p_sessions[l.place] IS NOT NULL OR session_resumes(
                s.is_active, coalesce(s.last_message_at, s.created_at), false, l.at, p_window
            ))
            AND NOT EXISTS (
                SELECT FROM chat_messages AS m
                WHERE m.user_id = s.user_id AND m.client_id = p_keys[l.place]
                    AND (m.chat_id = s.chat_id OR m.routed AND p_sessions[l.place] IS NULL)
                OFFSET 0
            )
    ), opened AS (
        INSERT INTO turns (
            turn_id, chat_id, seq, user_id, agent_name, channel, status, attempt, epoch, owner, deadline, time_limit, history_turns,
            deliver_to, created_at, started_at
        )
        SELECT
            p_turns[n.place], n.chat_id, n.seq, n.user_id, n.agent_name, p_channels[n.place], 'running', 1, 1, p_owner,
            clock_timestamp() + p_limits[n.place] + interval '30 seconds', p_limits[n.place], p_histories[n.place], n.deliver_to, n.at, n.at
        FROM plain AS n
    ), known AS (
        UPDATE recent_activity AS a SET turn_id = p_turns[n.place] FROM plain AS n
        WHERE a.user_id = n.user_id AND a.chat_id = n.chat_id AND a.turn_id IS NULL
    ), claimed AS (
        INSERT INTO recent_activity (user_id, chat_id, turn_id) SELECT n.user_id, n.chat_id, p_turns[n.place] FROM plain AS n
        WHERE NOT EXISTS (
            SELECT FROM recent_activity AS a WHERE a.user_id = n.user_id AND a.chat_id = n.chat_id AND a.turn_id IS NULL
        )
    ), appended AS (
        INSERT INTO chat_messages (
            chat_id, seq, user_id, role, content, channel, turn_id, turn_seq, client_id, routed, created_at
        )
        SELECT
            n.chat_id, n.seq, n.user_id, 'user', p_contents[n.place], p_channels[n.place], p_turns[n.place], n.seq,
            p_keys[n.place], p_sessions[n.place] IS NULL, n.at
        FROM plain AS n
    )
    UPDATE chat_sessions AS s SET
        last_seq = n.seq, message_count = s.message_count + 1, last_message_at = n.at, updated_at = n.at, is_active = true,
        ended_at = NULL
    FROM plain AS n WHERE s.chat_id = n.chat_id AND s.user_id IS NOT DISTINCT FROM n.user_id
    RETURNING
        n.place, s.chat_id, n.seq, n.at, n.deliver_to, s.agent_session, s.history_version, s.session_id, s.channel, s.agent_name,
        s.title, s.created_at, s.message_count, nullif(s.metadata, '{}'), s.parent_session_id;
END
$function$;
ALTER FUNCTION accept_plain(text[],text[],text[],text[],text[],text[],text[],interval[],integer[],uuid[],uuid,interval) OWNER TO turngate_system;
REVOKE EXECUTE ON FUNCTION accept_plain(text[],text[],text[],text[],text[],text[],text[],interval[],integer[],uuid[],uuid,interval) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION accept_plain(text[],text[],text[],text[],text[],text[],text[],interval[],integer[],uuid[],uuid,interval) TO turngate_app;

CREATE FUNCTION add_up_usage(p_limit integer)
 RETURNS bigint
 LANGUAGE plpgsql
AS $function$
DECLARE
    v_count bigint;
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtextextended('usage_log', 19)) THEN
        RETURN 0;
    END IF;
    WITH taken AS (
        DELETE FROM usage_log WHERE entry IN (SELECT entry FROM usage_log ORDER BY entry LIMIT p_limit FOR UPDATE SKIP LOCKED)
        RETURNING *
    ), days AS (
        INSERT INTO usage_days AS d (day, chat_id, agent_name, channel, model, user_id, turns, input_tokens, output_tokens, cost)
        SELECT day, chat_id, agent_name, channel, model, min(user_id), sum(turns), sum(input_tokens), sum(output_tokens), sum(cost)
        FROM taken GROUP BY day, chat_id, agent_name, channel, model
        ON CONFLICT (chat_id, day, agent_name, channel, model) DO UPDATE SET
            turns = d.turns + excluded.turns, input_tokens = d.input_tokens + excluded.input_tokens,
            output_tokens = d.output_tokens + excluded.output_tokens,
            cost = coalesce(d.cost + excluded.cost, d.cost, excluded.cost)
    ), budgets AS (
        INSERT INTO budget_days AS b (day, user_id, agent_name, tokens, cost)
        SELECT t.day, n.user_id, n.agent_name, sum(t.input_tokens + t.output_tokens), coalesce(sum(t.cost), 0)
        FROM taken AS t CROSS JOIN LATERAL (VALUES (t.user_id, ''), ('', t.agent_name)) AS n (user_id, agent_name)
        GROUP BY t.day, n.user_id, n.agent_name
        ON CONFLICT (day, user_id, agent_name) DO UPDATE SET
            tokens = b.tokens + excluded.tokens, cost = b.cost + excluded.cost
    )
    SELECT count(*) INTO v_count FROM taken;
    RETURN v_count;
END
$function$;
REVOKE EXECUTE ON FUNCTION add_up_usage(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION add_up_usage(integer) TO turngate_system;

CREATE FUNCTION agent_sessions_before(s chat_sessions, p_name text)
 RETURNS text[]
 LANGUAGE sql
 IMMUTABLE
AS $function$
    SELECT CASE WHEN s.agent_session IS NULL OR s.agent_session = p_name THEN known.names
        ELSE (array_remove(known.names, s.agent_session) || s.agent_session)[greatest(cardinality(known.names) - 498, 1):] END
    FROM (SELECT array_remove(s.former_agent_sessions, p_name) AS names) AS known
$function$;

CREATE FUNCTION allow_channels(p_names text[])
 RETURNS text[]
 LANGUAGE plpgsql
AS $function$
DECLARE
    v_known text[] := known_channels();
    v_new text[] := ARRAY(SELECT DISTINCT name FROM unnest(p_names) AS name WHERE name <> ALL (v_known) ORDER BY name);
BEGIN
    IF v_new <> '{}' THEN
        EXECUTE format(
            'ALTER TABLE chat_sessions DROP CONSTRAINT chat_sessions_channel_known,
                ADD CONSTRAINT chat_sessions_channel_known CHECK (channel IN (%s)) NOT VALID',
            (SELECT string_agg(quote_literal(name), ', ') FROM unnest(v_known || v_new) AS name)
        );
    END IF;
    RETURN v_new;
END
$function$;

CREATE FUNCTION answer_again(p_session text, p_seq bigint, p_content text, p_by text, p_time_limit interval,
    p_history_turns integer, p_owner uuid)
 RETURNS answering
 LANGUAGE plpgsql
AS $function$
DECLARE
    r answering;
    s chat_sessions;
    m chat_messages;
    t turns;
    v_hidden chat_messages[];
    v_rows bigint;
    v_now timestamptz;
BEGIN
    -- Route before session, as everywhere: waits for a concurrent unlink.
    PERFORM FROM routes AS ro
    WHERE ro.user_id = (SELECT c.user_id FROM chat_sessions AS c WHERE c.session_id = p_session) AND is_pushed(split_part(ro.route, ':', 1))
    ORDER BY ro.route FOR KEY SHARE;
    SELECT * INTO s FROM chat_sessions WHERE session_id = p_session FOR UPDATE;
    IF NOT FOUND THEN
        r.status := 'not_found';
        RETURN r;
    END IF;
    SELECT * INTO m FROM chat_messages AS c
    WHERE c.chat_id = s.chat_id AND c.seq >= coalesce(p_seq, 1) AND c.seq <= coalesce(p_seq, s.last_seq)
        AND c.deleted_at IS NULL AND (p_seq IS NOT NULL OR c.role = 'user' AND c.kind <> 'answer')
    ORDER BY c.seq DESC LIMIT 1;
    IF NOT FOUND THEN
        r.status := CASE WHEN p_seq IS NULL THEN 'nothing' ELSE 'missing' END;
        RETURN r;
    END IF;
    IF m.role = 'assistant' OR m.kind = 'answer' THEN
        SELECT * INTO m FROM chat_messages AS c
        WHERE c.chat_id = s.chat_id AND c.deleted_at IS NULL AND c.role = 'user' AND c.kind <> 'answer' AND c.seq < p_seq
            AND (m.turn_id IS NULL OR c.turn_seq = m.turn_seq)
        ORDER BY c.seq DESC LIMIT 1;
        IF NOT FOUND THEN
            r.status := 'unasked';
            RETURN r;
        END IF;
    END IF;
    IF NOT end_waiting(s) THEN
        r.status := 'busy';
        RETURN r;
    END IF;

    v_now := greatest(s.updated_at + interval '1 microsecond', clock_timestamp());
    WITH hidden AS (
        UPDATE chat_messages AS c SET deleted_at = v_now, rewound = true, changed_at = v_now
        WHERE c.chat_id = s.chat_id AND c.seq >= m.turn_seq AND c.deleted_at IS NULL
            AND (c.turn_seq > m.turn_seq OR c.turn_seq = m.turn_seq AND (c.role = 'assistant' OR c.kind = 'answer'))
        RETURNING c
    )
    SELECT count(*), (array_agg(c ORDER BY (c).seq DESC))[:400] INTO v_rows, v_hidden FROM hidden;
    -- Marked for cancellation, so that their messages don't count as waiting.
    UPDATE turns AS u SET withdrawn = true, cancel_requested = true WHERE u.chat_id = s.chat_id AND u.seq >= m.turn_seq;
    -- The earlier turn makes room: negative places are for withdrawn turns.
    UPDATE turns AS u SET
        seq = (SELECT least(min(x.seq), 0) - 1 FROM turns AS x WHERE x.chat_id = s.chat_id),
        place_in_time = coalesce(u.place_in_time, u.seq)
    WHERE u.chat_id = s.chat_id AND u.seq = m.turn_seq RETURNING * INTO t;
    INSERT INTO turns (
        chat_id, seq, place_in_time, user_id, agent_name, channel, status, attempt, epoch, owner, deadline, time_limit,
        history_turns, deliver_to, ends_session, created_at, started_at
    ) VALUES (
        s.chat_id, m.turn_seq, s.last_seq, s.user_id, s.agent_name, m.channel, 'running', 1, 1, p_owner,
        clock_timestamp() + p_time_limit + interval '30 seconds', p_time_limit, p_history_turns,
        -- The addresses of the earlier answer, and those of the conversation now, as far as these are still routes of this user.
        ARRAY(
            SELECT ro.route FROM routes AS ro
            WHERE ro.user_id = s.user_id
                AND ro.route = ANY (t.deliver_to || CASE WHEN is_pushed(s.channel) THEN s.route END)
            ORDER BY ro.route
        ),
        coalesce(t.ends_session, false), v_now, v_now
    ) RETURNING * INTO t;
    PERFORM begin_activity(t);
    IF p_content IS NOT NULL THEN
        PERFORM keep_version(m, 'edit', p_by, v_now);
        UPDATE chat_messages AS c SET
            content = p_content, parts = parts_with_text(c.parts, p_content), edited_at = v_now
        WHERE c.chat_id = s.chat_id AND c.seq = m.seq;
        UPDATE snapshots SET agent_session = NULL WHERE chat_id = s.chat_id AND agent_session IS NOT NULL;
    END IF;
    WITH asked AS (
        UPDATE chat_messages AS c SET turn_id = t.turn_id, changed_at = v_now
        WHERE c.chat_id = s.chat_id AND c.seq >= m.turn_seq AND c.turn_seq = m.turn_seq AND c.role = 'user'
            AND c.kind <> 'answer' AND c.deleted_at IS NULL
        RETURNING c
    )
    SELECT array_agg(c ORDER BY (c).seq) INTO r.messages FROM asked;
    UPDATE chat_sessions SET
        updated_at = v_now, is_active = true, ended_at = NULL, message_count = message_count - v_rows,
        words_changed_at = CASE WHEN p_content IS NULL THEN words_changed_at ELSE v_now END,
        agent_session = NULL, former_agent_sessions = agent_sessions_before(s, NULL),
        title = CASE WHEN p_content IS NULL THEN title ELSE title_without_words(s) END,
        title_is_agents = title_is_agents AND p_content IS NULL
    WHERE chat_id = s.chat_id RETURNING * INTO s;
    r.status := 'done';
    r.session := s;
    r.turn := t;
    r.message := (SELECT c FROM unnest(r.messages) AS c WHERE c.seq = m.seq);
    r.history := turn_history(s.chat_id, t.seq, t.history_turns);
    r.changed := v_hidden || r.messages;
    RETURN r;
END
$function$;

CREATE FUNCTION answer_approval(p_approval uuid, p_choice text, p_text text, p_by text, p_operator boolean, p_from text,
    p_key uuid)
 RETURNS answered
 LANGUAGE plpgsql
AS $function$
DECLARE
    r answered;
    a approvals;
    s chat_sessions;
    v_choice text;
    v_now timestamptz;
BEGIN
    SELECT c.* INTO s FROM approvals AS o JOIN chat_sessions AS c ON c.chat_id = o.chat_id
    WHERE o.approval_id = p_approval FOR UPDATE OF c;
    -- Read again: another answer may have been recorded while this one waited for the lock.
    SELECT * INTO a FROM approvals WHERE approval_id = p_approval;
    IF s.chat_id IS NULL OR a.approval_id IS NULL THEN
        r.status := 'not_found';
        RETURN r;
    END IF;
    v_now := greatest(s.updated_at + interval '1 microsecond', clock_timestamp());
    v_choice := choice_of(a.choices, p_choice);
    IF a.answered_at IS NOT NULL THEN
        r.status := CASE WHEN a.answer_key = p_key THEN 'answered' ELSE 'taken' END;
    ELSIF a.closed_at IS NOT NULL THEN
        r.status := 'closed';
    ELSIF a.approvers = 'operator' AND NOT p_operator THEN
        r.status := 'forbidden';
    ELSIF v_choice IS NULL THEN
        r.status := 'unknown';
    ELSIF a.expires_at <= clock_timestamp() THEN
        r.question := record_answer(p_approval, a.default_choice, NULL, NULL, NULL, NULL, v_now);
        r.status := CASE WHEN (r.question).chat_id IS NULL THEN 'closed' ELSE 'taken' END;
    ELSE
        r.question := record_answer(p_approval, v_choice, p_text, p_by, p_from, p_key, v_now);
        r.status := CASE WHEN (r.question).chat_id IS NULL THEN 'closed' ELSE 'answered' END;
    END IF;
    SELECT * INTO a FROM approvals WHERE approval_id = p_approval;
    r.approval := a;
    RETURN r;
END
$function$;

CREATE FUNCTION answer_in_words(p_approval uuid, p_text text, p_user text, p_channel text, p_at timestamp with time
    zone)
 RETURNS chat_messages
 LANGUAGE sql
AS $function$
    SELECT record_answer(p_approval, choice_of(a.choices, p_text), NULL, p_user, p_channel, NULL, p_at)
    FROM approvals AS a WHERE a.approval_id = p_approval
$function$;

CREATE FUNCTION approval_meant(p_turn_id uuid, p_text text)
 RETURNS uuid
 LANGUAGE sql
 STABLE
AS $function$
    SELECT a.approval_id FROM turns AS t JOIN approvals AS a ON a.chat_id = t.chat_id AND a.seq = t.reply_seq
    WHERE t.turn_id = p_turn_id AND t.status = 'waiting' AND a.answered_at IS NULL AND a.closed_at IS NULL AND a.approvers = 'user'
        AND (a.expires_at IS NULL OR a.expires_at > clock_timestamp()) AND choice_of(a.choices, p_text) IS NOT NULL
$function$;

CREATE FUNCTION approval_part(a approvals)
 RETURNS jsonb
 LANGUAGE sql
 STABLE
AS $function$
    SELECT jsonb_build_object('type', 'data-approval', 'id', a.approval_id, 'data', jsonb_build_object(
        'approvalId', a.approval_id, 'prompt', a.prompt, 'choices', a.choices, 'approvers', a.approvers,
        'toolCallId', a.call_id, 'tool', a.tool, 'input', a.input, 'expiresAt', a.expires_at,
        'state', CASE
            WHEN a.answered_at IS NOT NULL THEN 'answered' WHEN a.closed_at IS NOT NULL THEN 'closed' ELSE 'open'
        END,
        'answer', a.answer, 'expired', a.answered_at IS NOT NULL AND a.answered_by IS NULL
    ))
$function$;

CREATE FUNCTION ask_approval(p_user text, p_chat_id uuid, p_turn_id uuid, p_owner uuid, p_epoch integer, p_content text,
    p_parts jsonb, p_usage jsonb, p_title text, p_addresses text[], p_chunks text[], p_markups text[], p_held bigint[],
    p_request jsonb, p_expires_in interval)
 RETURNS finished
 LANGUAGE plpgsql
AS $function$
DECLARE
    r finished;
    s chat_sessions;
    t turns;
    m chat_messages;
    a approvals;
    v_before int;
    v_now timestamptz;
BEGIN
    PERFORM set_config('turngate.user_id', p_user, true);
    SELECT * INTO s FROM chat_sessions WHERE chat_id = p_chat_id FOR UPDATE;
    v_now := greatest(s.updated_at, clock_timestamp());
    a := jsonb_populate_record(NULL::approvals, p_request);
    UPDATE turns AS u SET
        status = 'waiting', owner = NULL, deadline = NULL, reply_seq = s.last_seq + 1, questions = coalesce(u.questions, 0) + 1,
        usage = coalesce(p_usage, u.usage)
    WHERE u.turn_id = p_turn_id AND u.owner = p_owner AND u.epoch = p_epoch AND u.status = 'running' AND NOT u.cancel_requested
    RETURNING * INTO t;
    IF NOT FOUND THEN
        SELECT * INTO a FROM approvals WHERE approval_id = a.approval_id;
        IF NOT FOUND THEN
            r.status := CASE WHEN EXISTS (
                SELECT FROM turns AS u
                WHERE u.turn_id = p_turn_id AND u.owner = p_owner AND u.epoch = p_epoch AND u.status = 'running'
            ) THEN 'cancelled' ELSE 'lost' END;
            RETURN r;
        END IF;
        SELECT * INTO m FROM chat_messages WHERE chat_id = p_chat_id AND seq = a.seq;
        v_before := chunks_before((
            SELECT count(*)::int FROM approvals AS o WHERE o.chat_id = p_chat_id AND o.turn_id = p_turn_id AND o.seq < a.seq
        ));
        SELECT array_agg(CASE WHEN state = 'unsent' AND owner = p_owner THEN item_id END ORDER BY item_id) INTO r.outbox_ids
        FROM outbox
        WHERE chat_id = p_chat_id AND turn_id = p_turn_id AND chunk > v_before AND chunk <= v_before + chunks_before(1);
        r.status := 'again';
    ELSE
        a.chat_id := p_chat_id;
        a.turn_id := p_turn_id;
        a.seq := s.last_seq + 1;
        a.user_id := p_user;
        a.agent_name := t.agent_name;
        a.created_at := v_now;
        a.expires_at := v_now + p_expires_in;
        INSERT INTO approvals SELECT a.*;
        INSERT INTO chat_messages (chat_id, seq, user_id, role, content, parts, channel, turn_id, turn_seq, created_at)
        VALUES (
            p_chat_id, a.seq, p_user, 'assistant', p_content, p_parts || approval_part(a), t.channel, t.turn_id, t.seq, v_now
        ) RETURNING * INTO m;
        -- As in `finish_turn`.
        WITH queued AS (
            INSERT INTO outbox (chat_id, turn_id, user_id, address, chunk, content, markup, owner)
            SELECT p_chat_id, p_turn_id, p_user, c.address, chunks_before(t.questions - 1) + c.position, c.content, c.markup,
                CASE WHEN EXISTS (
                    SELECT FROM outbox AS o
                    WHERE o.address = c.address AND o.state = 'unsent'
                        AND (o.owner IS DISTINCT FROM p_owner OR NOT o.item_id = ANY (p_held))
                ) THEN NULL ELSE p_owner END
            FROM unnest(p_addresses, p_chunks, p_markups) WITH ORDINALITY AS c (address, content, markup, position)
            -- Not to an account that was unlinked in the meantime.
            WHERE c.address = ANY (t.deliver_to) OR starts_with(split_part(c.address, ':', 3), '-')
            ORDER BY c.position
            RETURNING item_id, owner
        )
        SELECT array_agg(CASE WHEN owner IS NOT NULL THEN item_id END ORDER BY item_id) INTO r.outbox_ids FROM queued;
        UPDATE chat_sessions SET
            last_seq = last_seq + 1, message_count = message_count + 1, last_message_at = v_now, updated_at = v_now,
            title = coalesce(title, p_title)
        WHERE chat_id = p_chat_id RETURNING * INTO s;
        r.status := 'asked';
    END IF;
    r.session := s;
    r.message := m;
    r.ended := 'waiting';
    RETURN r;
END
$function$;

CREATE FUNCTION begin_activity(t turns)
 RETURNS void
 LANGUAGE sql
AS $function$
    MERGE INTO recent_activity AS a USING (SELECT) AS new
    ON a.user_id = t.user_id AND a.chat_id = t.chat_id AND a.turn_id IS NULL
    WHEN MATCHED THEN UPDATE SET turn_id = t.turn_id
    WHEN NOT MATCHED THEN INSERT (user_id, chat_id, turn_id) VALUES (t.user_id, t.chat_id, t.turn_id)
$function$;

CREATE FUNCTION begin_anew(p_user text)
 RETURNS interval
 LANGUAGE plpgsql
AS $function$
DECLARE
    v_rest interval;
BEGIN
    PERFORM pg_advisory_xact_lock_shared(hashtextextended(p_user, 30));
    SELECT e.finished_at + interval '3 seconds' - clock_timestamp() INTO v_rest FROM erasures AS e WHERE e.user_id = p_user;
    IF v_rest > interval '0' THEN
        RETURN v_rest;
    END IF;
    DELETE FROM erasures WHERE user_id = p_user AND finished_at IS NOT NULL;
    RETURN NULL;
END
$function$;

CREATE FUNCTION begin_attempt(p_user text, p_turn_id uuid, p_owner uuid, p_epoch integer, p_counts boolean)
 RETURNS turns
 LANGUAGE plpgsql
AS $function$
DECLARE
    t turns;
BEGIN
    PERFORM set_config('turngate.user_id', p_user, true);
    UPDATE turns SET
        attempt = attempt + (p_counts AND epoch = p_epoch)::int, epoch = p_epoch + p_counts::int,
        deadline = clock_timestamp() + time_limit + interval '30 seconds'
    WHERE turn_id = p_turn_id AND owner = p_owner AND epoch IN (p_epoch, p_epoch + p_counts::int) AND status = 'running'
    RETURNING * INTO t;
    RETURN t;
END
$function$;

CREATE FUNCTION change_state(p_chat_id uuid, p_blackboard jsonb, p_scratchpad jsonb, p_attributes jsonb, p_limit bigint)
 RETURNS state_written
 LANGUAGE sql
AS $function$
    SELECT put_state(s, NULL, p_blackboard, p_scratchpad, p_attributes, true, p_limit)
    FROM chat_sessions AS s WHERE s.chat_id = p_chat_id
$function$;

CREATE FUNCTION choice_of(p_choices text[], p_text text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
AS $function$
    SELECT c.choice FROM unnest(p_choices) WITH ORDINALITY AS c (choice, place), btrim(p_text, E' \t\r\n') AS said (words)
    WHERE lower(c.choice) = lower(said.words) OR c.place::text = said.words
    ORDER BY lower(c.choice) = lower(said.words) DESC LIMIT 1
$function$;

CREATE FUNCTION chunks_before(p_questions integer)
 RETURNS integer
 LANGUAGE sql
 IMMUTABLE
AS $function$ SELECT coalesce(p_questions, 0) * 1000000 $function$;

CREATE FUNCTION close_question(p_turn_id uuid, p_at timestamp with time zone)
 RETURNS chat_messages[]
 LANGUAGE plpgsql
AS $function$
DECLARE
    a approvals;
BEGIN
    UPDATE approvals AS o SET closed_at = p_at
    FROM turns AS t
    WHERE t.turn_id = p_turn_id AND o.chat_id = t.chat_id AND o.turn_id = t.turn_id AND o.answered_at IS NULL AND o.closed_at IS NULL
    RETURNING o.* INTO a;
    IF a.approval_id IS NULL THEN
        RETURN NULL;
    END IF;
    RETURN ARRAY[show_approval(a, p_at)];
END
$function$;

CREATE FUNCTION complete_new_session()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
    NEW.session_id := coalesce(NEW.session_id, NEW.chat_id::text);
    NEW.listed_at := second_of(coalesce(NEW.last_message_at, NEW.created_at));
    RETURN NEW;
END
$function$;

CREATE FUNCTION copy_agent_data(p_agent text, p_name text, p_copy text)
 RETURNS boolean
 LANGUAGE plpgsql
AS $function$
BEGIN
    INSERT INTO agent_data (agent_name, name, seq, turn_id, chat_id, user_id, epoch, data)
    SELECT d.agent_name, p_copy, m.rows, NULL, d.chat_id, d.user_id, 0, d.data
    FROM latest_agent_data(p_agent, p_name, NULL) AS d
    LEFT JOIN turns AS t ON t.turn_id = d.turn_id
    CROSS JOIN LATERAL (
        SELECT count(*) AS rows, max(m.seq) AS newest FROM chat_messages AS m
        WHERE m.chat_id = coalesce(t.chat_id, d.chat_id) AND m.deleted_at IS NULL
    ) AS m
    WHERE d.turn_id IS NOT NULL AND m.newest = t.reply_seq;
    RETURN FOUND;
END
$function$;

CREATE FUNCTION count_schedule_revision()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
    NEW.revision := OLD.revision + 1;
    RETURN NEW;
END
$function$;

CREATE FUNCTION end_waiting(s chat_sessions)
 RETURNS boolean
 LANGUAGE plpgsql
AS $function$
DECLARE
    t turns;
    v_now timestamptz := greatest(s.updated_at, clock_timestamp());
BEGIN
    SELECT u.* INTO t FROM recent_activity AS k JOIN turns AS u ON u.turn_id = k.turn_id
    WHERE k.user_id = s.user_id AND k.chat_id = s.chat_id FOR UPDATE OF u;
    IF NOT FOUND THEN
        RETURN true;
    END IF;
    IF t.status <> 'waiting' OR EXISTS (
        SELECT FROM turns AS u WHERE u.chat_id = s.chat_id AND u.seq > t.seq AND u.status = 'queued'
    ) THEN
        RETURN false;
    END IF;
    UPDATE turns SET status = 'cancelled', cancel_requested = true, ended_at = v_now WHERE turn_id = t.turn_id;
    UPDATE recent_activity SET turn_id = NULL WHERE user_id = s.user_id AND chat_id = s.chat_id;
    PERFORM close_question(t.turn_id, v_now);
    RETURN true;
END
$function$;

CREATE FUNCTION expire_approvals(p_limit integer)
 RETURNS SETOF chat_messages
 LANGUAGE plpgsql
AS $function$
DECLARE
    v_due record;
    m chat_messages;
BEGIN
    FOR v_due IN
        SELECT a.approval_id, a.default_choice, greatest(s.updated_at + interval '1 microsecond', clock_timestamp()) AS at
        FROM approvals AS a JOIN chat_sessions AS s ON s.chat_id = a.chat_id
        WHERE a.expires_at <= clock_timestamp() AND a.answered_at IS NULL AND a.closed_at IS NULL
        ORDER BY a.expires_at LIMIT p_limit FOR UPDATE OF s SKIP LOCKED
    LOOP
        -- Checked again: it may have been answered before the lock was there.
        IF EXISTS (
            SELECT FROM approvals WHERE approval_id = v_due.approval_id AND answered_at IS NULL AND closed_at IS NULL
        ) THEN
            m := record_answer(v_due.approval_id, v_due.default_choice, NULL, NULL, NULL, NULL, v_due.at);
            IF m.chat_id IS NOT NULL THEN
                RETURN NEXT m;
            END IF;
        END IF;
    END LOOP;
END
$function$;

CREATE FUNCTION find_matches(p_user text, p_text text, p_channel text, p_agent text, p_active boolean, p_keys text[],
    p_values text[])
 RETURNS TABLE(chat_id uuid, seq bigint, rank real)
 LANGUAGE plpgsql
 STABLE
 SET enable_seqscan TO 'off'
 SET plan_cache_mode TO 'force_custom_plan'
AS $function$
#variable_conflict use_column
DECLARE
    v_query tsquery := search_query(p_text, '', NULL);
    v_words text[] := tsvector_to_array(search_vector(p_text));
    v_kept tsquery[];
    v_most int;
BEGIN
    IF p_user IS NULL THEN
        v_kept := ARRAY(SELECT search_query(p_text, chr(48 + shard), NULL) FROM generate_series(0, 63) AS shard);
        v_most := 40;
    ELSE
        v_kept := ARRAY[search_query(p_text, search_shard(p_user), p_user)];
        v_most := 5000;
    END IF;

    IF numnode(v_query) > 0 THEN
        RETURN QUERY
        WITH said AS MATERIALIZED (
            SELECT kept.place, m.chat_id, m.seq, m.said_at
            FROM unnest(v_kept) WITH ORDINALITY AS kept (words, place)
            CROSS JOIN LATERAL (
                SELECT w.chat_id, w.seq, w.said_at FROM message_words AS w
                WHERE w.words @@ kept.words AND (p_user IS NULL OR w.user_id = p_user)
                LIMIT v_most
            ) AS m
        ), lately AS (
            SELECT m.chat_id, m.seq, m.created_at AS said_at, m.content
            FROM newest_sessions(p_user, p_channel, p_agent, p_active, p_keys, p_values) AS s
            CROSS JOIN LATERAL (
                SELECT * FROM chat_messages AS c
                WHERE c.chat_id = s.chat_id AND c.deleted_at IS NULL ORDER BY c.seq DESC LIMIT 100
            ) AS m
            LIMIT 3000
        ), read AS (
            SELECT * FROM unindexed_messages(p_user)
            UNION ALL
            SELECT * FROM lately WHERE EXISTS (SELECT FROM said GROUP BY place HAVING count(*) = v_most)
        ), told AS (
            SELECT t.chat_id, t.seq, row_number() OVER (ORDER BY t.said_at DESC) AS place
            FROM (
                SELECT chat_id, seq, said_at FROM said
                UNION
                -- Most texts lack a word, and checking that costs a tenth of parsing them.
                SELECT chat_id, seq, said_at FROM read
                WHERE CASE WHEN EXISTS (
                    SELECT FROM unnest(v_words) AS word WHERE strpos(lower(left(content, 50000)), word) = 0
                ) THEN false ELSE search_vector(content) @@ v_query END
            ) AS t
        )
        SELECT t.chat_id, t.seq, CASE WHEN t.place <= 300 THEN (
            SELECT ts_rank(search_vector(c.content), v_query, 1) FROM chat_messages AS c
            WHERE c.chat_id = t.chat_id AND c.seq = t.seq
        ) ELSE 0 END
        FROM told AS t
        UNION ALL
        SELECT t.chat_id, 0, ts_rank(setweight(search_vector(t.title), 'A'), v_query, 1)
        FROM unnest(v_kept) AS kept
        CROSS JOIN LATERAL (
            SELECT * FROM session_titles AS s
            WHERE search_words(s.user_id, s.title) @@ kept AND (p_user IS NULL OR s.user_id = p_user)
            LIMIT v_most
        ) AS t;
        IF FOUND THEN
            RETURN;
        END IF;
    END IF;

    RETURN QUERY
    WITH sessions AS MATERIALIZED (
        SELECT s.chat_id, s.title, search_likeness(v_words, s.title) AS likeness
        FROM newest_sessions(p_user, p_channel, p_agent, p_active, p_keys, p_values) AS n
        CROSS JOIN LATERAL (SELECT c.chat_id, c.title FROM chat_sessions AS c WHERE c.chat_id = n.chat_id OFFSET 0) AS s
    ), messages AS (
        SELECT m.chat_id, m.seq, m.content, search_likeness(v_words, left(m.content, 1000)) AS likeness
        FROM sessions AS s
        CROSS JOIN LATERAL (
            SELECT c.chat_id, c.seq, c.content FROM chat_messages AS c
            WHERE c.chat_id = s.chat_id AND c.deleted_at IS NULL ORDER BY c.seq DESC LIMIT 1000
        ) AS m
        LIMIT 3000
    )
    SELECT s.chat_id, 0::bigint, greatest(s.likeness, 0.3::real) FROM sessions AS s
    WHERE s.likeness > 0 OR strpos(lower(s.title), lower(p_text)) > 0
    UNION ALL
    SELECT m.chat_id, m.seq, greatest(m.likeness, 0.3::real) / 10::real FROM messages AS m
    WHERE m.likeness > 0 OR strpos(lower(left(m.content, 1000)), lower(p_text)) > 0;
END
$function$;
REVOKE EXECUTE ON FUNCTION find_matches(text,text,text,text,boolean,text[],text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION find_matches(text,text,text,text,boolean,text[],text[]) TO turngate_system;

CREATE FUNCTION find_own_matches(p_text text, p_channel text, p_agent text, p_active boolean, p_keys text[], p_values
    text[])
 RETURNS TABLE(chat_id uuid, seq bigint, rank real)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
BEGIN
    IF turngate_user() IS NOT NULL THEN
        RETURN QUERY SELECT * FROM find_matches(turngate_user(), p_text, p_channel, p_agent, p_active, p_keys, p_values);
    END IF;
END
$function$;
ALTER FUNCTION find_own_matches(text,text,text,boolean,text[],text[]) OWNER TO turngate_system;
REVOKE EXECUTE ON FUNCTION find_own_matches(text,text,text,boolean,text[],text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION find_own_matches(text,text,text,boolean,text[],text[]) TO turngate_app;

CREATE FUNCTION finish_delivered(p_user text, p_chat_id uuid, p_turn_id uuid, p_owner uuid, p_epoch integer, p_status
    text, p_content text, p_parts jsonb, p_usage jsonb, p_error text, p_title text, p_addresses text[], p_chunks text[],
    p_markups text[], p_held bigint[], p_kind text, p_error_class text)
 RETURNS finished
 LANGUAGE plpgsql
AS $function$
DECLARE
    r finished;
BEGIN
    -- Locks the session, so that no account is unlinked between this and the next statement.
    r := finish_turn(
        p_user, p_chat_id, p_turn_id, p_owner, p_epoch, p_status, p_content, p_parts, p_usage, p_error, p_title,
        p_addresses, p_chunks, p_markups, p_held, p_kind, p_error_class
    );
    UPDATE outbox AS o SET state = 'dead', error = 'the account was unlinked', settled_at = clock_timestamp()
    FROM turns AS t
    WHERE o.chat_id = p_chat_id AND o.turn_id = p_turn_id AND o.state = 'unsent' AND t.turn_id = o.turn_id
        AND o.chunk > chunks_before(t.questions)
        AND array_position(t.deliver_to, o.address) IS NULL AND NOT starts_with(split_part(o.address, ':', 3), '-');
    IF FOUND THEN
        SELECT array_agg(CASE WHEN state = 'unsent' AND owner = p_owner THEN item_id END ORDER BY item_id)
        INTO r.outbox_ids FROM outbox
        WHERE chat_id = p_chat_id AND turn_id = p_turn_id
            AND chunk > (SELECT chunks_before(u.questions) FROM turns AS u WHERE u.turn_id = p_turn_id);
    END IF;
    RETURN r;
END
$function$;

CREATE FUNCTION finish_one(p_user text, p_chat uuid, p_turn uuid, p_epoch integer, p_status text, p_content text,
    p_parts text, p_usage text, p_error text, p_error_class text, p_kind text, p_title text, p_owner uuid)
 RETURNS finished_one
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
 SET enable_seqscan TO 'off'
 SET lock_timeout TO '250ms'
AS $function$
DECLARE
    s record;
    t record;
BEGIN
    SELECT
        c.last_seq, greatest(c.updated_at, clock_timestamp()) AS at, c.history_version, c.session_id, c.channel, c.agent_name, c.title,
        c.is_active, c.created_at, c.ended_at, c.message_count, c.metadata, c.parent_session_id
    INTO s FROM chat_sessions AS c WHERE c.chat_id = p_chat AND c.user_id IS NOT DISTINCT FROM p_user FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    -- The fence, as in `finish_plain`.
    UPDATE turns AS u SET
        status = p_status, ended_at = s.at, usage = p_usage::jsonb, error = p_error, error_class = p_error_class,
        reply_seq = s.last_seq + 1, deadline = NULL
    WHERE u.turn_id = p_turn AND u.chat_id = p_chat AND u.user_id = p_user AND u.owner = p_owner AND u.epoch = p_epoch
        AND u.status = 'running' AND u.seq = s.last_seq AND u.superseded IS NULL
    RETURNING u.channel, u.ends_session INTO t;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    UPDATE recent_activity AS a SET turn_id = NULL WHERE a.user_id = p_user AND a.chat_id = p_chat AND a.turn_id = p_turn;
    INSERT INTO chat_messages (
        chat_id, seq, user_id, role, content, parts, channel, turn_id, turn_seq, created_at, kind
    ) VALUES (
        p_chat, s.last_seq + 1, p_user, 'assistant', p_content, p_parts::jsonb, t.channel, p_turn, s.last_seq, s.at, p_kind
    );
    UPDATE chat_sessions AS c SET
        last_seq = s.last_seq + 1, message_count = s.message_count + 1, last_message_at = s.at, updated_at = s.at
    WHERE c.chat_id = p_chat AND c.user_id IS NOT DISTINCT FROM p_user;
    -- Rarely needed, and separate because an UPDATE that sets the title evaluates the condition of the titles' trigger.
    IF s.title IS NULL AND p_title IS NOT NULL OR t.ends_session THEN
        UPDATE chat_sessions AS c SET
            title = coalesce(s.title, p_title), is_active = s.is_active AND NOT t.ends_session,
            ended_at = CASE WHEN t.ends_session THEN s.at ELSE s.ended_at END
        WHERE c.chat_id = p_chat AND c.user_id IS NOT DISTINCT FROM p_user;
    END IF;
    RETURN ROW(
        s.last_seq + 1, s.at, s.history_version, s.session_id, s.channel, s.agent_name, coalesce(s.title, p_title),
        s.is_active AND NOT t.ends_session, s.created_at, CASE WHEN t.ends_session THEN s.at ELSE s.ended_at END, s.message_count + 1,
        nullif(s.metadata, '{}'), s.parent_session_id
    )::finished_one;
END
$function$;
ALTER FUNCTION finish_one(text,uuid,uuid,integer,text,text,text,text,text,text,text,text,uuid) OWNER TO turngate_system;
REVOKE EXECUTE ON FUNCTION finish_one(text,uuid,uuid,integer,text,text,text,text,text,text,text,text,uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION finish_one(text,uuid,uuid,integer,text,text,text,text,text,text,text,text,uuid) TO turngate_app;

CREATE FUNCTION finish_plain(p_users text[], p_chats uuid[], p_turns uuid[], p_epochs integer[], p_statuses text[],
    p_contents text[], p_parts text[], p_usages text[], p_errors text[], p_error_classes text[], p_kinds text[],
    p_titles text[], p_chunks text[], p_owner uuid, p_held bigint[])
 RETURNS TABLE(place integer, seq bigint, at timestamp with time zone, outbox_ids bigint[], history_version bigint, session_id text, channel text, agent_name text, title text, is_active boolean, created_at timestamp with time zone, ended_at timestamp with time zone, message_count bigint, metadata jsonb, parent_session_id text)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET lock_timeout TO '250ms'
AS $function$
#variable_conflict use_column
DECLARE
    v_places int[];
    v_seqs bigint[];
    v_times timestamptz[];
BEGIN
    SELECT array_agg(l.place), array_agg(l.last_seq + 1), array_agg(greatest(l.updated_at, clock_timestamp()))
    INTO v_places, v_seqs, v_times FROM (
        SELECT i.place::int, s.last_seq, s.updated_at
        FROM unnest(p_users, p_chats) WITH ORDINALITY AS i (user_id, chat_id, place)
        JOIN chat_sessions AS s ON s.chat_id = i.chat_id AND s.user_id IS NOT DISTINCT FROM i.user_id
        ORDER BY s.chat_id FOR UPDATE OF s SKIP LOCKED
    ) AS l;
    IF v_places IS NULL THEN
        RETURN;
    END IF;
    RETURN QUERY
    WITH ended AS (
        -- The fence. No turn waits behind one whose message is the last of its session.
        UPDATE turns AS t SET
            status = p_statuses[n.place], ended_at = n.at, usage = p_usages[n.place]::jsonb, error = p_errors[n.place],
            error_class = p_error_classes[n.place], reply_seq = n.seq, deadline = NULL
        FROM unnest(v_places, v_seqs, v_times) AS n (place, seq, at)
        WHERE t.turn_id = p_turns[n.place] AND t.chat_id = p_chats[n.place] AND t.user_id = p_users[n.place]
            AND t.owner = p_owner AND t.epoch = p_epochs[n.place] AND t.status = 'running'
            AND t.seq = n.seq - 1 AND t.superseded IS NULL
            -- Not plain: chunks for an address that has left the turn, or whose older chunks the caller does not hold.
            AND (p_chunks[n.place] IS NULL OR NOT EXISTS (
                SELECT FROM (SELECT DISTINCT c ->> 0 FROM jsonb_array_elements(p_chunks[n.place]::jsonb) AS c) AS named (address)
                WHERE array_position(t.deliver_to, named.address) IS NULL AND NOT starts_with(split_part(named.address, ':', 3), '-')
                    OR EXISTS (
                        SELECT FROM outbox AS o
                        WHERE o.address = named.address AND o.state = 'unsent' AND o.user_id = t.user_id
                            AND (o.owner IS DISTINCT FROM p_owner OR NOT o.item_id = ANY (p_held))
                    )
            ))
        RETURNING n.place, n.seq, n.at, t.chat_id, t.user_id, t.turn_id, t.seq AS turn_seq, t.channel, t.ends_session
    ), released AS (
        UPDATE recent_activity AS a SET turn_id = NULL FROM ended AS e
        WHERE a.user_id = e.user_id AND a.chat_id = e.chat_id AND a.turn_id = e.turn_id
    ), appended AS (
        INSERT INTO chat_messages (
            chat_id, seq, user_id, role, content, parts, channel, turn_id, turn_seq, created_at, kind
        )
        SELECT
            e.chat_id, e.seq, e.user_id, 'assistant', p_contents[e.place], p_parts[e.place]::jsonb, e.channel, e.turn_id, e.turn_seq,
            e.at, p_kinds[e.place]
        FROM ended AS e
    ), queued AS (
        INSERT INTO outbox (chat_id, turn_id, user_id, address, chunk, content, markup, owner)
        SELECT e.chat_id, e.turn_id, e.user_id, c.words ->> 0, c.number, c.words ->> 1, c.words ->> 2, p_owner
        FROM ended AS e
        CROSS JOIN LATERAL jsonb_array_elements(p_chunks[e.place]::jsonb) WITH ORDINALITY AS c (words, number)
        ORDER BY e.place, c.number
        RETURNING item_id, turn_id
    )
    UPDATE chat_sessions AS s SET
        last_seq = e.seq, message_count = s.message_count + 1, last_message_at = e.at, updated_at = e.at,
        title = coalesce(s.title, p_titles[e.place]), is_active = s.is_active AND NOT e.ends_session,
        ended_at = CASE WHEN e.ends_session THEN e.at ELSE s.ended_at END
    FROM ended AS e
    LEFT JOIN (
        SELECT q.turn_id, array_agg(q.item_id ORDER BY q.item_id) AS ids FROM queued AS q GROUP BY q.turn_id
    ) AS items ON items.turn_id = e.turn_id
    WHERE s.chat_id = e.chat_id AND s.user_id IS NOT DISTINCT FROM e.user_id
    RETURNING
        e.place, e.seq, e.at, items.ids, s.history_version, s.session_id, s.channel, s.agent_name, s.title, s.is_active, s.created_at,
        s.ended_at, s.message_count, nullif(s.metadata, '{}'), s.parent_session_id;
END
$function$;
ALTER FUNCTION finish_plain(text[],uuid[],uuid[],integer[],text[],text[],text[],text[],text[],text[],text[],text[],text[],uuid,bigint[]) OWNER TO turngate_system;
REVOKE EXECUTE ON FUNCTION finish_plain(text[],uuid[],uuid[],integer[],text[],text[],text[],text[],text[],text[],text[],text[],text[],uuid,bigint[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION finish_plain(text[],uuid[],uuid[],integer[],text[],text[],text[],text[],text[],text[],text[],text[],text[],uuid,bigint[]) TO turngate_app;

CREATE FUNCTION finish_turn(p_user text, p_chat_id uuid, p_turn_id uuid, p_owner uuid, p_epoch integer, p_status text,
    p_content text, p_parts jsonb, p_usage jsonb, p_error text, p_title text, p_addresses text[], p_chunks text[],
    p_markups text[], p_held bigint[], p_kind text, p_error_class text)
 RETURNS finished
 LANGUAGE plpgsql
AS $function$
DECLARE
    r finished;
    s chat_sessions;
    m chat_messages;
    t turns;
    n turns;
    v_more boolean;
    v_drop boolean;
    v_now timestamptz;
BEGIN
    PERFORM set_config('turngate.user_id', p_user, true);
    SELECT * INTO s FROM chat_sessions WHERE chat_id = p_chat_id FOR UPDATE;
    -- Read after the wait for the lock, so that a session's times never go backwards.
    v_now := greatest(s.updated_at, clock_timestamp());
    UPDATE turns SET
        status = CASE WHEN superseded = 'rollback' THEN 'cancelled' ELSE p_status END,
        ended_at = v_now, usage = coalesce(p_usage, usage), error = p_error,
        error_class = p_error_class, reply_seq = s.last_seq + 1, deadline = NULL
    WHERE turn_id = p_turn_id AND owner = p_owner AND epoch = p_epoch AND status = 'running'
    RETURNING * INTO t;

    IF NOT FOUND THEN
        SELECT * INTO t FROM turns WHERE turn_id = p_turn_id;
        IF t.reply_seq IS NULL OR t.owner IS DISTINCT FROM p_owner OR t.epoch <> p_epoch THEN
            r.status := 'lost';
            RETURN r;
        END IF;
        r.status := 'again';
        r.session := s;
        SELECT * INTO m FROM chat_messages WHERE chat_id = p_chat_id AND seq = t.reply_seq;
        r.message := m;
        r.ended := t.status;
        IF t.superseded = 'rollback' THEN
            r.dropped := ARRAY(SELECT c FROM chat_messages AS c
                WHERE c.chat_id = p_chat_id AND c.seq >= t.seq AND c.turn_id = t.turn_id AND c.seq <> t.reply_seq);
        END IF;
        -- Chunks that were sent since, or that another replica sends, are not handed out again.
        SELECT array_agg(CASE WHEN state = 'unsent' AND owner = p_owner THEN item_id END ORDER BY item_id)
        INTO r.outbox_ids FROM outbox
        WHERE chat_id = p_chat_id AND turn_id = p_turn_id AND chunk > chunks_before(t.questions);
        SELECT u.* INTO n FROM running_turns AS k JOIN turns AS u ON u.turn_id = k.turn_id
        WHERE k.user_id = p_user AND k.chat_id = p_chat_id AND u.owner = p_owner;
    ELSE
        v_drop := t.superseded IS NOT DISTINCT FROM 'rollback';
        IF t.questions > 0 THEN
            -- A question that was not answered before the turn was cancelled.
            r.dropped := close_question(t.turn_id, v_now);
        END IF;
        INSERT INTO chat_messages (
            chat_id, seq, user_id, role, content, parts, channel, turn_id, turn_seq, created_at, deleted_at, kind
        ) VALUES (
            p_chat_id, s.last_seq + 1, p_user, 'assistant', p_content, p_parts, t.channel, t.turn_id, t.seq, v_now,
            CASE WHEN v_drop THEN v_now END, p_kind
        ) RETURNING * INTO m;
        IF v_drop THEN
            WITH dropped AS (
                UPDATE chat_messages AS c SET deleted_at = v_now
                WHERE c.chat_id = p_chat_id AND c.seq >= t.seq AND c.turn_id = t.turn_id AND c.deleted_at IS NULL
                RETURNING c
            )
            SELECT array_agg(c) INTO r.dropped FROM dropped;
        ELSIF cardinality(p_chunks) > 0 THEN
            -- If the caller does not hold an address's older chunks, these wait behind them for a sweep.
            WITH queued AS (
                INSERT INTO outbox (chat_id, turn_id, user_id, address, chunk, content, markup, owner)
                SELECT p_chat_id, p_turn_id, p_user, c.address, chunks_before(t.questions) + c.position, c.content, c.markup,
                    CASE WHEN EXISTS (
                        SELECT FROM outbox AS o
                        WHERE o.address = c.address AND o.state = 'unsent'
                            AND (o.owner IS DISTINCT FROM p_owner OR NOT o.item_id = ANY (p_held))
                    ) THEN NULL ELSE p_owner END
                FROM unnest(p_addresses, p_chunks, p_markups) WITH ORDINALITY AS c (address, content, markup, position)
                ORDER BY c.position
                RETURNING item_id, owner
            )
            SELECT array_agg(CASE WHEN owner IS NOT NULL THEN item_id END ORDER BY item_id) INTO r.outbox_ids FROM queued;
        END IF;
        v_more := s.last_seq > t.seq;
        UPDATE chat_sessions SET
            last_seq = last_seq + 1, last_message_at = v_now, updated_at = v_now,
            message_count = message_count + CASE WHEN v_drop THEN -coalesce(cardinality(r.dropped), 0) ELSE 1 END,
            title = coalesce(title, CASE WHEN NOT v_drop THEN p_title END),
            is_active = is_active AND NOT t.ends_session,
            ended_at = CASE WHEN t.ends_session THEN v_now ELSE ended_at END
        WHERE chat_id = p_chat_id RETURNING * INTO s;
        -- Nothing follows the turn's first message, so nothing can be waiting.
        IF v_more THEN
            UPDATE turns SET
                status = 'running', attempt = 1, epoch = 1, owner = p_owner, started_at = v_now,
                deadline = clock_timestamp() + time_limit + interval '30 seconds'
            WHERE turn_id = (
                SELECT turn_id FROM turns
                WHERE chat_id = p_chat_id AND seq > t.seq AND status = 'queued' ORDER BY seq LIMIT 1
            )
            RETURNING * INTO n;
        END IF;
        UPDATE recent_activity SET turn_id = n.turn_id WHERE user_id = p_user AND chat_id = p_chat_id;
        r.status := 'finished';
        r.ended := t.status;
        r.session := s;
        r.message := m;
    END IF;

    IF n.turn_id IS NOT NULL THEN
        r.next_turn := n;
        r.messages := ARRAY(SELECT c FROM chat_messages AS c
            WHERE c.chat_id = p_chat_id AND c.seq >= n.seq AND c.turn_id = n.turn_id AND c.role = 'user' ORDER BY c.seq);
        r.history := turn_history(p_chat_id, n.seq, n.history_turns);
    END IF;
    RETURN r;
END
$function$;

CREATE FUNCTION fire_schedules(p_schedules uuid[], p_users text[], p_due timestamp with time zone[], p_next timestamp
    with time zone[], p_revisions integer[], p_agents text[], p_prompts text[], p_keys text[], p_routes text[], p_titles
    text[], p_strategies text[], p_collects boolean[], p_limits interval[], p_histories integer[], p_max_waiting
    integer[], p_turns uuid[], p_owner uuid, p_window interval)
 RETURNS TABLE(place integer, fired accepted)
 LANGUAGE plpgsql
 SET lock_timeout TO '250ms'
AS $function$
DECLARE
    v_places text[];
    v_left text[];
BEGIN
    FOR i IN 1 .. cardinality(p_schedules) LOOP
        PERFORM set_config('turngate.user_id', p_users[i], true);
        place := i;
        fired := NULL;
        PERFORM FROM schedules AS s
        WHERE s.schedule_id = p_schedules[i] AND s.is_active AND s.next_fire_at = p_due[i] AND s.revision = p_revisions[i];
        IF NOT FOUND THEN
            RETURN NEXT;
            CONTINUE;
        END IF;
        PERFORM FROM schedules AS s
        WHERE s.schedule_id = p_schedules[i] AND s.is_active AND s.next_fire_at = p_due[i] AND s.revision = p_revisions[i]
        FOR UPDATE SKIP LOCKED;
        CONTINUE WHEN NOT FOUND;
        UPDATE schedules AS s SET next_fire_at = p_next[i], last_fire_at = clock_timestamp(), is_active = p_next[i] IS NOT NULL
        WHERE s.schedule_id = p_schedules[i] RETURNING s.deliver_to INTO v_places;
        -- Those that are still the user's, and remain so until the commit: unlinking an account deletes its routes.
        SELECT coalesce(array_agg(l.route), '{}') INTO v_left FROM (
            SELECT r.route FROM routes AS r
            WHERE r.user_id = p_users[i] AND r.route = ANY (v_places) ORDER BY r.route FOR KEY SHARE
        ) AS l;
        fired := accept_message(
            p_users[i], 'scheduled', p_agents[i], p_prompts[i], p_keys[i], p_routes[i], NULL, v_left, true, true, false, p_titles[i],
            p_window, p_strategies[i], p_collects[i], p_limits[i], p_histories[i], p_owner, p_max_waiting[i], p_turns[i]
        );
        RETURN NEXT;
    END LOOP;
END
$function$;

CREATE FUNCTION forget_recent_activity()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
    DELETE FROM recent_activity AS a USING removed AS s WHERE a.user_id = s.user_id AND a.chat_id = s.chat_id;
    RETURN NULL;
END
$function$;

CREATE FUNCTION forget_running_turns()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
    UPDATE recent_activity AS a SET turn_id = NULL FROM removed AS t
    WHERE a.user_id = t.user_id AND a.chat_id = t.chat_id AND a.turn_id = t.turn_id;
    RETURN NULL;
END
$function$;

CREATE FUNCTION fork_session(p_session text, p_seq bigint, p_title text, p_channel text, p_route text, p_chat_id uuid)
 RETURNS SETOF chat_sessions
 LANGUAGE plpgsql
AS $function$
DECLARE
    s chat_sessions;
    f chat_sessions;
    v_rows bigint;
    v_now timestamptz := clock_timestamp();
BEGIN
    -- The owner before the route, as everywhere: a visitor who is being identified is the user by the next statement.
    PERFORM pg_advisory_xact_lock_shared(hashtextextended(c.user_id, 30)) FROM chat_sessions AS c WHERE c.session_id = p_session;
    SELECT * INTO s FROM chat_sessions WHERE session_id = p_session;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    INSERT INTO routes (user_id, route) VALUES (s.user_id, p_route)
    ON CONFLICT (user_id, route) DO UPDATE SET route = excluded.route;
    INSERT INTO chat_sessions (
        chat_id, user_id, channel, agent_name, title, title_is_users, metadata, route, parent_session_id
    ) VALUES (
        coalesce(p_chat_id, gen_random_uuid()), s.user_id, p_channel, s.agent_name, coalesce(p_title, s.title),
        p_title IS NOT NULL OR s.title_is_users, s.metadata, p_route, s.session_id
    ) RETURNING * INTO f;
    INSERT INTO chat_messages (
        chat_id, seq, user_id, role, content, parts, channel, turn_seq, created_at, edited_at, kind, metadata
    )
    SELECT
        f.chat_id, told.place, s.user_id, told.role, told.content, parts_of_fork(told.parts), told.channel,
        min(told.place) OVER (PARTITION BY told.turn_seq), told.created_at, told.edited_at,
        told.kind, told.metadata
    FROM (
        SELECT m.*, row_number() OVER (ORDER BY m.seq) AS place FROM chat_messages AS m
        WHERE m.chat_id = s.chat_id AND m.seq <= coalesce(p_seq, s.last_seq) AND m.deleted_at IS NULL
    ) AS told;
    GET DIAGNOSTICS v_rows = ROW_COUNT;
    UPDATE routes SET chat_id = f.chat_id WHERE user_id = s.user_id AND route = p_route;
    RETURN QUERY UPDATE chat_sessions AS c SET
        last_seq = v_rows, message_count = v_rows, last_message_at = CASE WHEN v_rows > 0 THEN v_now END, updated_at = v_now,
        listed_at = second_of(CASE WHEN v_rows > 0 THEN v_now ELSE c.created_at END)
    WHERE c.chat_id = f.chat_id RETURNING *;
END
$function$;

CREATE FUNCTION hold_words(p_chats uuid[])
 RETURNS void
 LANGUAGE plpgsql
AS $function$
BEGIN
    INSERT INTO indexed_sessions (chat_id, user_id)
    SELECT s.chat_id, s.user_id FROM chat_sessions AS s WHERE s.chat_id = ANY (p_chats) ORDER BY s.chat_id
    ON CONFLICT DO NOTHING;
    PERFORM FROM indexed_sessions WHERE chat_id = ANY (p_chats) ORDER BY chat_id FOR NO KEY UPDATE;
END
$function$;

CREATE FUNCTION identify_visitor(p_visitor text, p_user text, OUT status text, OUT moved integer)
 RETURNS record
 LANGUAGE plpgsql
AS $function$
DECLARE
    v_user text;
    v_chats uuid[];
    v_table regclass;
BEGIN
    -- Whatever the visitor was starting exists by now, and is moved too; whatever they start later is the user's.
    PERFORM pg_advisory_xact_lock(hashtextextended(p_visitor, 30));
    -- Refused while the user is being erased, even if the row exists: nothing else prevents the visitor's rows from being moved
    -- then.
    INSERT INTO identified_visitors (visitor_id, user_id) VALUES (p_visitor, p_user) ON CONFLICT (visitor_id) DO NOTHING;
    SELECT user_id INTO v_user FROM identified_visitors WHERE visitor_id = p_visitor FOR UPDATE;
    IF v_user IS DISTINCT FROM p_user THEN
        status := 'taken';
        RETURN;
    END IF;
    -- Locks in the common order: route, session, turn.
    PERFORM FROM routes WHERE user_id IN (p_visitor, p_user) ORDER BY user_id, route FOR UPDATE;
    SELECT array_agg(chat_id) INTO v_chats FROM (
        SELECT chat_id FROM chat_sessions WHERE user_id = p_visitor ORDER BY chat_id FOR UPDATE
    ) AS locked;
    -- A turn names its user wherever it runs: if it moved in the meantime, its result would find no session.
    IF EXISTS (SELECT FROM turns WHERE chat_id = ANY (v_chats) AND turns.status IN ('queued', 'running')) THEN
        status := 'busy';
        RETURN;
    END IF;
    -- If the user already has a current session, it stays current.
    INSERT INTO routes (user_id, route, chat_id)
    SELECT p_user, route, chat_id FROM routes WHERE user_id = p_visitor AND chat_id IS NOT NULL ORDER BY route
    ON CONFLICT (user_id, route) DO UPDATE SET chat_id = coalesce(routes.chat_id, excluded.chat_id);
    DELETE FROM routes WHERE user_id = p_visitor;
    -- A key that the user gave to another session stays with that session.
    DELETE FROM external_keys AS k
    WHERE k.user_id = p_visitor
        AND EXISTS (SELECT FROM external_keys AS o WHERE o.user_id = p_user AND o.external_key = k.external_key);
    UPDATE chat_sessions SET updated_at = greatest(updated_at, clock_timestamp()) WHERE chat_id = ANY (v_chats);
    FOR v_table IN
        SELECT c.oid::regclass FROM pg_class AS c
        JOIN pg_attribute AS u ON u.attrelid = c.oid AND u.attname = 'user_id' AND NOT u.attisdropped
        JOIN pg_attribute AS s ON s.attrelid = c.oid AND s.attname = 'chat_id' AND NOT s.attisdropped
        WHERE c.relnamespace = (SELECT o.relnamespace FROM pg_class AS o WHERE o.oid = 'chat_sessions'::regclass)
            AND c.relkind = 'r'
        ORDER BY c.oid
    LOOP
        EXECUTE format('UPDATE %s SET user_id = $1 WHERE chat_id = ANY ($2)', v_table) USING p_user, v_chats;
    END LOOP;
    status := 'identified';
    UPDATE identified_visitors SET sessions = sessions + coalesce(cardinality(v_chats), 0) WHERE visitor_id = p_visitor
    RETURNING sessions INTO moved;
END
$function$;

CREATE FUNCTION index_words(p_chats uuid[], p_most integer, p_carefully boolean, OUT indexed bigint, OUT refused text[],
    OUT remaining uuid[])
 RETURNS record
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
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
$function$;
REVOKE EXECUTE ON FUNCTION index_words(uuid[],integer,boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION index_words(uuid[],integer,boolean) TO turngate_system;

CREATE FUNCTION is_pushed(channel text)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
AS $function$ SELECT channel NOT IN ('web', 'scheduled', 'terminal', 'api') $function$;

CREATE FUNCTION is_stranger(p_user text, p_channel text, p_account text)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
AS $function$ SELECT p_user IN (p_channel || ':' || p_account, 'visitor:' || p_channel || ':' || p_account) $function$;

CREATE FUNCTION keep_session_title()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
    IF NEW.title IS NULL THEN
        DELETE FROM session_titles WHERE chat_id = NEW.chat_id;
    ELSE
        INSERT INTO session_titles (chat_id, user_id, title) VALUES (NEW.chat_id, NEW.user_id, NEW.title)
        ON CONFLICT (chat_id) DO UPDATE SET user_id = excluded.user_id, title = excluded.title;
    END IF;
    RETURN NULL;
END
$function$;

CREATE FUNCTION keep_version(m chat_messages, p_change text, p_by text, p_at timestamp with time zone)
 RETURNS void
 LANGUAGE sql
AS $function$
    INSERT INTO message_versions (chat_id, seq, version, user_id, content, parts, change, changed_by, changed_at)
    SELECT m.chat_id, m.seq, 1 + count(*), m.user_id, m.content, m.parts, p_change, p_by, p_at
    FROM message_versions AS v WHERE v.chat_id = m.chat_id AND v.seq = m.seq
$function$;

CREATE FUNCTION known_channels()
 RETURNS text[]
 LANGUAGE sql
 STABLE
AS $function$
    SELECT array_agg(found[1]) FROM pg_constraint AS c, regexp_matches(pg_get_constraintdef(c.oid), '''([^'']+)''', 'g') AS found
    WHERE c.conrelid = 'chat_sessions'::regclass AND c.conname = 'chat_sessions_channel_known'
$function$;

CREATE FUNCTION labelled_sessions(p_user text, p_keys text[], p_values text[], p_most integer)
 RETURNS uuid[]
 LANGUAGE sql
 STABLE
 SET enable_seqscan TO 'off'
AS $function$
    SELECT CASE WHEN count(*) <= p_most THEN
        coalesce(array_agg(chat_id) FILTER (WHERE (p_user IS NULL OR user_id = p_user) AND session_has(metadata, p_keys, p_values)), '{}')
    END
    FROM (
        SELECT chat_id, user_id, metadata FROM chat_sessions
        WHERE metadata <> '{}' AND session_labels(user_id, metadata) @> (
            SELECT array_agg(hashtextextended(value, hashtextextended(key, coalesce(hashtextextended(p_user, 0), 0))))
            FROM unnest(p_keys, p_values) AS wanted (key, value)
        )
        LIMIT p_most + 1
    ) AS labelled
$function$;
REVOKE EXECUTE ON FUNCTION labelled_sessions(text,text[],text[],integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION labelled_sessions(text,text[],text[],integer) TO turngate_system;

CREATE FUNCTION latest_agent_data(p_agent text, p_name text, p_turn_id uuid)
 RETURNS SETOF agent_data
 LANGUAGE sql
 STABLE
AS $function$
    SELECT d.* FROM agent_data AS d
    WHERE d.agent_name = p_agent AND d.name = p_name AND d.turn_id IS DISTINCT FROM coalesce(p_turn_id, gen_random_uuid())
        AND (d.turn_id IS NULL OR EXISTS (
            SELECT FROM turns AS t WHERE t.turn_id = d.turn_id AND t.status = 'completed' AND NOT t.withdrawn
        ))
    ORDER BY d.seq DESC LIMIT 1
$function$;

CREATE FUNCTION log_usage()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
    INSERT INTO usage_log (day, user_id, chat_id, agent_name, channel, model, turns, input_tokens, output_tokens, cost)
    SELECT
        (coalesce(NEW.ended_at, clock_timestamp()) AT TIME ZONE 'UTC')::date, NEW.user_id, NEW.chat_id, NEW.agent_name, NEW.channel,
        u.model, u.turns, u.input_tokens, u.output_tokens, u.cost
    FROM (SELECT * FROM usage_rows(NEW.usage, 1) UNION ALL SELECT * FROM usage_rows(OLD.usage, -1)) AS u
    WHERE u.input_tokens IS NOT NULL;
    RETURN NULL;
END
$function$;

CREATE FUNCTION look_for_words(p_owner uuid, p_looked timestamp with time zone, p_overlap interval, p_swept uuid,
    p_sweep integer, OUT leads boolean, OUT looked_at timestamp with time zone, OUT chats uuid[], OUT more boolean, OUT
    sweep_end uuid, OUT first_round boolean)
 RETURNS record
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
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
$function$;
REVOKE EXECUTE ON FUNCTION look_for_words(uuid,timestamp with time zone,interval,uuid,integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION look_for_words(uuid,timestamp with time zone,interval,uuid,integer) TO turngate_system;

CREATE FUNCTION make_snapshot(s chat_sessions, p_reason text, p_rewound boolean)
 RETURNS snapshots
 LANGUAGE plpgsql
AS $function$
DECLARE
    x session_states;
    n snapshots;
    v_hidden int8multirange;
    v_top bigint := s.last_seq;
BEGIN
    INSERT INTO session_states AS t (chat_id, user_id, snapshot_count) VALUES (s.chat_id, s.user_id, 1)
    ON CONFLICT (chat_id) DO UPDATE SET snapshot_count = t.snapshot_count + 1, dirty_since = NULL
    RETURNING * INTO x;
    SELECT coalesce(range_agg(int8range(m.seq, m.seq + 1)), '{}') INTO v_hidden
    FROM chat_messages AS m WHERE m.chat_id = s.chat_id AND m.rewound;
    -- Skips a long stretch that was taken back instead of reading it.
    IF s.last_seq <@ v_hidden THEN
        SELECT lower(g) - 1 INTO v_top FROM unnest(v_hidden) AS g WHERE s.last_seq <@ g;
    END IF;
    SELECT m.seq INTO n.message_seq FROM chat_messages AS m
    WHERE m.chat_id = s.chat_id AND m.seq <= v_top AND m.deleted_at IS NULL ORDER BY m.seq DESC LIMIT 1;
    INSERT INTO snapshots (
        chat_id, number, user_id, reason, blackboard, scratchpad, attributes, size_bytes, message_seq, last_seq, hidden,
        rewound, agent_session, created_at
    ) VALUES (
        s.chat_id, x.snapshot_count, s.user_id, p_reason, x.blackboard, x.scratchpad, x.attributes, x.size_bytes,
        n.message_seq, s.last_seq, v_hidden, p_rewound, s.agent_session, clock_timestamp()
    ) RETURNING * INTO n;
    RETURN n;
END
$function$;

CREATE FUNCTION newest_sessions(p_user text, p_channel text, p_agent text, p_active boolean, p_keys text[], p_values
    text[])
 RETURNS TABLE(chat_id uuid, at timestamp with time zone)
 LANGUAGE sql
 STABLE
AS $function$
    SELECT either.chat_id, either.at FROM (
        (
            SELECT l.chat_id, coalesce(l.last_message_at, l.created_at) AS at FROM chat_sessions AS l
            WHERE l.listed_at >= date_bin('1 second', coalesce(l.last_message_at, l.created_at), 'epoch')
                AND (p_user IS NULL OR l.user_id = p_user)
                AND (p_channel IS NULL OR l.channel = p_channel)
                AND (p_agent IS NULL OR l.agent_name = p_agent)
                AND (p_active IS NULL OR l.is_active = p_active)
                AND (p_keys IS NULL OR session_has(l.metadata, p_keys, p_values))
                AND ('stateless' = ANY (p_keys) OR l.metadata ->> 'stateless' IS DISTINCT FROM 'true')
            ORDER BY l.listed_at DESC, coalesce(l.last_message_at, l.created_at) DESC, l.chat_id DESC
            LIMIT 5000
        )
        UNION ALL
        SELECT u.chat_id, u.at FROM unlisted_sessions AS u
        WHERE (p_user IS NULL OR u.user_id = p_user)
            AND (p_channel IS NULL OR u.channel = p_channel)
            AND (p_agent IS NULL OR u.agent_name = p_agent)
            AND (p_active IS NULL OR u.is_active = p_active)
            AND (p_keys IS NULL OR session_has(u.metadata, p_keys, p_values))
            AND ('stateless' = ANY (p_keys) OR u.metadata ->> 'stateless' IS DISTINCT FROM 'true')
    ) AS either
    ORDER BY either.at DESC, either.chat_id DESC
    LIMIT 5000
$function$;

CREATE FUNCTION not_being_erased(p_user text)
 RETURNS boolean
 LANGUAGE plpgsql
AS $function$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(hashtextextended(p_user, 30));
    IF EXISTS (
        SELECT FROM erasures AS e
        WHERE e.user_id = p_user
            AND (e.finished_at IS NULL OR e.finished_at > clock_timestamp() - interval '1 minute')
    ) THEN
        RAISE EXCEPTION 'this user is being erased' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN true;
END
$function$;

CREATE FUNCTION own_labelled_sessions(p_keys text[], p_values text[], p_most integer)
 RETURNS uuid[]
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
BEGIN
    IF turngate_user() IS NULL THEN
        RETURN '{}';
    END IF;
    RETURN labelled_sessions(turngate_user(), p_keys, p_values, p_most);
END
$function$;
ALTER FUNCTION own_labelled_sessions(text[],text[],integer) OWNER TO turngate_system;
REVOKE EXECUTE ON FUNCTION own_labelled_sessions(text[],text[],integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION own_labelled_sessions(text[],text[],integer) TO turngate_app;

CREATE FUNCTION parts_of_fork(p_parts jsonb)
 RETURNS jsonb
 LANGUAGE sql
 IMMUTABLE
AS $function$
    SELECT CASE WHEN p_parts @> '[{"type": "data-approval", "data": {"state": "open"}}]' THEN (
        SELECT jsonb_agg(CASE
            WHEN part ->> 'type' = 'data-approval' THEN jsonb_set(part, '{data,state}', '"closed"') ELSE part
        END ORDER BY place)
        FROM jsonb_array_elements(p_parts) WITH ORDINALITY AS told (part, place)
    ) ELSE p_parts END
$function$;

CREATE FUNCTION parts_with_text(p_parts jsonb, p_text text)
 RETURNS jsonb
 LANGUAGE sql
 IMMUTABLE
AS $function$
    SELECT CASE WHEN p_parts IS NOT NULL THEN
        coalesce((
            SELECT jsonb_agg(part ORDER BY place)
            FROM jsonb_array_elements(p_parts) WITH ORDINALITY AS told (part, place)
            WHERE part ->> 'type' IS DISTINCT FROM 'text'
        ), '[]') || jsonb_build_object('type', 'text', 'text', p_text)
    END
$function$;

CREATE FUNCTION patched(p_object jsonb, p_changes jsonb)
 RETURNS jsonb
 LANGUAGE sql
 IMMUTABLE
AS $function$
    SELECT CASE
        WHEN p_changes IS NULL THEN p_object
        WHEN jsonb_typeof(p_changes) = 'array' THEN p_changes
        ELSE (p_object || p_changes) - ARRAY(SELECT e.key FROM jsonb_each(p_changes) AS e WHERE e.value = 'null')
    END
$function$;

CREATE FUNCTION place_in_lists(p_most integer, p_quiet interval)
 RETURNS bigint
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
DECLARE
    v_taken bigint;
BEGIN
    WITH quiet AS MATERIALIZED (
        SELECT a.user_id, s.chat_id, s.second
        FROM recent_activity AS a
        CROSS JOIN LATERAL (
            SELECT c.chat_id, second_of(coalesce(c.last_message_at, c.created_at)) AS second FROM chat_sessions AS c
            WHERE c.chat_id = a.chat_id AND c.user_id = a.user_id
                AND coalesce(c.last_message_at, c.created_at) < clock_timestamp() - p_quiet
            FOR NO KEY UPDATE SKIP LOCKED
        ) AS s
        WHERE a.turn_id IS NULL LIMIT p_most
    ), moved AS (
        UPDATE chat_sessions AS s SET listed_at = q.second FROM quiet AS q WHERE s.chat_id = q.chat_id AND s.listed_at < q.second
    ), forgotten AS (
        DELETE FROM recent_activity AS a USING quiet AS q
        WHERE a.user_id = q.user_id AND a.chat_id = q.chat_id AND a.turn_id IS NULL
    )
    SELECT count(*) INTO v_taken FROM quiet;
    RETURN v_taken;
END
$function$;
REVOKE EXECUTE ON FUNCTION place_in_lists(integer,interval) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION place_in_lists(integer,interval) TO turngate_system;

CREATE FUNCTION put_state(s chat_sessions, p_versions bigint[], p_blackboard jsonb, p_scratchpad jsonb, p_attributes
    jsonb, p_patch boolean, p_limit bigint)
 RETURNS state_written
 LANGUAGE plpgsql
AS $function$
DECLARE
    r state_written;
    x session_states;
    n session_states;
    v_now timestamptz := clock_timestamp();
BEGIN
    INSERT INTO session_states (chat_id, user_id) VALUES (s.chat_id, s.user_id) ON CONFLICT (chat_id) DO NOTHING;
    SELECT * INTO x FROM session_states WHERE chat_id = s.chat_id FOR UPDATE;
    r.state := x;
    IF NOT x.version = ANY (p_versions) THEN
        r.status := 'stale';
        RETURN r;
    END IF;
    IF p_patch AND jsonb_typeof(x.scratchpad) = 'array' AND jsonb_typeof(p_scratchpad) = 'object' THEN
        r.status := 'list';
        RETURN r;
    END IF;
    n := x;
    n.blackboard := CASE WHEN p_patch THEN patched(x.blackboard, p_blackboard) ELSE coalesce(p_blackboard, x.blackboard) END;
    n.scratchpad := CASE WHEN p_patch THEN patched(x.scratchpad, p_scratchpad) ELSE coalesce(p_scratchpad, x.scratchpad) END;
    n.attributes := CASE WHEN p_patch THEN patched(x.attributes, p_attributes) ELSE coalesce(p_attributes, x.attributes) END;
    r.status := 'done';
    IF n IS NOT DISTINCT FROM x THEN
        RETURN r;
    END IF;
    r.size := state_size(n.blackboard, n.scratchpad, n.attributes);
    -- A state that exceeds a limit which was lowered in the meantime may still shrink.
    IF r.size > p_limit AND r.size >= x.size_bytes THEN
        r.status := 'too_large';
        RETURN r;
    END IF;
    UPDATE session_states SET
        version = x.version + 1, blackboard = n.blackboard, scratchpad = n.scratchpad, attributes = n.attributes,
        size_bytes = r.size, changed_at = v_now, dirty_since = coalesce(x.dirty_since, v_now)
    WHERE chat_id = s.chat_id RETURNING * INTO x;
    r.state := x;
    RETURN r;
END
$function$;

CREATE FUNCTION raise_history_version()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
    UPDATE chat_sessions AS s SET history_version = s.history_version + 1
    FROM (SELECT DISTINCT chat_id FROM changed) AS c WHERE s.chat_id = c.chat_id;
    RETURN NULL;
END
$function$;

CREATE FUNCTION read_agent_data(p_user text, p_agent text, p_name text, p_turn_id uuid)
 RETURNS SETOF agent_data
 LANGUAGE plpgsql
AS $function$
BEGIN
    PERFORM set_config('turngate.user_id', p_user, true);
    RETURN QUERY SELECT * FROM latest_agent_data(p_agent, p_name, p_turn_id);
END
$function$;

CREATE FUNCTION read_history(p_user text, p_chat_id uuid, p_seq bigint, p_turns integer)
 RETURNS told
 LANGUAGE plpgsql
 STABLE
AS $function$
DECLARE
    r told;
BEGIN
    PERFORM set_config('turngate.user_id', p_user, true);
    SELECT s.history_version INTO r.history_version FROM chat_sessions AS s WHERE s.chat_id = p_chat_id;
    r.messages := turn_history(p_chat_id, p_seq, p_turns);
    r.turns := ARRAY(
        SELECT t.seq FROM turns AS t
        WHERE t.chat_id = p_chat_id AND t.seq >= r.messages[1].turn_seq AND t.seq < p_seq AND NOT t.withdrawn
        ORDER BY t.seq
    );
    RETURN r;
END
$function$;

CREATE FUNCTION record_answer(p_approval uuid, p_choice text, p_text text, p_by text, p_from text, p_key uuid, p_at
    timestamp with time zone)
 RETURNS chat_messages
 LANGUAGE plpgsql
AS $function$
DECLARE
    a approvals;
BEGIN
    SELECT * INTO a FROM approvals WHERE approval_id = p_approval;
    UPDATE turns AS t SET
        status = 'running', reply_seq = NULL,
        answers = coalesce(t.answers, '[]') || jsonb_build_object(
            'approval_id', a.approval_id, 'choice', p_choice, 'text', coalesce(p_text, ''), 'call_id', a.call_id, 'tool', a.tool,
            'input', a.input, 'resume', a.resume, 'answered_by', p_by
        )
    WHERE t.turn_id = a.turn_id AND t.status = 'waiting' AND t.reply_seq = a.seq AND NOT t.cancel_requested;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    UPDATE approvals SET
        answer = p_choice, answer_text = p_text, answer_key = p_key, answered_by = p_by, answered_from = p_from, answered_at = p_at
    WHERE approval_id = p_approval RETURNING * INTO a;
    RETURN show_approval(a, p_at);
END
$function$;

CREATE FUNCTION restore_snapshot(p_session text, p_number bigint, p_rewind boolean, p_by text)
 RETURNS snapshot_restored
 LANGUAGE plpgsql
AS $function$
DECLARE
    r snapshot_restored;
    s chat_sessions;
    x snapshots;
    v_message chat_messages;
    v_then message_versions;
    v_hide int8multirange;
    v_turns uuid[];
    v_rows bigint;
    v_changed chat_messages[];
    v_agent_session text;
    v_now timestamptz;
BEGIN
    SELECT * INTO s FROM chat_sessions WHERE session_id = p_session FOR UPDATE;
    IF NOT FOUND THEN
        r.status := 'not_found';
        RETURN r;
    END IF;
    SELECT * INTO x FROM snapshots
    WHERE chat_id = s.chat_id AND (p_number IS NULL OR number = p_number) ORDER BY number DESC LIMIT 1;
    IF NOT FOUND THEN
        r.status := 'missing';
        RETURN r;
    END IF;
    r.rewound := p_rewind OR x.rewound;
    IF r.rewound AND NOT end_waiting(s) THEN
        r.status := 'busy';
        RETURN r;
    END IF;
    r.number := x.number;
    r.undo := (make_snapshot(s, 'before_restore', r.rewound)).number;
    r.state := (put_state(s, NULL, x.blackboard, x.scratchpad, x.attributes, false, NULL)).state;

    IF r.rewound THEN
        v_now := greatest(s.updated_at + interval '1 microsecond', clock_timestamp());
        v_hide := x.hidden + int8multirange(int8range(x.last_seq, s.last_seq, '(]'));
        WITH hidden AS (
            UPDATE chat_messages AS m SET deleted_at = v_now, rewound = true, changed_at = v_now
            WHERE m.chat_id = s.chat_id AND m.seq >= lower(v_hide) AND m.seq <@ v_hide AND m.deleted_at IS NULL
            RETURNING m
        )
        SELECT count(*), array_agg((m).turn_id) FILTER (WHERE (m).role = 'user'), (array_agg(m ORDER BY (m).seq DESC))[:400]
        INTO v_rows, v_turns, r.changed FROM hidden;
        s.message_count := s.message_count - v_rows;
        -- A turn whose first messages stay remains part of the conversation.
        UPDATE turns AS t SET withdrawn = true WHERE t.turn_id = ANY (v_turns) AND t.seq <@ v_hide;

        WITH returned AS (
            UPDATE chat_messages AS m SET deleted_at = NULL, rewound = false, changed_at = v_now
            WHERE m.chat_id = s.chat_id AND m.rewound AND NOT m.seq <@ v_hide
            RETURNING m
        )
        SELECT count(*), array_agg((m).turn_id) FILTER (WHERE (m).role = 'user'), (array_agg(m ORDER BY (m).seq DESC))[:400]
        INTO v_rows, v_turns, v_changed FROM returned;
        s.message_count := s.message_count + v_rows;
        UPDATE turns AS t SET withdrawn = false WHERE t.turn_id = ANY (v_turns);

        r.changed := r.changed || v_changed;
        -- The text of that time was stored at the first change since then.
        FOR v_then IN
            SELECT DISTINCT ON (seq) * FROM message_versions
            WHERE chat_id = s.chat_id AND changed_at > x.created_at ORDER BY seq, version
        LOOP
            SELECT * INTO v_message FROM chat_messages AS c
            WHERE c.chat_id = s.chat_id AND c.seq = v_then.seq AND c.deleted_at IS NULL AND c.content <> v_then.content;
            CONTINUE WHEN NOT FOUND;
            PERFORM keep_version(v_message, 'rewind', p_by, v_now);
            UPDATE chat_messages AS c SET
                content = v_then.content, parts = v_then.parts, edited_at = v_now, changed_at = v_now
            WHERE c.chat_id = s.chat_id AND c.seq = v_then.seq RETURNING * INTO v_message;
            IF coalesce(cardinality(r.changed), 0) < 800 THEN
                r.changed := r.changed || v_message;
            END IF;
        END LOOP;
        -- The agent's own conversation cannot be rewound: the session gets a new one, and its earlier one when the transcript is
        -- restored.
        v_agent_session := CASE
            WHEN cardinality(r.changed) > 0 THEN CASE WHEN x.rewound THEN x.agent_session END ELSE s.agent_session
        END;
        UPDATE chat_sessions AS c SET
            updated_at = v_now, message_count = s.message_count,
            words_changed_at = CASE WHEN cardinality(r.changed) > 0 THEN v_now ELSE c.words_changed_at END,
            title = CASE WHEN cardinality(r.changed) > 0 THEN title_without_words(s) ELSE c.title END,
            title_is_agents = c.title_is_agents AND coalesce(cardinality(r.changed), 0) = 0,
            agent_session = v_agent_session, former_agent_sessions = agent_sessions_before(c, v_agent_session)
        WHERE c.chat_id = s.chat_id RETURNING * INTO s;
        -- The conversation continues: no later snapshot may bring the framework's conversation back in its current state.
        UPDATE snapshots AS n SET agent_session = NULL WHERE n.chat_id = s.chat_id AND n.agent_session = s.agent_session;
    END IF;
    r.session := s;
    r.status := 'done';
    RETURN r;
END
$function$;

CREATE FUNCTION rewrite_message(p_session text, p_seq bigint, p_content text, p_by text)
 RETURNS rewritten
 LANGUAGE plpgsql
AS $function$
DECLARE
    r rewritten;
    s chat_sessions;
    m chat_messages;
    v_now timestamptz;
BEGIN
    SELECT * INTO s FROM chat_sessions WHERE session_id = p_session FOR UPDATE;
    IF NOT FOUND THEN
        r.status := 'not_found';
        RETURN r;
    END IF;
    SELECT * INTO m FROM chat_messages WHERE chat_id = s.chat_id AND seq = p_seq AND deleted_at IS NULL;
    IF NOT FOUND THEN
        r.status := 'missing';
        RETURN r;
    END IF;
    IF EXISTS (SELECT FROM turns WHERE turn_id = m.turn_id AND status IN ('queued', 'running', 'waiting')) THEN
        r.status := 'busy';
        RETURN r;
    END IF;
    v_now := greatest(s.updated_at + interval '1 microsecond', clock_timestamp());
    PERFORM keep_version(m, CASE WHEN p_content IS NULL THEN 'delete' ELSE 'edit' END, p_by, v_now);
    UPDATE chat_messages SET
        content = coalesce(p_content, content),
        parts = CASE WHEN p_content IS NULL THEN parts ELSE parts_with_text(parts, p_content) END,
        edited_at = CASE WHEN p_content IS NULL THEN edited_at ELSE v_now END,
        deleted_at = CASE WHEN p_content IS NULL THEN v_now END,
        changed_at = v_now
    WHERE chat_id = s.chat_id AND seq = p_seq RETURNING * INTO m;
    -- The agent's own conversations still contain the old version: it starts a new one and receives the history.
    UPDATE snapshots SET agent_session = NULL WHERE chat_id = s.chat_id AND agent_session IS NOT NULL;
    UPDATE chat_sessions SET
        updated_at = v_now, words_changed_at = v_now, message_count = message_count - (p_content IS NULL)::int,
        agent_session = NULL, former_agent_sessions = agent_sessions_before(s, NULL),
        title = title_without_words(s), title_is_agents = false
    WHERE chat_id = s.chat_id RETURNING * INTO s;
    r.status := 'done';
    r.session := s;
    r.message := m;
    RETURN r;
END
$function$;

CREATE FUNCTION save_states(p_chats uuid[], p_quiet interval, p_every interval)
 RETURNS integer
 LANGUAGE plpgsql
AS $function$
DECLARE
    s chat_sessions;
    v_saved int := 0;
    v_now timestamptz := clock_timestamp();
BEGIN
    FOR s IN SELECT * FROM chat_sessions WHERE chat_id = ANY (p_chats) FOR UPDATE SKIP LOCKED LOOP
        -- Checks again after locking: another replica may have been first.
        IF EXISTS (
            SELECT FROM session_states WHERE chat_id = s.chat_id AND dirty_since IS NOT NULL
                AND (changed_at <= v_now - p_quiet OR dirty_since <= v_now - p_every)
        ) THEN
            PERFORM make_snapshot(s, 'auto', false);
            v_saved := v_saved + 1;
        END IF;
    END LOOP;
    RETURN v_saved;
END
$function$;

CREATE FUNCTION search_likeness(p_words text[], p_text text)
 RETURNS real
 LANGUAGE plpgsql
 IMMUTABLE PARALLEL SAFE
AS $function$
DECLARE
    v_word text;
    v_least real := 1;
BEGIN
    IF p_text IS NULL OR cardinality(p_words) = 0 THEN
        RETURN 0;
    END IF;
    FOREACH v_word IN ARRAY p_words LOOP
        v_least := least(v_least, strict_word_similarity(v_word, p_text));
        IF v_least < 0.33 THEN
            RETURN 0;
        END IF;
    END LOOP;
    RETURN v_least;
END
$function$;

CREATE FUNCTION search_matches(p_everyones boolean, p_text text, p_channel text, p_agent text, p_active boolean, p_keys
    text[], p_values text[])
 RETURNS TABLE(chat_id uuid, seq bigint, rank real)
 LANGUAGE plpgsql
 STABLE
AS $function$
BEGIN
    IF p_everyones THEN
        RETURN QUERY SELECT * FROM find_matches(NULL, p_text, p_channel, p_agent, p_active, p_keys, p_values);
    ELSE
        RETURN QUERY SELECT * FROM find_own_matches(p_text, p_channel, p_agent, p_active, p_keys, p_values);
    END IF;
END
$function$;

CREATE FUNCTION search_query(p_text text, p_shard text, p_user text)
 RETURNS tsquery
 LANGUAGE sql
 STABLE PARALLEL SAFE
AS $function$
    WITH words AS (
        SELECT p_shard || word AS word, '' AS reach FROM unnest(tsvector_to_array(search_vector(p_text))) AS word
        UNION ALL
        SELECT p_shard || word, ':*' FROM unnest(tsvector_to_array(search_vector(substring(p_text FROM '\S+\s*$')))) AS word
        UNION ALL
        SELECT chr(1) || left(p_user, 255), '' WHERE p_user IS NOT NULL
    )
    SELECT coalesce(
        string_agg('''' || replace(replace(word, '\', '\\'), '''', '''''') || '''' || reach, ' & '), ''
    )::tsquery
    FROM (SELECT word, max(reach) AS reach FROM words GROUP BY word) AS each_once
$function$;

CREATE FUNCTION search_shard(p_user text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE STRICT
AS $function$ SELECT chr(48 + (hashtext(p_user) & 63)) $function$;

CREATE FUNCTION search_vector(p_text text)
 RETURNS tsvector
 LANGUAGE plpgsql
 IMMUTABLE PARALLEL SAFE STRICT
AS $function$
BEGIN
    IF octet_length(p_text) > 1000 THEN
        RETURN to_tsvector(
            'pg_catalog.simple', regexp_replace(translate(left(p_text, 50000), '<', ' '), '(\S{200})', '\1 ', 'g')
        );
    END IF;
    RETURN to_tsvector('pg_catalog.simple', translate(p_text, '<', ' '));
END
$function$;

CREATE FUNCTION search_words(p_user text, p_text text)
 RETURNS tsvector
 LANGUAGE plpgsql
 IMMUTABLE PARALLEL SAFE STRICT
AS $function$
DECLARE
    v_shard text := public.search_shard(p_user);
BEGIN
    RETURN array_to_tsvector(
        (chr(1) || left(p_user, 255)) || string_to_array(
            v_shard || array_to_string(tsvector_to_array(public.search_vector(p_text)), chr(1) || v_shard), chr(1)
        )
    );
END
$function$;

CREATE FUNCTION search_words_or_none(p_user text, p_text text)
 RETURNS tsvector
 LANGUAGE plpgsql
 IMMUTABLE PARALLEL SAFE STRICT
AS $function$
BEGIN
    RETURN search_words(p_user, p_text);
EXCEPTION WHEN program_limit_exceeded OR data_exception THEN
    RETURN ''::tsvector;
END
$function$;

CREATE FUNCTION second_of(p_at timestamp with time zone)
 RETURNS timestamp with time zone
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
AS $function$ SELECT date_bin('1 second', p_at, 'epoch') $function$;

CREATE FUNCTION sender_of(p_user text, p_channel text, p_account text)
 RETURNS SETOF text
 LANGUAGE plpgsql
 SECURITY DEFINER ROWS 1
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
DECLARE
    v_user text;
BEGIN
    IF p_account IS NOT NULL THEN
        SELECT l.user_id INTO v_user FROM links AS l WHERE l.channel = p_channel AND l.external_id = p_account FOR KEY SHARE;
        IF coalesce(v_user = p_user, is_stranger(p_user, p_channel, p_account)) THEN
            RETURN NEXT p_user;
        END IF;
    ELSE
        PERFORM pg_advisory_xact_lock_shared(hashtextextended(p_user, 30));
        SELECT v.user_id INTO v_user FROM identified_visitors AS v WHERE v.visitor_id = p_user;
        IF NOT FOUND THEN
            RETURN NEXT p_user;
        ELSIF v_user IS NOT NULL THEN
            RETURN NEXT v_user;
        END IF;
    END IF;
END
$function$;
ALTER FUNCTION sender_of(text,text,text) OWNER TO turngate_system;
REVOKE EXECUTE ON FUNCTION sender_of(text,text,text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sender_of(text,text,text) TO turngate_app;

CREATE FUNCTION senders_of(p_users text[], p_channels text[], p_accounts text[])
 RETURNS text[]
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
    WITH held AS MATERIALIZED (
        SELECT i.place, l.user_id
        FROM unnest(p_channels, p_accounts) WITH ORDINALITY AS i (channel, account, place)
        JOIN links AS l ON l.channel = i.channel AND l.external_id = i.account
        ORDER BY l.channel, l.external_id FOR KEY SHARE OF l SKIP LOCKED
    )
    SELECT array_agg(
        CASE WHEN i.account IS NULL OR coalesce(h.user_id = i.user_id, is_stranger(i.user_id, i.channel, i.account)) THEN i.user_id END
        ORDER BY i.place
    )
    FROM unnest(p_users, p_channels, p_accounts) WITH ORDINALITY AS i (user_id, channel, account, place)
    LEFT JOIN held AS h ON h.place = i.place
$function$;
ALTER FUNCTION senders_of(text[],text[],text[]) OWNER TO turngate_system;
REVOKE EXECUTE ON FUNCTION senders_of(text[],text[],text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION senders_of(text[],text[],text[]) TO turngate_app;

CREATE FUNCTION session_has(p_metadata jsonb, p_keys text[], p_values text[])
 RETURNS boolean
 LANGUAGE plpgsql
 IMMUTABLE PARALLEL SAFE
AS $function$
BEGIN
    FOR i IN 1 .. cardinality(p_keys) LOOP
        IF p_metadata ->> p_keys[i] IS DISTINCT FROM p_values[i]
            OR jsonb_typeof(p_metadata -> p_keys[i]) IN ('object', 'array') THEN
            RETURN false;
        END IF;
    END LOOP;
    RETURN true;
END
$function$;

CREATE FUNCTION session_labels(p_user text, p_metadata jsonb)
 RETURNS bigint[]
 LANGUAGE plpgsql
 IMMUTABLE PARALLEL SAFE
AS $function$
DECLARE
    v_own bigint := hashtextextended(p_user, 0);
    v_key text;
    v_value text;
    v_labels bigint[] := '{}';
BEGIN
    FOR v_key, v_value IN
        SELECT key, value FROM jsonb_each_text(p_metadata)
        WHERE jsonb_typeof(p_metadata -> key) NOT IN ('object', 'array', 'null')
    LOOP
        v_labels := v_labels || hashtextextended(v_value, hashtextextended(v_key, v_own))
            || hashtextextended(v_value, hashtextextended(v_key, 0));
    END LOOP;
    RETURN v_labels;
END
$function$;

CREATE FUNCTION session_resumes(is_active boolean, last_activity timestamp with time zone, is_running boolean, at
    timestamp with time zone, resume_window interval)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
AS $function$ SELECT is_active AND (is_running OR at - last_activity <= resume_window) $function$;

CREATE FUNCTION show_approval(a approvals, p_at timestamp with time zone)
 RETURNS chat_messages
 LANGUAGE plpgsql
AS $function$
DECLARE
    m chat_messages;
BEGIN
    UPDATE chat_messages AS c SET changed_at = p_at, parts = (
        SELECT jsonb_agg(CASE
            WHEN part ->> 'type' = 'data-approval' AND part ->> 'id' = a.approval_id::text THEN approval_part(a) ELSE part
        END ORDER BY place)
        FROM jsonb_array_elements(c.parts) WITH ORDINALITY AS told (part, place)
    )
    WHERE c.chat_id = a.chat_id AND c.seq = a.seq RETURNING * INTO m;
    UPDATE chat_sessions SET updated_at = p_at WHERE chat_id = a.chat_id;
    RETURN m;
END
$function$;

CREATE FUNCTION state_size(p_blackboard jsonb, p_scratchpad jsonb, p_attributes jsonb)
 RETURNS bigint
 LANGUAGE sql
 IMMUTABLE
AS $function$ SELECT octet_length(p_blackboard::text)::bigint + octet_length(p_scratchpad::text) + octet_length(p_attributes::text) $function$;

CREATE FUNCTION steal_turns(p_owner uuid, p_limit integer, p_running uuid[], p_silence interval)
 RETURNS SETOF finished
 LANGUAGE sql
AS $function$
    WITH dead AS MATERIALIZED (
        SELECT u.turn_id, u.epoch, u.deadline FROM running_turns AS k
        JOIN turns AS u ON u.turn_id = k.turn_id
        LEFT JOIN replicas AS r ON r.replica_id = u.owner
        CROSS JOIN LATERAL (SELECT u.deadline - u.time_limit - interval '30 seconds') AS claim (at)
        WHERE u.status = 'running' AND NOT (u.owner = p_owner AND u.turn_id = ANY (p_running))
            AND EXISTS (SELECT FROM replicas AS me WHERE me.replica_id = p_owner AND me.expires_at > clock_timestamp())
            AND (
                r.replica_id IS NULL OR u.deadline < clock_timestamp()
                OR r.expires_at < clock_timestamp() AND claim.at < clock_timestamp() - p_silence
                OR u.owner = p_owner AND claim.at < clock_timestamp() - interval '10 seconds'
            )
        ORDER BY u.created_at LIMIT p_limit
    ), held AS MATERIALIZED (
        -- Compares epoch and deadline again: a replica that locked the row first has changed them.
        SELECT u.turn_id FROM turns AS u JOIN dead ON dead.turn_id = u.turn_id
        WHERE u.status = 'running' AND u.epoch = dead.epoch AND u.deadline IS NOT DISTINCT FROM dead.deadline
        FOR UPDATE OF u SKIP LOCKED
    ), stolen AS (
        UPDATE turns AS u SET
            owner = p_owner, epoch = u.epoch + 1, attempt = u.attempt + 1,
            deadline = clock_timestamp() + u.time_limit + interval '30 seconds'
        FROM held WHERE u.turn_id = held.turn_id
        RETURNING u
    )
    SELECT
        'stolen', s, NULL::chat_messages, NULL::bigint[], stolen.u,
        ARRAY(SELECT c FROM chat_messages AS c
            WHERE c.chat_id = s.chat_id AND c.seq >= (stolen.u).seq AND c.turn_id = (stolen.u).turn_id AND c.role = 'user'
                AND c.kind <> 'answer'
            ORDER BY c.seq),
        turn_history(s.chat_id, (stolen.u).seq, (stolen.u).history_turns),
        NULL::chat_messages[], 'running'
    FROM stolen JOIN chat_sessions AS s ON s.chat_id = (stolen.u).chat_id
$function$;

CREATE FUNCTION take_snapshot(p_session text, p_reason text, p_if_changed boolean)
 RETURNS snapshot_made
 LANGUAGE plpgsql
AS $function$
DECLARE
    r snapshot_made;
    s chat_sessions;
    n snapshots;
BEGIN
    SELECT * INTO s FROM chat_sessions WHERE session_id = p_session FOR UPDATE;
    IF NOT FOUND THEN
        r.status := 'not_found';
        RETURN r;
    END IF;
    SELECT * INTO n FROM snapshots WHERE chat_id = s.chat_id ORDER BY number DESC LIMIT 1;
    IF p_if_changed AND n.number IS NOT NULL AND n.last_seq = s.last_seq AND NOT EXISTS (
        SELECT FROM session_states AS t WHERE t.chat_id = s.chat_id AND t.dirty_since IS NOT NULL
    ) AND NOT EXISTS (
        SELECT FROM chat_messages AS m WHERE m.chat_id = s.chat_id AND m.changed_at > n.created_at
    ) THEN
        r.status := 'unchanged';
    ELSE
        n := make_snapshot(s, p_reason, false);
        r.status := 'made';
    END IF;
    r.snapshot := n;
    RETURN r;
END
$function$;

CREATE FUNCTION title_without_words(s chat_sessions)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
AS $function$ SELECT CASE WHEN s.title_is_users OR s.channel = 'scheduled' THEN s.title END $function$;

CREATE FUNCTION turn_history(p_chat_id uuid, p_seq bigint, p_turns integer)
 RETURNS chat_messages[]
 LANGUAGE plpgsql
 STABLE
AS $function$
DECLARE
    v_first bigint;
    v_reach bigint := p_turns;
    v_count int;
BEGIN
    IF p_turns = 0 OR p_seq = 1 THEN
        RETURN '{}';
    END IF;
    -- The range is bounded at both ends, so that no plan can read the whole session. Most turns have two rows; few need a wider range.
    LOOP
        v_reach := v_reach * 4;
        SELECT min(seq), count(*) INTO v_first, v_count FROM (
            SELECT seq FROM turns
            WHERE chat_id = p_chat_id AND seq < p_seq AND seq >= greatest(p_seq - v_reach, 1) AND NOT withdrawn
            ORDER BY seq DESC LIMIT p_turns
        ) AS newest;
        EXIT WHEN v_count = p_turns OR v_reach >= p_seq;
    END LOOP;
    -- If there are fewer turns, older rows, which have no turns, count as two per turn.
    IF v_count < p_turns THEN
        SELECT least(v_first, min(seq)) INTO v_first FROM (
            SELECT seq FROM chat_messages
            WHERE chat_id = p_chat_id AND seq < coalesce(v_first, p_seq) AND deleted_at IS NULL
            ORDER BY seq DESC LIMIT 2 * (p_turns - v_count)
        ) AS older;
    END IF;
    RETURN ARRAY(
        SELECT m FROM chat_messages AS m
        WHERE m.chat_id = p_chat_id AND m.seq >= v_first AND m.turn_seq >= v_first AND m.turn_seq < p_seq
            AND m.deleted_at IS NULL
        ORDER BY m.turn_seq, m.seq
    );
END
$function$;

CREATE FUNCTION turngate_protect(protected regclass)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
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
$function$;

CREATE FUNCTION turngate_user()
 RETURNS text
 LANGUAGE sql
 STABLE PARALLEL SAFE
AS $function$ SELECT nullif(current_setting('turngate.user_id', true), '') $function$;

CREATE FUNCTION unindexed_messages(p_user text)
 RETURNS TABLE(chat_id uuid, seq bigint, said_at timestamp with time zone, content text)
 LANGUAGE sql
 STABLE
AS $function$
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
$function$;

CREATE FUNCTION usage_rows(p_usage jsonb, p_sign integer)
 RETURNS TABLE(model text, turns integer, input_tokens bigint, output_tokens bigint, cost double precision)
 LANGUAGE sql
 IMMUTABLE
AS $function$
    SELECT
        m ->> 'model', CASE WHEN m ->> 'model' = p_usage ->> 'model' THEN p_sign ELSE 0 END,
        p_sign * (m ->> 'input_tokens')::bigint, p_sign * (m ->> 'output_tokens')::bigint, p_sign * (m ->> 'cost')::float8
    FROM jsonb_array_elements(coalesce(p_usage -> 'models', jsonb_build_array(p_usage))) AS m
$function$;

CREATE FUNCTION words_follow_change()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
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
$function$;

CREATE FUNCTION words_follow_removal()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
    PERFORM hold_words(ARRAY(SELECT DISTINCT chat_id FROM removed));
    DELETE FROM message_words AS w USING removed AS r WHERE w.chat_id = r.chat_id AND w.seq = r.seq;
    RETURN NULL;
END
$function$;

CREATE FUNCTION write_agent_data(p_user text, p_agent text, p_name text, p_seq bigint, p_turn_id uuid, p_chat_id uuid,
    p_epoch integer, p_data text, p_base bigint)
 RETURNS boolean
 LANGUAGE plpgsql
AS $function$
DECLARE
    v_kept boolean;
BEGIN
    PERFORM set_config('turngate.user_id', p_user, true), set_config('synchronous_commit', 'off', true);
    INSERT INTO agent_data AS d (agent_name, name, seq, turn_id, chat_id, user_id, epoch, data)
    SELECT p_agent, p_name, p_seq, p_turn_id, c.chat_id, c.user_id, p_epoch, p_data
    FROM chat_sessions AS c WHERE c.chat_id = p_chat_id
    ON CONFLICT (agent_name, name, seq) DO UPDATE SET epoch = p_epoch, data = p_data, written_at = now()
    WHERE d.turn_id = p_turn_id AND d.epoch <= p_epoch;
    v_kept := FOUND;
    DELETE FROM agent_data AS d WHERE d.agent_name = p_agent AND d.name = p_name AND d.seq < p_base;
    -- Conversations that the session has left can only come back when a rewind is undone; then the agent reads the transcript.
    DELETE FROM agent_data AS d
    WHERE d.chat_id = p_chat_id AND d.name <> p_name AND d.written_at < now() - interval '7 days';
    RETURN v_kept;
END
$function$;

CREATE FUNCTION write_state(p_session text, p_versions bigint[], p_blackboard jsonb, p_scratchpad jsonb, p_attributes
    jsonb, p_limit bigint)
 RETURNS state_written
 LANGUAGE plpgsql
AS $function$
DECLARE
    r state_written;
    s chat_sessions;
BEGIN
    SELECT * INTO s FROM chat_sessions WHERE session_id = p_session FOR UPDATE;
    IF NOT FOUND THEN
        r.status := 'not_found';
        RETURN r;
    END IF;
    RETURN put_state(s, p_versions, p_blackboard, p_scratchpad, p_attributes, false, p_limit);
END
$function$;
