import type { ApiClient } from '../api/client.js';
import { ApiProblem } from '../api/problem.js';
import type { Transcript } from '../protocol/transcript.js';

export type HistoryState = 'idle' | 'loading' | 'ready' | 'failed' | 'missing' | 'deleted';

/** Loads a session's rows from the server into its transcript, page by page. */
export class History {
  state: HistoryState = 'idle';
  problem = '';
  loadingOlder = false;
  olderFailed = false;
  #filling = false;
  #announced = 0;

  constructor(
    private readonly api: ApiClient,
    private readonly sessionId: string,
    private readonly transcript: Transcript,
    private readonly changed: () => void,
  ) {}

  /** Loads the newest page. */
  async load(): Promise<void> {
    if (this.state === 'loading') return;
    this.state = 'loading';
    this.changed();
    try {
      this.transcript.addPage(await this.api.messages(this.sessionId, null));
      this.state = 'ready';
    } catch (error) {
      this.state = error instanceof ApiProblem && error.status === 404 ? 'missing' : 'failed';
      this.problem = error instanceof Error ? error.message : '';
    }
    this.changed();
    await this.fill();
    await this.#catchUp();
  }

  /** Reads the newest page again if it was read before the session reached `seq`. */
  async reach(seq: number): Promise<void> {
    this.#announced = seq;
    await this.#catchUp();
  }

  async #catchUp(): Promise<void> {
    if (this.state !== 'ready' || (this.transcript.lastSeq ?? 0) >= this.#announced) return;
    this.#announced = 0;
    await this.load();
  }

  /** Loads the page before the oldest row. */
  async older(): Promise<void> {
    const cursor = this.transcript.older;
    if (this.loadingOlder || cursor === null) return;
    this.loadingOlder = true;
    this.olderFailed = false;
    this.changed();
    try {
      this.transcript.addPage(await this.api.messages(this.sessionId, cursor));
    } catch {
      this.olderFailed = true;
    }
    this.loadingOlder = false;
    this.changed();
  }

  /** Loads rows that are missing before a live frame. Gives up if the server doesn't have them. */
  async fill(): Promise<void> {
    if (this.#filling || this.state !== 'ready') return;
    this.#filling = true;
    let last = '';
    for (let hole = this.transcript.hole(); hole && hole.beforeId !== last; hole = this.transcript.hole()) {
      last = hole.beforeId;
      try {
        this.transcript.addPage(await this.api.messages(this.sessionId, hole.beforeId));
      } catch {
        break;
      }
    }
    this.#filling = false;
    this.changed();
  }
}
