/* Written by docs/generate_types.py (make wire): change the models of the gateway instead. */

export type ClientFrame =
  HelloFrame | SendFrame | WatchFrame | UnwatchFrame | CancelFrame | TypingFrame | PingFrame;
export type FrameId = string;
export type ServerFrame =
  | ReadyFrame
  | AckFrame
  | TurnFrame
  | DeltaFrame
  | ToolFrame
  | MessageFrame
  | MessageChangedFrame
  | SessionFrame
  | SessionDeletedFrame
  | NoticeFrame
  | ErrorFrame
  | PongFrame;
export type ToolFrame = ToolCallFrame | ToolResultFrame;
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
 * Null when the last activity is longer ago than `sessions.resume_minutes`.
 */
export type MaybeActiveSession = ActiveSession | null;
/**
 * The message as it is now; with `answer_again` what sending answers.
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
  status: 'queued' | 'running' | 'completed' | 'failed' | 'cancelled';
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
  kind: 'message' | 'apology' | 'note' | 'human';
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
 * The session to go on with, and its newest messages.
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
 * Who answers.
 */
export interface Agent {
  name: string;
  kind: string;
  description: string | null;
  is_default: boolean;
}
/**
 * How an agent's turns are run, and how many sessions the caller has with it.
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
 * One condition of readiness.
 */
export interface Check {
  name: string;
  ok: boolean;
  detail: string;
}
/**
 * As in crontab: minute, hour, day of month, month, day of week.
 */
export interface Cron {
  type: 'cron';
  expression: string;
}
/**
 * As in crontab.
 */
export interface CronTrigger {
  type: 'cron';
  expression: string;
}
/**
 * A message to send. `id` is the sender's own: a second one with the same id in the session is the first again.
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
 * Another text for a message. `answer_again`: what came after a user's message is hidden, and it is answered anew.
 */
export interface Edit {
  text: string;
  answer_again?: boolean;
}
/**
 * A session with what belongs to it.
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
 * Everything the gateway keeps about a user, but secrets.
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
 * Every so many seconds.
 */
export interface IntervalTrigger {
  type: 'interval';
  seconds: number;
}
/**
 * At one time.
 */
export interface OnceTrigger {
  type: 'once';
  /**
   * RFC 3339, UTC.
   */
  at: string;
}
/**
 * An API token as listed; the token itself is nowhere.
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
 * A session with everything that is kept about it.
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
}
/**
 * One answer: who gave it, how it went, what it took.
 */
export interface Turn {
  id: string;
  session_id: string;
  status: 'queued' | 'running' | 'completed' | 'failed' | 'cancelled';
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
    | ('context_too_long' | 'rate_limited' | 'unavailable' | 'misconfigured' | 'timeout' | 'agent_error')
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
   * Seconds from its start to its end.
   */
  duration_s: number | null;
}
/**
 * What a turn has cost.
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
 * Where a fork begins; absent: at the end.
 */
export interface Fork {
  from_message_id?: string | null;
  title?: string | null;
}
/**
 * The process answers.
 */
export interface Health {
  status: 'ok';
}
/**
 * A visitor who turned out to be the caller.
 */
export interface Identification {
  /**
   * As returned by `POST /api/visitors`.
   */
  visitor_token: string;
}
/**
 * What became of a visitor.
 */
export interface Identified {
  /**
   * How many of the visitor's sessions now belong to the caller.
   */
  sessions: number;
}
/**
 * Every so many seconds, first one interval from now.
 */
export interface Interval {
  type: 'interval';
  seconds: number;
}
/**
 * An account of another network that is a user's own.
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
 * A one-time code that was just made, shown this once.
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
 * A session of a list, and where it fits.
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
 * Where a session fits what was searched for; its title, where the first three are null.
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
 * Who a token speaks for.
 */
export interface Me {
  user_id: string;
  role: 'user' | 'operator' | 'visitor';
  expires_at: string | null;
}
/**
 * A message that was taken in, and the reply, if there is one yet.
 */
export interface Sent {
  message: Message | null;
  reply: Message | null;
  turn_id: string | null;
  status: ('queued' | 'running' | 'completed' | 'failed' | 'cancelled') | null;
  /**
   * The answer to a chat command, which adds no message.
   */
  notice: string | null;
}
/**
 * What a message was before a change.
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
 * All that a message has been; its newest text is in the transcript.
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
 * A token that was just made. `token` is shown this once.
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
 * At one time (RFC 3339); without an offset it is meant in the schedule's time zone.
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
 * Which message to answer anew: a user's, or a reply to one; absent: the last.
 */
export interface Regeneration {
  message_id?: string | null;
}
/**
 * How to go back.
 */
export interface RestoreRequest {
  /**
   * Whether to rewind the transcript too: later messages are hidden.
   */
  rewind?: boolean;
}
/**
 * The state as it is now.
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
 * A run that has begun.
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
 * A schedule to be made.
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
 * What became of one fire.
 */
export interface ScheduleRun {
  session_id: string | null;
  turn_id: string | null;
  status: ('queued' | 'running' | 'completed' | 'failed' | 'cancelled') | null;
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
    | ('context_too_long' | 'rate_limited' | 'unavailable' | 'misconfigured' | 'timeout' | 'agent_error')
    | null;
}
/**
 * A page of what a schedule has done, newest first.
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
 * What may be changed of a session; what is absent stays. At least one is needed.
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
 * A session to be made.
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
 * A page of the list.
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
 * A one-time code, as `turngate sign-in` makes it.
 */
export interface SignIn {
  code: string;
}
/**
 * The token that a one-time code was traded for.
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
 * A saved state. `message_id`: the message it stands at.
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
 * Why a snapshot is wanted. `page_close` makes one only when something changed since the latest.
 */
export interface SnapshotRequest {
  reason?: 'manual' | 'page_close';
}
/**
 * A snapshot and what it holds.
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
 * Three JSON values under one version, which `ETag` tells.
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
 * New values for the state; one that is left out stays as it is. Together at most `sessions.max_state` bytes.
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
 * A token to be made.
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
 * The turn that was asked to stop.
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
 * What all turns of a session have cost.
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
