import type { Message, Session, TurnStatus } from './model.js';

export interface HelloFrame {
  readonly type: 'hello';
  readonly token: string;
  readonly channel: 'web';
  readonly session_id?: string;
  readonly agent?: string;
  readonly after?: number;
}

export interface SendFrame {
  readonly type: 'send';
  readonly id: string;
  readonly text: string;
  readonly session_id?: string;
  readonly metadata?: Readonly<Record<string, unknown>>;
}

export type ClientFrame =
  | HelloFrame
  | SendFrame
  | { readonly type: 'watch'; readonly session_id?: string; readonly after?: number }
  | { readonly type: 'cancel'; readonly turn_id: string }
  | { readonly type: 'ping' };

export interface ReadyFrame {
  readonly type: 'ready';
  readonly session_id: string | null;
  readonly user_id: string;
  readonly agent: string;
  readonly resumed: boolean;
  readonly last_seq: number;
}

export interface AckFrame {
  readonly type: 'ack';
  readonly id: string;
  readonly session_id: string;
  readonly message_id: string;
  readonly seq: number;
  readonly turn_id: string | null;
}

export interface TurnFrame {
  readonly type: 'turn';
  readonly turn_id: string;
  readonly session_id: string;
  readonly status: TurnStatus;
  readonly attempt: number;
}

export interface DeltaFrame {
  readonly type: 'delta';
  readonly turn_id: string;
  readonly attempt: number;
  readonly text: string;
}

export interface ToolFrame {
  readonly type: 'tool';
  readonly turn_id: string;
  readonly attempt: number;
  readonly call_id: string;
  readonly name: string;
  readonly state: 'call' | 'result';
  readonly input?: unknown;
  readonly output?: unknown;
  readonly failed?: boolean;
}

export interface ErrorFrame {
  readonly type: 'error';
  readonly code: string;
  readonly message: string;
  readonly id?: string | null;
}

export type ServerFrame =
  | ReadyFrame
  | AckFrame
  | TurnFrame
  | DeltaFrame
  | ToolFrame
  | ErrorFrame
  | { readonly type: 'session'; readonly session: Session }
  | { readonly type: 'session_deleted'; readonly session_id: string }
  | { readonly type: 'message'; readonly message: Message }
  | { readonly type: 'message_changed'; readonly message: Message }
  | { readonly type: 'notice'; readonly text: string; readonly id?: string | null }
  | { readonly type: 'pong' };

const known: ReadonlySet<string> = new Set<ServerFrame['type']>([
  'ready',
  'ack',
  'turn',
  'delta',
  'tool',
  'error',
  'session',
  'session_deleted',
  'message',
  'message_changed',
  'notice',
  'pong',
]);

/** The frame in `text`, or null for one that a newer gateway invented. */
export function parseFrame(text: string): ServerFrame | null {
  try {
    const frame: unknown = JSON.parse(text);
    return isFrame(frame) ? frame : null;
  } catch {
    return null;
  }
}

function isFrame(value: unknown): value is ServerFrame {
  return (
    typeof value === 'object' &&
    value !== null &&
    'type' in value &&
    typeof value.type === 'string' &&
    known.has(value.type)
  );
}
