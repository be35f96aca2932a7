import type { ApiClient } from '../api/client.js';
import { ApiProblem } from '../api/problem.js';

export interface StarterListener {
  started(sessionId: string): void;
  /** The gateway will not create a session, and says why. */
  refused(problem: string): void;
  unauthenticated(): void;
  changed(): void;
}

/** Creates the session for a conversation's first message; while the gateway can't be reached, tries again. */
export class SessionStarter {
  begun = false;
  #beginning = false;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #attempts = 0;

  constructor(
    private readonly api: ApiClient,
    private readonly agent: string | null,
    private readonly random: () => number,
    private readonly listener: StarterListener,
  ) {}

  async begin(): Promise<void> {
    if (this.#beginning) return;
    this.#beginning = true;
    this.stop();
    try {
      const session = await this.api.startSession(this.agent);
      this.begun = true;
      this.listener.started(session.session_id);
    } catch (error) {
      this.#failed(error);
    }
    this.#beginning = false;
    this.listener.changed();
  }

  /** Makes no further attempt. */
  stop(): void {
    clearTimeout(this.#retry);
  }

  #failed(error: unknown): void {
    if (error instanceof ApiProblem && error.status === 401) this.listener.unauthenticated();
    else if (error instanceof ApiProblem && !error.unreachable) this.listener.refused(error.message);
    else {
      this.#attempts += 1;
      const wait = Math.min(30_000, 1_000 * 2 ** this.#attempts) * (0.5 + this.random() / 2);
      this.#retry = setTimeout(() => void this.begin(), wait);
    }
  }
}
