/* Written by docs/generate_types.py (make wire): change the models of the gateway instead. */

export type ClientFrame =
  HelloFrame | SendFrame | WatchFrame | UnwatchFrame | CancelFrame | ChooseFrame | TypingFrame | PingFrame;
export type FrameId = string;
export type ServerFrame =
  | ReadyFrame
  | AckFrame
  | TurnFrame
  | DeltaFrame
  | ToolFrame
  | ReasoningFrame
  | StatusFrame
  | PartFrame
  | MessageFrame
  | MessageChangedFrame
  | SessionFrame
  | SessionDeletedFrame
  | NoticeFrame
  | ErrorFrame
  | PongFrame;
export type ToolFrame = ToolInputFrame | ToolCallFrame | ToolResultFrame;
/**
 * Any JSON; numbers must fit in 64 bits.
 */
export type JsonValue =
  | (null | boolean | string)
  | number
  | unknown[]
  | {
      [k: string]: unknown;
    };
/**
 * Null if the last activity is longer ago than `sessions.resume_minutes`.
 */
export type MaybeActiveSession = ActiveSession | null;
/**
 * The message as it is now; with `answer_again`, the same response as for sending one.
 */
export type MessageOrSent = Message | Sent;
export type ScheduleChange =
  | {
      name: {
        [k: string]: unknown;
      };
    }
  | {
      prompt: {
        [k: string]: unknown;
      };
    }
  | {
      trigger: {
        [k: string]: unknown;
      };
    }
  | {
      timezone: {
        [k: string]: unknown;
      };
    }
  | {
      agent_name: {
        [k: string]: unknown;
      };
    }
  | {
      deliver_to: {
        [k: string]: unknown;
      };
    }
  | {
      is_active: {
        [k: string]: unknown;
      };
    };

/**
 * Any of the types below.
 */
export interface Wire {
  [k: string]: unknown;
}
export interface HelloFrame {
  type: 'hello';
  token: string;
  session_id?: string | null;
  agent?: string | null;
  after?: number | null;
  channel?: 'web' | 'terminal' | null;
  id?: FrameId;
}
export interface SendFrame {
  type: 'send';
  id: FrameId;
  text: string;
  session_id?: string | null;
  metadata?: {} | null;
}
export interface WatchFrame {
  type: 'watch';
  session_id?: string | null;
  after?: number | null;
  id?: FrameId;
}
export interface UnwatchFrame {
  type: 'unwatch';
  id?: FrameId;
}
export interface CancelFrame {
  type: 'cancel';
  turn_id: string;
  id?: FrameId;
}
export interface ChooseFrame {
  type: 'choose';
  approval_id: string;
  choice: string;
  text?: string | null;
  id?: FrameId;
}
export interface TypingFrame {
  type: 'typing';
  id?: FrameId;
}
export interface PingFrame {
  type: 'ping';
  id?: FrameId;
}
export interface ReadyFrame {
  type: 'ready';
  /**
   * Null until the first message of a new session.
   */
  session_id: string | null;
  user_id: string;
  agent: string;
  resumed: boolean;
  last_seq: number;
}
export interface AckFrame {
  type: 'ack';
  id: FrameId;
  session_id: string;
  message_id: string;
  seq: number;
  turn_id: string | null;
}
export interface TurnFrame {
  type: 'turn';
  turn_id: string;
  session_id: string;
  status: 'queued' | 'running' | 'waiting' | 'completed' | 'failed' | 'cancelled';
  attempt: number;
  /**
   * The turn runs on another replica: its answer comes whole.
   */
  live?: false;
}
export interface DeltaFrame {
  type: 'delta';
  turn_id: string;
  attempt: number;
  text: string;
}
export interface ToolInputFrame {
  type: 'tool';
  turn_id: string;
  attempt: number;
  call_id: string;
  name: string;
  state: 'input';
  text: string;
}
export interface ToolCallFrame {
  type: 'tool';
  turn_id: string;
  attempt: number;
  call_id: string;
  name: string;
  state: 'call';
  input: unknown;
}
export interface ToolResultFrame {
  type: 'tool';
  turn_id: string;
  attempt: number;
  call_id: string;
  name: string;
  state: 'result';
  output: unknown;
  failed: boolean;
}
export interface ReasoningFrame {
  type: 'reasoning';
  turn_id: string;
  attempt: number;
  text: string;
}
export interface StatusFrame {
  type: 'status';
  turn_id: string;
  attempt: number;
  text: string;
}
export interface PartFrame {
  type: 'part';
  turn_id: string;
  attempt: number;
  part: {
    type: string;
  };
}
export interface MessageFrame {
  type: 'message';
  message: Message;
}
/**
 * A row of the transcript.
 */
