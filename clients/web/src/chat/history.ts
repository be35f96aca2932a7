import type { ApiClient } from '../api/client.js';
import { ApiProblem } from '../api/problem.js';
import type { Transcript } from '../protocol/transcript.js';

export type HistoryState = 'idle' | 'loading' | 'ready' | 'failed' | 'missing' | 'deleted';

/** Brings a session's rows from the server into its transcript, a page at a time. */
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

  /** The newest page. */
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

  /** The session reaches `seq` already: a page that was read before it did is read once more. */
  async reach(seq: number): Promise<void> {
    this.#announced = seq;
    await this.#catchUp();
  }

  async #catchUp(): Promise<void> {
    if (this.state !== 'ready' || (this.transcript.lastSeq ?? 0) >= this.#announced) return;
    this.#announced = 0;
    await this.load();
  }

  /** The page before the oldest row. */
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

  /** Fetches rows that a live frame showed to be missing. Gives up where the server has none to give. */
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
