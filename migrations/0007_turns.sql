--Turns: their leases, the history that agents receive, and the claims between T1 and T2.
-- depends: 0006_replicas

-- migrate: apply

-- `waiting`: its agent has asked a question (`approvals`); nobody owns the turn until the answer makes it `running` again.
CREATE DOMAIN turn_status AS text CHECK (VALUE IN ('queued', 'running', 'waiting', 'completed', 'failed', 'cancelled'));

-- Why a newer message cancelled a turn: `interrupt` keeps what was said, `rollback` drops question and answer.
CREATE DOMAIN turn_supersession AS text CHECK (VALUE IN ('interrupt', 'rollback'));

-- A turn: user messages and the one reply to them. `owner`, `epoch` and `deadline` are its lease while it runs. Each new claim or attempt
-- raises `epoch`, so a result with an older one is refused. The deadline allows the agent `time_limit`, and 30 seconds to record the reply.
CREATE TABLE turns (
    turn_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    chat_id uuid NOT NULL REFERENCES chat_sessions ON DELETE CASCADE,
    seq bigint NOT NULL, -- of its first message
    -- Its position among the session's turns by time, if that is not `seq`: the session's last `seq` when it began.
    place_in_time bigint,
    user_id text NOT NULL,
    agent_name text NOT NULL,
    channel text NOT NULL,
    status turn_status NOT NULL,
    attempt int NOT NULL DEFAULT 0,
    epoch int NOT NULL DEFAULT 0,
    owner uuid,
    deadline timestamptz,
    time_limit interval NOT NULL,
    history_turns int NOT NULL,
    cancel_requested boolean NOT NULL DEFAULT false,
    superseded turn_supersession,
    withdrawn boolean NOT NULL DEFAULT false, -- its messages are hidden or answered by another turn; agents don't see it
    deliver_to text[] NOT NULL DEFAULT '{}',
    ends_session boolean NOT NULL DEFAULT false,
    reply_seq bigint, -- while it waits: of the question
    questions int, -- how many its agent has asked; NULL: none
    answers jsonb, -- to these questions; NULL: none
    usage jsonb,
    error text,
    error_class text, -- why it failed, as far as the user may know; `error` is for operators
    created_at timestamptz NOT NULL DEFAULT now(),
    started_at timestamptz,
    ended_at timestamptz,
    UNIQUE (chat_id, seq)
);

-- Turns are listed by time. Most are in that order by `seq`; a regenerated answer keeps the place of the one it replaces.
CREATE INDEX turns_out_of_place ON turns (chat_id, place_in_time DESC, created_at DESC, turn_id DESC)
    WHERE place_in_time IS NOT NULL;

-- No index covers a column that changes while a turn runs, and each page has room for its turns' final rows, so ending a turn is a HOT
-- update.
ALTER TABLE turns SET (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);

SELECT turngate_protect('turns');

-- The turns with status `running` or `waiting`, at most one per session: sweeps and lists read it, and it is never larger than the work
-- of the last seconds and the open questions. (A partial index on `turns` would be smaller, but then ending a turn would write to all
-- indexes of `turns`.) Later messages of the session queue behind it.
CREATE VIEW running_turns WITH (security_invoker = true) AS
SELECT user_id, chat_id, turn_id FROM recent_activity WHERE turn_id IS NOT NULL;

GRANT SELECT ON running_turns TO turngate_app, turngate_system;

-- Records that a turn runs. If another one runs in its session, the primary key refuses it.
CREATE FUNCTION begin_activity(t turns) RETURNS void
LANGUAGE sql
AS $$
    MERGE INTO recent_activity AS a USING (SELECT) AS new
    ON a.user_id = t.user_id AND a.chat_id = t.chat_id AND a.turn_id IS NULL
    WHEN MATCHED THEN UPDATE SET turn_id = t.turn_id
    WHEN NOT MATCHED THEN INSERT (user_id, chat_id, turn_id) VALUES (t.user_id, t.chat_id, t.turn_id)
$$;

-- Replaces a foreign key, which would cost a lookup for each turn. The session stays: its activity may not be listed yet.
CREATE FUNCTION forget_running_turns() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    UPDATE recent_activity AS a SET turn_id = NULL FROM removed AS t
    WHERE a.user_id = t.user_id AND a.chat_id = t.chat_id AND a.turn_id = t.turn_id;
    RETURN NULL;
END
$$;

CREATE TRIGGER forget_running_turns AFTER DELETE ON turns
    REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION forget_running_turns();

-- The N turns before a turn, oldest first, each with its replies, without later messages and withdrawn turns.
CREATE FUNCTION turn_history(p_chat_id uuid, p_seq bigint, p_turns int) RETURNS chat_messages[]
LANGUAGE plpgsql STABLE
AS $$
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
$$;

-- The history that an agent receives for a turn, the `seq` of each turn in it, and its version.
CREATE TYPE told AS (
    history_version bigint,
    turns bigint[],
    messages chat_messages[]
);

-- It is STABLE, so all its queries read one snapshot: the version belongs to these rows, and a replica may cache them under it.
CREATE FUNCTION read_history(p_user text, p_chat_id uuid, p_seq bigint, p_turns int) RETURNS told
LANGUAGE plpgsql STABLE
AS $$
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
$$;

-- `status`: finished; again (this result was recorded before); lost (the lease moved on, and nothing was written); stolen.
-- `next_turn`, `messages` and `history` are set if the caller is to run that turn.
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

-- Starts another attempt at a turn that the caller still owns (p_counts), or extends the current attempt. It may be called again if its
-- result got lost: the attempt counts once.
CREATE FUNCTION begin_attempt(p_user text, p_turn_id uuid, p_owner uuid, p_epoch int, p_counts boolean) RETURNS turns
LANGUAGE plpgsql
AS $$
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
$$;

-- Turns of all users to take over, for turngate_system. Their owner is gone or past its deadline; or has been silent for p_silence
-- (a claim counts as a sign of life; null: silence is ignored); or is the caller itself, which claimed them ten seconds ago and does
-- not run them (their task was lost between claim and run). A caller that itself counts as dead takes nothing over.
CREATE FUNCTION steal_turns(p_owner uuid, p_limit int, p_running uuid[], p_silence interval) RETURNS SETOF finished
LANGUAGE sql
AS $$
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
$$;

-- migrate: rollback