export interface Message {
  id: string;
  session_id: string;
  seq: number;
  role: 'user' | 'assistant';
  content: string;
  /**
   * As in AI SDK's UIMessage.
   */
  parts: {
    [k: string]: unknown;
  }[];
  /**
   * web, telegram, scheduled, terminal or api, or the name of a channel that an installed package brings.
   */
  channel: string;
  turn_id: string | null;
  /**
   * RFC 3339, UTC.
   */
  created_at: string;
  edited_at: string | null;
  deleted: boolean;
  /**
   * `apology`: the gateway's own reply where the agent gave none; `human`: an operator's reply.
   */
  kind: 'message' | 'apology' | 'note' | 'human' | 'answer';
  /**
   * The sender's data about this message.
   */
  metadata: {
    [k: string]: unknown;
  };
  /**
   * Present and true for a tombstone that nobody deleted: the message was answered again, rewound or rolled back.
   */
  taken_back?: boolean;
}
export interface MessageChangedFrame {
  type: 'message_changed';
  message: Message;
}
export interface SessionFrame {
  type: 'session';
  session: Session;
}
/**
 * One conversation of a user with an agent.
 */
export interface Session {
  /**
   * Assigned by the server; opaque.
   */
  session_id: string;
  user_id: string;
  /**
   * web, telegram, scheduled, terminal or api, or the name of a channel that an installed package brings.
   */
  channel: string;
  agent_name: string;
  title: string | null;
  is_active: boolean;
  /**
   * RFC 3339, UTC.
   */
  created_at: string;
  /**
   * RFC 3339, UTC.
   */
  updated_at: string;
  last_message_at: string | null;
  ended_at: string | null;
  message_count: number;
  metadata: {
    [k: string]: unknown;
  };
  parent_session_id: string | null;
}
export interface SessionDeletedFrame {
  type: 'session_deleted';
  session_id: string;
}
export interface NoticeFrame {
  type: 'notice';
  text: string;
  id?: FrameId;
}
export interface ErrorFrame {
  type: 'error';
  code:
    | 'invalid'
    | 'too_large'
    | 'not_found'
    | 'conflict'
    | 'rate_limited'
    | 'unavailable'
    | 'unauthenticated'
    | 'forbidden'
    | 'internal';
  message: string;
  id?: FrameId;
}
export interface PongFrame {
  type: 'pong';
}
/**
 * The session to resume, and its newest messages.
 */
export interface ActiveSession {
  /**
   * Assigned by the server; opaque.
   */
  session_id: string;
  user_id: string;
  /**
   * web, telegram, scheduled, terminal or api, or the name of a channel that an installed package brings.
   */
  channel: string;
  agent_name: string;
  title: string | null;
  is_active: boolean;
  /**
   * RFC 3339, UTC.
   */
  created_at: string;
  /**
   * RFC 3339, UTC.
   */
  updated_at: string;
  last_message_at: string | null;
  ended_at: string | null;
  message_count: number;
  metadata: {
    [k: string]: unknown;
  };
  parent_session_id: string | null;
  messages: Message[];
  next_before_id: string | null;
}
/**
 * An agent that answers messages.
 */
export interface Agent {
  name: string;
  kind: string;
  description: string | null;
  is_default: boolean;
}
/**
 * An agent, how its turns are run, and how many sessions the caller has with it.
 */
export interface AgentInDetail {
  name: string;
  kind: string;
  description: string | null;
  is_default: boolean;
  multitask_strategy: 'enqueue' | 'interrupt' | 'rollback' | 'reject';
  collect: boolean;
  timeout_s: number;
  history: number;
  session_count: number;
}
/**
 * All agents, the default one first.
 */
export interface Agents {
  agents: Agent[];
}
/**
 * A question that an agent needs answered before it goes on.
 */
