import { newId } from '../protocol/identity.js';
import type { Outbox, Outgoing } from '../protocol/outbox.js';
import type { AckFrame, Message } from '../wire/types.js';

/** The messages of one place that are not acknowledged yet: kept in the outbox, and sent over the current connection. */
export class Unsent {
  items: readonly Outgoing[] = [];
  readonly #sent = new Set<string>();
  #place: string;

  constructor(
    private readonly outbox: Outbox,
    place: string,
  ) {
    this.#place = place;
  }

  /** Goes on with what is kept for a session, or for the place where a new one will begin. */
  enter(place: string): void {
    this.#place = place;
    this.items = this.outbox.list(place);
  }

  /** Takes what was kept for one place to another. */
  move(from: string, to: string): void {
    this.outbox.move(from, to);
  }

  find(id: string): Outgoing | undefined {
    return this.items.find((item) => item.id === id);
  }

  add(text: string): void {
    const item: Outgoing = { id: newId(), text, createdAt: new Date().toISOString() };
    this.outbox.put(this.#place, item);
    this.items = [...this.items, item];
  }

  /** Sends a refused message again. Nothing of it was stored, so its id can be reused. */
  retry(id: string): void {
    this.#sent.delete(id);
    this.#replace(id, ({ problem: _, ...item }) => item);
  }

  refuse(id: string, problem: string): void {
    this.#sent.delete(id);
    this.#replace(id, (item) => ({ ...item, problem }));
  }

  refuseAll(problem: string): void {
    for (const item of this.items) this.refuse(item.id, problem);
  }

  drop(id: string): void {
    this.#sent.delete(id);
    this.outbox.remove(this.#place, id);
    this.items = this.items.filter((item) => item.id !== id);
  }

  /** Forgets every message of the place. */
  clear(): void {
    this.outbox.clear(this.#place);
    this.items = [];
  }

  /** Sends what waits and was not refused. `send`: whether the connection took it. */
  flush(send: (item: Outgoing) => boolean): void {
    for (const item of this.items) {
      if (item.problem === undefined && !this.#sent.has(item.id) && send(item)) this.#sent.add(item.id);
    }
  }

  /** The connection is gone: whatever it carried unacknowledged is sent again. */
  disconnected(): void {
    this.#sent.clear();
  }

  isSending(id: string): boolean {
    return this.#sent.has(id);
  }

  #replace(id: string, change: (item: Outgoing) => Outgoing): void {
    this.items = this.items.map((item) => (item.id === id ? change(item) : item));
    const item = this.find(id);
    if (item) this.outbox.put(this.#place, item);
  }
}

/** The row as the gateway will probably have it, until its `message` frame replaces it. */
export function acknowledgedRow(frame: AckFrame, item: Outgoing): Message {
  return {
    id: frame.message_id,
    session_id: frame.session_id,
    seq: frame.seq,
    role: 'user',
    content: item.text,
    parts: [],
    channel: 'web',
    turn_id: frame.turn_id,
    created_at: item.createdAt,
    edited_at: null,
    deleted: false,
    kind: 'message',
    metadata: {},
  };
}
