import type { ApiClient } from '../api/client.js';
import { LiveTurns } from '../protocol/live-turns.js';
import { Transcript } from '../protocol/transcript.js';
import type { Message, ServerFrame } from '../wire/types.js';
import { History } from './history.js';

/** What is shown of one session: its rows, and the answers that are being written. Without a session, both stay empty. */
export class SessionView {
  readonly transcript = new Transcript();
  readonly turns = new LiveTurns();
  readonly history: History | null;

  constructor(
    readonly sessionId: string | null,
    api: ApiClient,
    changed: () => void,
  ) {
    this.history = sessionId === null ? null : new History(api, sessionId, this.transcript, changed);
  }

  load(): void {
    void this.history?.load();
  }

  /** Loads the rows again if that has failed. */
  reload(): void {
    if (this.history?.state === 'failed') this.load();
  }

  /** The session exists no more. */
  end(state: 'missing' | 'deleted'): void {
    if (this.history) this.history.state = state;
  }

  /** The connection is ready. `replays`: rows that were missed follow as frames. */
  connected(lastSeq: number, replays: boolean): void {
    // Running answers are sent again from the beginning.
    this.turns.interrupted();
    this.reload();
    // The history may have been read before live rows began to arrive.
    if (!replays) void this.history?.reach(lastSeq);
  }

  /** Adds a row; returns whether it is new. */
  record(message: Message): boolean {
    if (message.session_id !== this.sessionId) return false;
    this.turns.recorded(message);
    const isNew = this.transcript.add(message);
    this.#fillHoles();
    return isNew;
  }

  /** Adds one's own row, as acknowledged, unless it is already there. */
  acknowledge(row: Message): void {
    if (this.transcript.rows.some(({ id }) => id === row.id)) return;
    this.transcript.add(row);
    this.#fillHoles();
  }

  /** Handles a frame about an answer or a changed row. */
  heard(frame: ServerFrame): void {
    switch (frame.type) {
      case 'message_changed':
        if (frame.message.session_id === this.sessionId) this.transcript.add(frame.message);
        break;
      case 'turn':
        if (frame.session_id === this.sessionId) this.turns.turn(frame);
        break;
      case 'delta':
        this.turns.delta(frame);
        break;
      case 'tool':
        this.turns.tool(frame);
        break;
      case 'reasoning':
        this.turns.reasoning(frame);
        break;
      case 'status':
        this.turns.doing(frame);
        break;
      case 'part':
        this.turns.part(frame);
        break;
    }
  }

  #fillHoles(): void {
    if (this.transcript.hole()) void this.history?.fill();
  }
}
