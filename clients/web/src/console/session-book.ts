import type { Sessions } from '../wire/types.js';

/** The part of a page that the book reads. */
export type BookPage = Pick<Sessions, 'sessions' | 'next_cursor'> &
  Partial<Pick<Sessions, 'total' | 'total_is_exact'>>;

import type { Channel } from '../protocol/model.js';
import type { Session } from '../wire/types.js';

/** null: all channels. */
export type Filter = Channel | null;

interface Shelf {
  readonly cursor: string | null;
  readonly total: number | null;
  /** The oldest session that was loaded as part of a list; there may be gaps after it. */
  readonly oldestLoaded: string | null;
}

/** The known sessions in the server's order: latest activity first. */
export class SessionBook {
  readonly #sessions = new Map<string, Session>();
  readonly #shelves = new Map<Filter, Shelf>();

  session(id: string): Session | undefined {
    return this.#sessions.get(id);
  }

  loaded(filter: Filter): boolean {
    return this.#shelves.has(filter);
  }

  cursor(filter: Filter): string | null {
    return this.#shelves.get(filter)?.cursor ?? null;
  }

  total(filter: Filter): number | null {
    return this.#shelves.get(filter)?.total ?? null;
  }

  /** The sessions that a list of `filter` shows: none after the last loaded page. */
  list(filter: Filter): Session[] {
    const oldestLoaded = this.#shelves.get(filter)?.oldestLoaded ?? null;
    return [...this.#sessions.values()]
      .filter(
        (session) => fits(session, filter) && (oldestLoaded === null || orderKey(session) >= oldestLoaded),
      )
      .sort(latestFirst);
  }

  /** The last known activity of each session, for `addPage`. */
  orders(): ReadonlyMap<string, string> {
    return new Map([...this.#sessions.values()].map((session) => [session.session_id, orderKey(session)]));
  }

  /** `asked`: the order when the page was requested. A session that is missing from a first page no longer exists. */
  addPage(filter: Filter, page: BookPage, first: boolean, asked = this.orders()): void {
    if (first) this.#dropMissing(filter, page, asked);
    const before = this.#shelves.get(filter);
    for (const session of page.sessions) this.#keep(session);
    const counted = page.total_is_exact === false ? null : (page.total ?? null);
    const total = first ? counted : (before?.total ?? null);
    if (first && before && before.cursor !== null && page.next_cursor !== null) {
      // Requested again after a break: later pages are still valid.
      this.#shelves.set(filter, { ...before, total });
      return;
    }
    const last = page.sessions.at(-1);
    const oldestLoaded = page.next_cursor !== null && last ? orderKey(last) : null;
    this.#shelves.set(filter, { cursor: page.next_cursor, total, oldestLoaded });
  }

  /** Adds or updates a session. Returns true if it was unknown. */
  put(session: Session): boolean {
    const before = this.#sessions.get(session.session_id);
    const now = this.#keep(session);
    if (!before || unlisted(before)) this.#count(now, 1);
    return !before;
  }

  /** Removes a deleted session. */
  forget(id: string): void {
    const session = this.#sessions.get(id);
    if (!session) return;
    this.#sessions.delete(id);
    this.#count(session, -1);
  }

  /** A page may arrive after newer live updates. */
  #keep(session: Session): Session {
    const known = this.#sessions.get(session.session_id);
    if (known && isOlder(session.updated_at, known.updated_at)) return known;
    this.#sessions.set(session.session_id, session);
    return session;
  }

  #dropMissing(filter: Filter, page: BookPage, asked: ReadonlyMap<string, string>): void {
    const listed = new Set(page.sessions.map((session) => session.session_id));
    const last = page.sessions.at(-1);
    const oldestLoaded = page.next_cursor !== null && last ? orderKey(last) : '';
    for (const session of [...this.#sessions.values()]) {
      const order = asked.get(session.session_id);
      // Sessions that were updated since may have moved up from a later page.
      const still = order === undefined || order !== orderKey(session) || order <= oldestLoaded;
      if (fits(session, filter) && !still && !listed.has(session.session_id)) this.forget(session.session_id);
    }
  }

  #count(session: Session, change: number): void {
    for (const [filter, shelf] of this.#shelves) {
      if (!fits(session, filter) || shelf.total === null) continue;
      if (shelf.oldestLoaded !== null && orderKey(session) < shelf.oldestLoaded) continue;
      this.#shelves.set(filter, { ...shelf, total: shelf.total + change });
    }
  }
}

function fits(session: Session, filter: Filter): boolean {
  return !unlisted(session) && (filter === null || session.channel === filter);
}

/** An API call that names no session: the server leaves it out of lists, but reports its changes. */
function unlisted(session: Session): boolean {
  return session.metadata?.stateless === true;
}

export function lastActivity(session: Session): string {
  return session.last_message_at ?? session.created_at;
}

/** Comparable as text, whatever the number of decimals of the seconds. */
function orderKey(session: Session): string {
  return new Date(lastActivity(session)).toISOString();
}

/** With microseconds, which `Date` doesn't have. */
function isOlder(a: string, b: string): boolean {
  return withMicroseconds(a) < withMicroseconds(b);
}

function withMicroseconds(time: string): string {
  const [seconds = '', fraction = ''] = time.replace('Z', '').split('.');
  return `${seconds}.${fraction.padEnd(6, '0')}`;
}

function latestFirst(a: Session, b: Session): number {
  return orderKey(b).localeCompare(orderKey(a)) || b.session_id.localeCompare(a.session_id);
}
