import { keep, keysUnder, readJson, type Store } from '../platform/storage.js';

/** An unacknowledged message: kept, and sent again with the same id, until the gateway acknowledges it. */
export interface Outgoing {
  readonly id: string;
  readonly text: string;
  readonly createdAt: string;
  /** Why the gateway refused it; it is kept until the user sends it again or discards it. */
  readonly problem?: string;
}

/**
 * Unsent messages, one storage item each, so that two tabs don't overwrite each other's. `scope` names the gateway and
 * the user; `place` names a session, or the place where a new one will begin.
 */
export class Outbox {
  constructor(
    private readonly store: Store,
    private readonly scope: string,
  ) {}

  list(place: string): Outgoing[] {
    return keysUnder(this.store, this.#prefix(place))
      .map((key) => readJson(this.store, key, isOutgoing))
      .filter((item) => item !== null)
      .sort((a, b) => a.createdAt.localeCompare(b.createdAt));
  }

  put(place: string, item: Outgoing): void {
    keep(this.store, this.#prefix(place) + item.id, JSON.stringify(item));
  }

  remove(place: string, id: string): void {
    this.store.removeItem(this.#prefix(place) + id);
  }

  clear(place: string): void {
    for (const item of this.list(place)) this.remove(place, item.id);
  }

  /** Moves messages to a session that has just been created. */
  move(from: string, to: string): void {
    for (const item of this.list(from)) {
      this.put(to, item);
      this.remove(from, item.id);
    }
  }

  #prefix(place: string): string {
    return `turngate:outbox:${this.scope}:${place}:`;
  }
}

function isOutgoing(value: unknown): value is Outgoing {
  return (
    typeof value === 'object' &&
    value !== null &&
    'id' in value &&
    typeof value.id === 'string' &&
    'text' in value &&
    typeof value.text === 'string' &&
    'createdAt' in value &&
    typeof value.createdAt === 'string'
  );
}
