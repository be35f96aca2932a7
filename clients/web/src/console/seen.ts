import { keep, readJson, type Store } from '../platform/storage.js';
import type { Session } from '../wire/types.js';
import { lastActivity } from './session-book.js';

interface Kept {
  readonly since: string;
  readonly at: Readonly<Record<string, string>>;
}

const most = 500;

/** Which sessions were opened, and when; those from before the first sign-in count as seen. */
export class Seen {
  readonly #key: string;
  #kept: Kept;

  constructor(
    private readonly store: Store,
    user: string,
    now: string,
  ) {
    this.#key = `turngate:seen:${user}`;
    this.#kept = readJson(store, this.#key, isKept) ?? { since: now, at: {} };
    this.#save();
  }

  unread(session: Session): boolean {
    if (session.last_message_at === null) return false;
    const seen = this.#kept.at[session.session_id] ?? this.#kept.since;
    return new Date(session.last_message_at) > new Date(seen);
  }

  mark(session: Session): void {
    const at = { ...this.#kept.at };
    delete at[session.session_id];
    at[session.session_id] = lastActivity(session);
    this.#kept = { ...this.#kept, at: Object.fromEntries(Object.entries(at).slice(-most)) };
    this.#save();
  }

  #save(): void {
    keep(this.store, this.#key, JSON.stringify(this.#kept));
  }
}

function isKept(value: unknown): value is Kept {
  return (
    typeof value === 'object' &&
    value !== null &&
    'since' in value &&
    typeof value.since === 'string' &&
    'at' in value &&
    typeof value.at === 'object' &&
    value.at !== null
  );
}