export interface Approval {
  id: string;
  session_id: string;
  user_id: string;
  turn_id: string;
  /**
   * The message that shows the question.
   */
  message_id: string;
  agent_name: string;
  /**
   * Who may answer: the session's user and operators, or operators only.
   */
  approvers: 'user' | 'operator';
  text: string;
  choices: string[];
  /**
   * The answer that counts if nobody gives one before `expires_at`.
   */
  default: string;
  /**
   * The tool call in question; empty if it is about none.
   */
  call_id: string;
  tool: string;
  /**
   * The tool's input.
   */
  input: {
    [k: string]: unknown;
  };
  /**
   * RFC 3339, UTC.
   */
  created_at: string;
  expires_at: string | null;
  answer: string | null;
  /**
   * Null while it is open, and if nobody answered in time.
   */
  answered_by: string | null;
  answered_at: string | null;
}
/**
 * Open questions, the oldest first.
 */
export interface Approvals {
  approvals: Approval[];
}
/**
 * One condition of readiness.
 */
export interface Check {
  name: string;
  ok: boolean;
  detail: string;
}
/**
 * An answer. `choice`: a choice's words, or its number.
 */
export interface Choice {
  choice: string;
  text?: string | null;
}
/**
 * A crontab expression: minute, hour, day of month, month, day of week.
 */
export interface Cron {
  type: 'cron';
  expression: string;
}
/**
 * A crontab expression.
 */
export interface CronTrigger {
  type: 'cron';
  expression: string;
}
/**
 * A message to send. `id` is the sender's own: sending the same id again in the session returns the first message.
 */
export interface Draft {
  text: string;
  id?: string | null;
  /**
   * Not supported yet.
   */
  attachments?: unknown[] | null;
  /**
   * Your own data about the message, at most 16 KiB as JSON; it is passed to the agent.
   */
  metadata?: {
    [k: string]: unknown;
  } | null;
}
/**
 * A new text for a message. `answer_again`: hides everything after a user's message and answers it again.
 */
export interface Edit {
  text: string;
  answer_again?: boolean;
}
/**
 * A session with everything that belongs to it.
 */
export interface ExportedSession {
  session: Session;
  messages: Message[];
  state: {
    [k: string]: unknown;
  } | null;
  snapshots: {
    [k: string]: unknown;
  }[];
}
/**
 * Everything the gateway stores about a user, except secrets.
 */
export interface ExportedUser {
  user_id: string;
  /**
   * RFC 3339, UTC.
   */
  exported_at: string;
  schedules: Schedule[];
  tokens: Token[];
  links: {
    [k: string]: unknown;
  }[];
  identified_visitors: {
    [k: string]: unknown;
  }[];
  routes: {
    [k: string]: unknown;
  }[];
  usage: {
    [k: string]: unknown;
  }[];
  sessions: WholeSession[];
}
/**
 * A prompt that runs by itself.
 */
export interface Schedule {
  id: string;
  user_id: string;
  name: string;
  agent_name: string;
  prompt: string;
  trigger: CronTrigger | IntervalTrigger | OnceTrigger;
  timezone: string;
  deliver_to: string[];
  is_active: boolean;
  next_fire_at: string | null;
  last_fire_at: string | null;
  /**
   * RFC 3339, UTC.
   */
  created_at: string;
}
/**
 * A fixed interval.
 */
export interface IntervalTrigger {
  type: 'interval';
  seconds: number;
}
/**
 * A single point in time.
 */
export interface OnceTrigger {
  type: 'once';
  /**
   * RFC 3339, UTC.
   */
  at: string;
}
/**
 * An API token as listed, without its secret.
 */
export interface Token {
  id: string;
  user_id: string;
  name: string | null;
  role: 'user' | 'operator';
  /**
   * RFC 3339, UTC.
   */
  created_at: string;
  expires_at: string | null;
  last_used_at: string | null;
  revoked_at: string | null;
}
/**
 * A session with everything stored about it.
 */
