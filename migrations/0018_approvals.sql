--Approvals: questions of agents that their turns wait for, and the answers.
-- depends: 0017_erasure

-- migrate: apply

-- A question. It is open until it is answered, or closed because its turn was cancelled. `seq`: of its row in the transcript.
-- `resume`: what the agent wants back with the answer; never shown to anybody.
CREATE TABLE approvals (
    approval_id uuid PRIMARY KEY,
    chat_id uuid NOT NULL REFERENCES chat_sessions ON DELETE CASCADE,
    turn_id uuid NOT NULL,
    seq bigint NOT NULL,
    user_id text NOT NULL,
    agent_name text NOT NULL,
    approvers text NOT NULL CHECK (approvers IN ('user', 'operator')),
    prompt text NOT NULL,
    choices text[] NOT NULL,
    default_choice text NOT NULL, -- what counts if nobody answers in time
    call_id text NOT NULL,
    tool text NOT NULL,
    input jsonb NOT NULL,
    resume jsonb,
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    answer text,
    answer_text text, -- what was said beside the choice
    answer_key uuid, -- of the call that recorded it: what makes its repetition harmless
    answered_by text, -- NULL: nobody in time
    answered_from text, -- the channel
    answered_at timestamptz,
    closed_at timestamptz
);

CREATE INDEX approvals_session ON approvals (chat_id, seq);

CREATE INDEX approvals_open ON approvals (user_id, created_at) WHERE answered_at IS NULL AND closed_at IS NULL;

CREATE INDEX approvals_due ON approvals (expires_at)
    WHERE expires_at IS NOT NULL AND answered_at IS NULL AND closed_at IS NULL;

SELECT turngate_protect('approvals');

-- Chunks are numbered within their turn: those of its questions come before those of its reply.
CREATE FUNCTION chunks_before(p_questions int) RETURNS int
LANGUAGE sql IMMUTABLE
AS $$ SELECT coalesce(p_questions, 0) * 1000000 $$;

