import type { ApiClient } from '../api/client.js';
import { ApiProblem } from '../api/problem.js';
import { Connection, openSocket, type Refusal } from '../protocol/connection.js';
import type { Session } from '../wire/types.js';
import { type Filter, SessionBook } from './session-book.js';

export interface FeedListener {
  changed(): void;
  appeared(session: Session): void;
  gone(id: string): void;
  refused(reason: Refusal): void;
}

/** Keeps a book of sessions current: pages over HTTP, changes over a socket that watches all of the user's sessions. */
export class SessionFeed {
  readonly book = new SessionBook();
  problem: string | null = null;
  loading = false;
  #filter: Filter = null;
  readonly #connection: Connection;

  constructor(
    private readonly api: ApiClient,
    token: string,
    private readonly listener: FeedListener,
  ) {
    this.#connection = new Connection(
      {
        hello: () => ({ type: 'hello', token, channel: 'web' }),
        heard: (frame) => {
          if (frame.type === 'session') this.#news(frame.session);
          if (frame.type === 'session_deleted') this.forget(frame.session_id);
          if (frame.type === 'ready') this.#watch();
        },
        linked: () => undefined,
        refused: (reason) => listener.refused(reason),
      },
      () => openSocket(api.base),
    );
  }

  open(): void {
    this.#connection.open();
    void this.show(null);
  }

  close(): void {
    this.#connection.close();
  }

  hurry(): void {
    this.#connection.hurry();
  }

  /** Loads the first page of `filter`, even if it was loaded before, because it may be out of date. */
  async show(filter: Filter): Promise<void> {
    this.#filter = filter;
    await this.#page(filter, null);
  }

  /** Loads the next page of the visible list. */
  async more(): Promise<void> {
    const cursor = this.book.cursor(this.#filter);
    if (cursor !== null && !this.loading) await this.#page(this.#filter, cursor);
  }

  async fetch(id: string): Promise<void> {
    try {
      this.book.put(await this.api.session(id));
      this.listener.changed();
    } catch (error) {
      // The conversation itself reports a session that doesn't exist.
      if (error instanceof ApiProblem && error.status === 404) this.forget(id);
    }
  }

  /** Removes a deleted session. */
  forget(id: string): void {
    this.book.forget(id);
    this.listener.gone(id);
    this.listener.changed();
  }

  /** Reads the visible list again: a replica where nobody follows a session doesn't report its deletion. */
  refresh(): void {
    if (!this.loading && this.book.loaded(this.#filter)) void this.show(this.#filter);
  }

  #watch(): void {
    this.#connection.send({ type: 'watch' });
    // A page that was requested earlier may lack recent changes.
    if (this.book.loaded(this.#filter) || this.loading) void this.show(this.#filter);
  }

  #news(session: Session): void {
    if (this.book.put(session)) this.listener.appeared(session);
    this.listener.changed();
  }

  async #page(filter: Filter, cursor: string | null): Promise<void> {
    this.loading = true;
    this.listener.changed();
    const asked = this.book.orders();
    try {
      this.book.addPage(filter, await this.api.sessions(filter, cursor), cursor === null, asked);
      this.problem = null;
    } catch (error) {
      this.problem = error instanceof Error ? error.message : String(error);
    }
    this.loading = false;
    this.listener.changed();
  }
}