export interface WholeSession {
  session: Session;
  messages: Message[];
  state: {
    [k: string]: unknown;
  } | null;
  snapshots: {
    [k: string]: unknown;
  }[];
  external_keys: string[];
  turns: Turn[];
  /**
   * Messages that were deleted or hidden.
   */
  hidden: {
    [k: string]: unknown;
  }[];
  /**
   * Earlier versions of messages.
   */
  versions: {
    [k: string]: unknown;
  }[];
  deliveries: {
    [k: string]: unknown;
  }[];
  /**
   * What agents keep for their own frameworks.
   */
  agent_data: {
    [k: string]: unknown;
  }[];
  /**
   * Questions of agents, and their answers.
   */
  approvals: {
    [k: string]: unknown;
  }[];
}
/**
 * One turn: who answered, how it went, and its usage.
 */
export interface Turn {
  id: string;
  session_id: string;
  status: 'queued' | 'running' | 'waiting' | 'completed' | 'failed' | 'cancelled';
  agent_name: string;
  /**
   * web, telegram, scheduled, terminal or api, or the name of a channel that an installed package brings.
   */
  channel: string;
  attempts: number;
  usage: Usage | null;
  /**
   * Detailed for operators; for others, the same as `error_class`.
   */
  error: string | null;
  /**
   * Why the turn failed, as far as the user may know.
   */
  error_class:
    | (
        | 'context_too_long'
        | 'rate_limited'
        | 'over_budget'
        | 'unavailable'
        | 'misconfigured'
        | 'timeout'
        | 'agent_error'
      )
    | null;
  /**
   * Withdrawn: its messages are hidden.
   */
  withdrawn: boolean;
  message_ids: string[];
  reply_id: string | null;
  /**
   * RFC 3339, UTC.
   */
  created_at: string;
  started_at: string | null;
  ended_at: string | null;
  /**
   * Seconds from start to end.
   */
  duration_s: number | null;
}
/**
 * The usage of a turn.
 */
export interface Usage {
  input_tokens: number | null;
  output_tokens: number | null;
  model: string | null;
  /**
   * US dollars; null if the price is unknown.
   */
  cost: number | null;
}
/**
 * What is wrong with one field.
 */
export interface FieldFault {
  /**
   * `path`, `query string`, `body` or `headers`.
   */
  in: string;
  field: string;
  message: string;
}
/**
 * The last message of the fork; absent: the last one there is.
 */
export interface Fork {
  from_message_id?: string | null;
  title?: string | null;
}
/**
 * The process is running.
 */
export interface Health {
  status: 'ok';
}
/**
 * A visitor to identify as the caller.
 */
export interface Identification {
  /**
   * As returned by `POST /api/visitors`.
   */
  visitor_token: string;
}
/**
 * The result of identifying a visitor.
 */
export interface Identified {
  /**
   * How many of the visitor's sessions now belong to the caller.
   */
  sessions: number;
}
/**
 * A fixed interval; the first fire is one interval from now.
 */
export interface Interval {
  type: 'interval';
  seconds: number;
}
/**
 * An account on a network that is linked to a user.
 */
export interface Link {
  id: string;
  user_id: string;
  /**
   * web, telegram, scheduled, terminal or api, or the name of a channel that an installed package brings.
   */
  channel: string;
  /**
   * The person's id on that network.
   */
  external_id: string;
  display_name: string | null;
  /**
   * RFC 3339, UTC.
   */
  created_at: string;
}
/**
 * A new one-time code, shown only once.
 */
export interface LinkCode {
  code: string;
  /**
   * Opens the bot and sends the code.
   */
  url: string;
  /**
   * RFC 3339, UTC.
   */
  expires_at: string;
}
/**
 * A user's links.
 */
export interface Links {
  links: Link[];
}
/**
 * A session in a list, and where it matches.
 */
export interface ListedSession {
  /**
   * Assigned by the server; opaque.
   */
  session_id: string;
  user_id: string;
  /**
   * web, telegram, scheduled, terminal or api, or the name of a channel that an installed package brings.
   */
  channel: string;
  agent_name: string;
  title: string | null;
  is_active: boolean;
  /**
   * RFC 3339, UTC.
   */
  created_at: string;
  /**
   * RFC 3339, UTC.
   */
  updated_at: string;
  last_message_at: string | null;
  ended_at: string | null;
  message_count: number;
  metadata: {
    [k: string]: unknown;
  };
  parent_session_id: string | null;
  /**
   * Only with `q`: at most three, best first.
   */
  matches?: Match[];
}
/**
 * Where a session matches the search; in its title if the first three fields are null.
 */