-- The part of a message that shows a question (AI SDK's data part).
CREATE FUNCTION approval_part(a approvals) RETURNS jsonb
LANGUAGE sql STABLE
AS $$
    SELECT jsonb_build_object('type', 'data-approval', 'id', a.approval_id, 'data', jsonb_build_object(
        'approvalId', a.approval_id, 'prompt', a.prompt, 'choices', a.choices, 'approvers', a.approvers,
        'toolCallId', a.call_id, 'tool', a.tool, 'input', a.input, 'expiresAt', a.expires_at,
        'state', CASE
            WHEN a.answered_at IS NOT NULL THEN 'answered' WHEN a.closed_at IS NOT NULL THEN 'closed' ELSE 'open'
        END,
        'answer', a.answer, 'expired', a.answered_at IS NOT NULL AND a.answered_by IS NULL
    ))
$$;

-- The parts of a message as a fork copies them: its questions are the parent's, and cannot be answered in it.
CREATE FUNCTION parts_of_fork(p_parts jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE
AS $$
    SELECT CASE WHEN p_parts @> '[{"type": "data-approval", "data": {"state": "open"}}]' THEN (
        SELECT jsonb_agg(CASE
            WHEN part ->> 'type' = 'data-approval' THEN jsonb_set(part, '{data,state}', '"closed"') ELSE part
        END ORDER BY place)
        FROM jsonb_array_elements(p_parts) WITH ORDINALITY AS told (part, place)
    ) ELSE p_parts END
$$;

-- Shows in its row that a question was answered or closed. The caller has locked the session.
CREATE FUNCTION show_approval(a approvals, p_at timestamptz) RETURNS chat_messages
LANGUAGE plpgsql
AS $$
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
$$;

-- T2 of a turn that asks: its question is a row of the transcript, and the turn waits without an owner. `status`: asked; again (this
-- question was recorded before); cancelled (the turn was, and nothing was written); lost. `p_request`: the columns of the approval.
CREATE FUNCTION ask_approval(
    p_user text, p_chat_id uuid, p_turn_id uuid, p_owner uuid, p_epoch int, p_content text, p_parts jsonb, p_usage jsonb,
    p_title text, p_addresses text[], p_chunks text[], p_markups text[], p_held bigint[],
    p_request jsonb, p_expires_in interval
) RETURNS finished
LANGUAGE plpgsql
AS $$
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
$$;

-- The choice that a text names: its words, in any case, or its number. NULL: none.
CREATE FUNCTION choice_of(p_choices text[], p_text text) RETURNS text
LANGUAGE sql IMMUTABLE
AS $$
    SELECT c.choice FROM unnest(p_choices) WITH ORDINALITY AS c (choice, place), btrim(p_text, E' \t\r\n') AS said (words)
    WHERE lower(c.choice) = lower(said.words) OR c.place::text = said.words
    ORDER BY lower(c.choice) = lower(said.words) DESC LIMIT 1
$$;

-- The open question of a waiting turn, if a text of its user answers it.
CREATE FUNCTION approval_meant(p_turn_id uuid, p_text text) RETURNS uuid
LANGUAGE sql STABLE
AS $$
    SELECT a.approval_id FROM turns AS t JOIN approvals AS a ON a.chat_id = t.chat_id AND a.seq = t.reply_seq
    WHERE t.turn_id = p_turn_id AND t.status = 'waiting' AND a.answered_at IS NULL AND a.closed_at IS NULL AND a.approvers = 'user'
        AND (a.expires_at IS NULL OR a.expires_at > clock_timestamp()) AND choice_of(a.choices, p_text) IS NOT NULL
$$;

-- Records an answer, and makes the turn claimable: any replica continues it. The caller has locked the session. Returns the question's
-- row; NULL if the turn no longer waits.
CREATE FUNCTION record_answer(
    p_approval uuid, p_choice text, p_text text, p_by text, p_from text, p_key uuid, p_at timestamptz
) RETURNS chat_messages
LANGUAGE plpgsql
AS $$
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
$$;

-- An answer as a message of the session's user, in `accept_message`.
CREATE FUNCTION answer_in_words(p_approval uuid, p_text text, p_user text, p_channel text, p_at timestamptz) RETURNS chat_messages
LANGUAGE sql
AS $$
    SELECT record_answer(p_approval, choice_of(a.choices, p_text), NULL, p_user, p_channel, NULL, p_at)
    FROM approvals AS a WHERE a.approval_id = p_approval
$$;

-- `status`: answered; taken (an earlier answer counts: `approval`); closed (the turn was cancelled); unknown (there is no such choice);
-- forbidden (only operators may answer); not_found. `question`: its row, if that has changed.
CREATE TYPE answered AS (
    status text,
    approval approvals,
    question chat_messages
);

-- The first answer counts, whoever gives it and wherever.
CREATE FUNCTION answer_approval(
    p_approval uuid, p_choice text, p_text text, p_by text, p_operator boolean, p_from text, p_key uuid
) RETURNS answered
LANGUAGE plpgsql
AS $$
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
$$;

-- Gives overdue questions their default answer, for turngate_system; returns their rows. Those of locked sessions are left to the next
-- time.
CREATE FUNCTION expire_approvals(p_limit int) RETURNS SETOF chat_messages
LANGUAGE plpgsql
AS $$
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
$$;

-- Closes the question that a cancelled turn has left open; returns its row. The caller has locked the session.
CREATE FUNCTION close_question(p_turn_id uuid, p_at timestamptz) RETURNS chat_messages[]
LANGUAGE plpgsql
AS $$
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
$$;

-- Whether no turn of a session is open, after cancelling one that waits for an answer and that no message waits for. The caller has
-- locked the session, and hides what was said in that turn or returns to before it.
CREATE FUNCTION end_waiting(s chat_sessions) RETURNS boolean
LANGUAGE plpgsql
AS $$
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
$$;

-- migrate: rollback
