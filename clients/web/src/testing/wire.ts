import type { ConnectionOwner, LinkState, Refusal, Socket } from '../protocol/connection.js';
import type { ClientFrame, HelloFrame, Message, ServerFrame, Session } from '../wire/types.js';

/** The gateway's end of a socket, controlled by a test. */
export class Wire implements Socket {
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  readonly sent: ClientFrame[] = [];
  open = true;

  send(data: string): void {
    this.sent.push(JSON.parse(data) as ClientFrame);
  }

  close(): void {
    this.open = false;
  }

  says(...frames: readonly (ServerFrame | { readonly type: string })[]): void {
    for (const frame of frames) this.onmessage?.({ data: JSON.stringify(frame) });
  }

  accepts(): void {
    this.onopen?.();
  }

  hangsUp(code: number): void {
    this.onclose?.({ code });
  }

  heard<Type extends ClientFrame['type']>(type: Type): Extract<ClientFrame, { type: Type }>[] {
    return this.sent.filter((frame): frame is Extract<ClientFrame, { type: Type }> => frame.type === type);
  }
}

/** Returns a new wire for every connection. */
export class Exchange {
  readonly wires: Wire[] = [];

  connect = (): Socket => {
    const wire = new Wire();
    this.wires.push(wire);
    return wire;
  };

  get last(): Wire {
    const wire = this.wires.at(-1);
    if (!wire) throw new Error('Nobody connected.');
    return wire;
  }
}

/** An owner that records what it is told. */
export class Ledger implements ConnectionOwner {
  readonly frames: ServerFrame[] = [];
  readonly states: LinkState[] = [];
  readonly refusals: Refusal[] = [];
  after: number | undefined;

  hello(): HelloFrame {
    return {
      type: 'hello',
      token: 't',
      channel: 'web',
      ...(this.after === undefined ? {} : { after: this.after }),
    };
  }

  heard(frame: ServerFrame): void {
    this.frames.push(frame);
  }

  linked(state: LinkState): void {
    this.states.push(state);
  }

  refused(reason: Refusal): void {
    this.refusals.push(reason);
  }
}

export function row(seq: number, change: Partial<Message> = {}): Message {
  return {
    id: `m${seq}`,
    session_id: 's1',
    seq,
    role: seq % 2 ? 'user' : 'assistant',
    content: `text ${seq}`,
    parts: [],
    channel: 'web',
    turn_id: `t${Math.ceil(seq / 2)}`,
    created_at: new Date(Date.UTC(2026, 0, 5, 12, 0, seq)).toISOString(),
    edited_at: null,
    deleted: false,
    kind: 'message',
    metadata: {},
    ...change,
  };
}

export function session(session_id: string, change: Partial<Session> = {}): Session {
  const at = new Date(Date.UTC(2026, 0, 5, 12)).toISOString();
  return {
    session_id,
    user_id: 'ann',
    channel: 'web',
    agent_name: 'assistant',
    title: null,
    is_active: true,
    created_at: at,
    updated_at: at,
    last_message_at: null,
    ended_at: null,
    message_count: 0,
    metadata: {},
    parent_session_id: null,
    ...change,
  };
}

export function rows(from: number, to: number): Message[] {
  return Array.from({ length: to - from + 1 }, (_, at) => row(from + at));
}

export const ready = (session_id: string | null, last_seq = 0) =>
  ({
    type: 'ready',
    session_id,
    user_id: 'ann',
    agent: 'assistant',
    resumed: session_id !== null,
    last_seq,
  }) as const;