export interface Match {
  message_id: string | null;
  seq: number | null;
  role: ('user' | 'assistant') | null;
  /**
   * An excerpt, plain text.
   */
  text: string;
  /**
   * Pairs of start and end (exclusive) offsets in `text`, in UTF-16 code units, as JavaScript counts them.
   */
  highlights: number[][];
}
/**
 * The user and role of a token.
 */
export interface Me {
  user_id: string;
  role: 'user' | 'operator' | 'visitor';
  expires_at: string | null;
}
/**
 * An accepted message, and the reply if there is one yet.
 */
export interface Sent {
  message: Message | null;
  reply: Message | null;
  turn_id: string | null;
  status: ('queued' | 'running' | 'waiting' | 'completed' | 'failed' | 'cancelled') | null;
  /**
   * The answer to a chat command, which adds no message.
   */
  notice: string | null;
}
/**
 * An earlier version of a message.
 */
export interface MessageVersion {
  version: number;
  content: string;
  parts: {
    [k: string]: unknown;
  }[];
  change: 'edit' | 'delete' | 'rewind';
  changed_by: string;
  /**
   * RFC 3339, UTC.
   */
  changed_at: string;
}
/**
 * All earlier versions of a message; its current text is in the transcript.
 */
export interface MessageVersions {
  versions: MessageVersion[];
}
/**
 * A page of the transcript, ascending.
 */
export interface Messages {
  messages: Message[];
  /**
   * Pass it as `before_id` for the previous page; null on the oldest.
   */
  next_before_id: string | null;
}
/**
 * A new token. `token` is shown only once.
 */
export interface NewToken {
  id: string;
  user_id: string;
  name: string | null;
  role: 'user' | 'operator';
  /**
   * RFC 3339, UTC.
   */
  created_at: string;
  expires_at: string | null;
  last_used_at: string | null;
  revoked_at: string | null;
  token: string;
}
/**
 * A single point in time (RFC 3339); without an offset, in the schedule's time zone.
 */
export interface Once {
  type: 'once';
  at: string;
}
/**
 * Problem details (RFC 9457).
 */
export interface Problem {
  type: string;
  title: string;
  status: number;
  /**
   * What happened and what to do about it.
   */
  detail: string;
  /**
   * Field by field, if the input is invalid.
   */
  errors?: FieldFault[];
}
/**
 * Whether the gateway can serve.
 */
export interface Readiness {
  status: 'ready' | 'not ready';
  checks: Check[];
}
/**
 * The message to answer again: a user's, or a reply to one; absent: the last.
 */
export interface Regeneration {
  message_id?: string | null;
}
/**
 * How to restore.
 */
export interface RestoreRequest {
  /**
   * Whether to rewind the transcript too: later messages are hidden.
   */
  rewind?: boolean;
}
/**
 * The current state after a restore.
 */
export interface Restored {
  /**
   * Shared knowledge.
   */
  blackboard: {
    [k: string]: unknown;
  };
  /**
   * Working notes.
   */
  scratchpad:
    | {
        [k: string]: unknown;
      }
    | unknown[];
  /**
   * Anything else that describes the session.
   */
  attributes: {
    [k: string]: unknown;
  };
  /**
   * The snapshot that was restored.
   */
  snapshot: number;
  /**
   * The snapshot of the state before; restoring it undoes this.
   */
  undo: number;
}
/**
 * A run that was started.
 */
export interface RunBegun {
  session_id: string | null;
  turn_id: string | null;
}
export interface ScheduleChange1 {
  name?: string | null;
  prompt?: string | null;
  /**
   * A new trigger computes the next fire from now.
   */
  trigger?: (Cron | Interval | Once) | null;
  timezone?: string | null;
  agent_name?: string | null;
  deliver_to?: string[] | null;
  /**
   * False pauses the schedule; true resumes it, with the next fire computed from now.
   */
  is_active?: boolean | null;
}
/**
 * A schedule to create.
 */
