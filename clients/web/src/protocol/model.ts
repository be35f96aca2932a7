/** What the gateway's sessions and messages look like on the wire. Times are RFC 3339 in UTC. */

export type Channel = 'web' | 'telegram' | 'scheduled' | 'terminal' | 'api';
export type Role = 'user' | 'assistant';
/** `apology`: the gateway's own words where the agent gave no answer. */
export type MessageKind = 'message' | 'apology' | 'note' | 'human';
export type TurnStatus = 'queued' | 'running' | 'completed' | 'failed' | 'cancelled';

export interface TextPart {
  readonly type: 'text';
  readonly text: string;
}

/** A tool call, as in AI SDK's UIMessage: the tool's name follows `tool-`. */
export interface ToolPart {
  readonly type: `tool-${string}`;
  readonly toolCallId?: string;
  readonly state?: string;
  readonly input?: unknown;
  readonly output?: unknown;
  readonly errorText?: string;
}

export interface OtherPart {
  readonly type: string;
}

export type Part = TextPart | ToolPart | OtherPart;

export interface Message {
  readonly id: string;
  readonly session_id: string;
  readonly seq: number;
  readonly role: Role;
  readonly content: string;
  readonly parts: readonly Part[] | null;
  readonly channel: Channel;
  readonly turn_id: string | null;
  readonly created_at: string;
  readonly edited_at: string | null;
  readonly deleted: boolean;
  readonly kind: MessageKind;
  readonly metadata: Readonly<Record<string, unknown>>;
  /** A tombstone that nobody made: answered again, rewound or rolled back. */
  readonly taken_back?: boolean;
}

export interface Session {
  readonly session_id: string;
  readonly user_id: string;
  readonly channel: Channel;
  readonly agent_name: string;
  readonly title: string | null;
  readonly is_active: boolean;
  readonly created_at: string;
  readonly updated_at: string;
  readonly last_message_at: string | null;
  readonly ended_at: string | null;
  readonly message_count: number;
  readonly metadata: Readonly<Record<string, unknown>> | null;
  readonly parent_session_id: string | null;
}

export function isText(part: Part): part is TextPart {
  return part.type === 'text' && 'text' in part;
}

export function isTool(part: Part): part is ToolPart {
  return part.type.startsWith('tool-');
}