export interface ScheduleDraft {
  name: string;
  prompt: string;
  trigger: Cron | Interval | Once;
  /**
   * Default: the gateway's default agent.
   */
  agent_name?: string | null;
  /**
   * A name such as Europe/Berlin.
   */
  timezone?: string;
  /**
   * Your chats that also receive the reply, such as `telegram:<bot>:<chat>:<topic>`.
   *
   * @maxItems 10
   */
  deliver_to?: string[];
  is_active?: boolean;
}
/**
 * One run of a schedule.
 */
export interface ScheduleRun {
  session_id: string | null;
  turn_id: string | null;
  status: ('queued' | 'running' | 'waiting' | 'completed' | 'failed' | 'cancelled') | null;
  attempts: number;
  fire_time: string | null;
  /**
   * RFC 3339, UTC.
   */
  fired_at: string;
  started_at: string | null;
  ended_at: string | null;
  /**
   * Detailed for operators; for others, the same as `error_class`.
   */
  error: string | null;
  error_class:
    | (
        | 'context_too_long'
        | 'rate_limited'
        | 'over_budget'
        | 'unavailable'
        | 'misconfigured'
        | 'timeout'
        | 'agent_error'
      )
    | null;
}
/**
 * A page of a schedule's runs, newest first.
 */
export interface ScheduleRuns {
  runs: ScheduleRun[];
  next_cursor: string | null;
}
/**
 * A user's schedules.
 */
export interface Schedules {
  schedules: Schedule[];
}
/**
 * Changes to a session; absent fields stay as they are. At least one is needed.
 */
export interface SessionChange {
  /**
   * Set by the user and kept; null lets the gateway generate one again.
   */
  title?: string | null;
  /**
   * Replaces all metadata; an empty object clears it.
   */
  metadata?: {
    [k: string]: unknown;
  };
  /**
   * False ends the session; true reopens it.
   */
  is_active?: boolean;
}
/**
 * A session to create.
 */
export interface SessionDraft {
  /**
   * Default: the gateway's default agent.
   */
  agent_name?: string | null;
  title?: string | null;
  /**
   * Your own data, at most 16 KiB as JSON.
   */
  metadata?: {
    [k: string]: unknown;
  };
}
/**
 * A page of sessions.
 */
export interface Sessions {
  sessions: ListedSession[];
  /**
   * Null on pages fetched with `cursor`.
   */
  total: number | null;
  /**
   * False where there may be more: a long list of all users' sessions counts only the 5,000 with the latest activity, and a search counts what it found.
   */
  total_is_exact: boolean | null;
  /**
   * Null on the last page.
   */
  next_cursor: string | null;
}
/**
 * A one-time code, as created by `turngate sign-in`.
 */
export interface SignIn {
  code: string;
}
/**
 * The token exchanged for a one-time code.
 */
export interface SignedIn {
  token: string;
  user_id: string;
  role: 'user' | 'operator';
  /**
   * RFC 3339, UTC.
   */
  expires_at: string;
}
/**
 * A saved state. `message_id`: the last message at that time.
 */
export interface Snapshot {
  number: number;
  session_id: string;
  reason: 'auto' | 'manual' | 'before_restore' | 'page_close';
  size_bytes: number;
  message_id: string | null;
  message_seq: number | null;
  /**
   * Taken before a rewind: restoring it brings the later messages back.
   */
  rewound: boolean;
  /**
   * RFC 3339, UTC.
   */
  created_at: string;
}
/**
 * Why a snapshot is taken. `page_close` takes one only if something changed since the latest.
 */
export interface SnapshotRequest {
  reason?: 'manual' | 'page_close';
}
/**
 * A snapshot and its state.
 */
export interface SnapshotWithState {
  /**
   * Shared knowledge.
   */
  blackboard: {
    [k: string]: unknown;
  };
  /**
   * Working notes.
   */
  scratchpad:
    | {
        [k: string]: unknown;
      }
    | unknown[];
  /**
   * Anything else that describes the session.
   */
  attributes: {
    [k: string]: unknown;
  };
  number: number;
  session_id: string;
  reason: 'auto' | 'manual' | 'before_restore' | 'page_close';
  size_bytes: number;
  message_id: string | null;
  message_seq: number | null;
  /**
   * Taken before a rewind: restoring it brings the later messages back.
   */
  rewound: boolean;
  /**
   * RFC 3339, UTC.
   */
  created_at: string;
}
/**
 * A page of a session's snapshots, newest first.
 */
export interface Snapshots {
  snapshots: Snapshot[];
  /**
   * Pass it as `before_number` for the next page; null on the last.
   */
  next_before_number: number | null;
}
/**
 * Three JSON values under one version, which is in `ETag`.
 */
export interface State {
  /**
   * Shared knowledge.
   */
  blackboard: {
    [k: string]: unknown;
  };
  /**
   * Working notes.
   */
  scratchpad:
    | {
        [k: string]: unknown;
      }
    | unknown[];
  /**
   * Anything else that describes the session.
   */
  attributes: {
    [k: string]: unknown;
  };
}
/**
 * New values for the state; absent ones stay as they are. Together at most `sessions.max_state` bytes.
 */
export interface StateDraft {
  /**
   * Shared knowledge.
   */
  blackboard?: {
    [k: string]: unknown;
  };
  /**
   * Working notes: an object or a list.
   */
  scratchpad?:
    | {
        [k: string]: unknown;
      }
    | unknown[];
  /**
   * Anything else that describes the session.
   */
  attributes?: {
    [k: string]: unknown;
  };
}
/**
 * A token to create.
 */
export interface TokenDraft {
  name?: string | null;
  role?: 'user' | 'operator';
  /**
   * For another user; operators only.
   */
  user_id?: string | null;
  /**
   * `45m`, `12h`, `30d` or `2w`, at most ten years. Absent: never expires.
   */
  expires?: string | null;
}
/**
 * A user's tokens.
 */
export interface Tokens {
  tokens: Token[];
}
/**
 * The turn that is to be cancelled.
 */
export interface TurnCancelled {
  turn_id: string;
}
/**
 * A page of a session's turns, newest first.
 */
export interface Turns {
  turns: Turn[];
  /**
   * Pass it as `before` for the next page; null on the last.
   */
  next_before: string | null;
  /**
   * For the whole session; null on pages fetched with `before`.
   */
  usage: UsageTotal | null;
}
/**
 * The usage of all turns of a session.
 */
export interface UsageTotal {
  input_tokens: number;
  output_tokens: number;
  /**
   * How many turns have reported usage.
   */
  turns: number;
  /**
   * US dollars, for the turns whose price is known.
   */
  cost: number | null;
}
/**
 * What one group has used. Of session, user, agent, channel, model and day, those that are not grouped by are null.
 */
export interface UsageGroup {
  /**
   * How many turns have reported usage; each counts with the last model that it names.
   */
  turns: number;
  input_tokens: number;
  output_tokens: number;
  /**
   * US dollars, for turns whose price is known; null if there are none.
   */
  cost: number | null;
  /**
   * The id of a session, which may have been deleted.
   */
  session: string | null;
  user: string | null;
  agent: string | null;
  channel: string | null;
  model: string | null;
  /**
   * In UTC; a turn counts on the day on which it ends.
   */
  day: string | null;
}
/**
 * Usage of a period, in groups: with days, the newest first, otherwise the highest cost first.
 */
export interface UsageSummary {
  /**
   * The first day, in UTC.
   */
  since: string;
  /**
   * The last day, in UTC.
   */
  until: string;
  groups: UsageGroup[];
  /**
   * Whether there are more groups than `limit`.
   */
  more: boolean;
  total: Used;
}
/**
 * Of all groups, including those beyond `limit`.
 */
export interface Used {
  /**
   * How many turns have reported usage; each counts with the last model that it names.
   */
  turns: number;
  input_tokens: number;
  output_tokens: number;
  /**
   * US dollars, for turns whose price is known; null if there are none.
   */
  cost: number | null;
}
/**
 * What turns have used.
 */
export interface Used1 {
  /**
   * How many turns have reported usage; each counts with the last model that it names.
   */
  turns: number;
  input_tokens: number;
  output_tokens: number;
  /**
   * US dollars, for turns whose price is known; null if there are none.
   */
  cost: number | null;
}
/**
 * An anonymous visitor's pass.
 */
export interface Visitor {
  token: string;
  user_id: string;
  /**
   * RFC 3339, UTC.
   */
  expires_at: string;
}
