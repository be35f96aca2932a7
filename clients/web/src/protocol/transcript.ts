import type { Message } from '../wire/types.js';

export interface Page {
  readonly messages: readonly Message[];
  readonly next_before_id: string | null;
}

/** A gap: the rows right before `beforeId` are missing. */
export interface Hole {
  readonly beforeId: string;
}

/** The known rows of a session, whatever their source: each `seq` once, in ascending order. */
export class Transcript {
  #rows: Message[] = [];
  #older: string | null = null;
  #began = false;

  get rows(): readonly Message[] {
    return this.#rows;
  }

  /** The last known `seq`; 0 in an empty session, undefined before anything is loaded. */
  get lastSeq(): number | undefined {
    return this.#rows.at(-1)?.seq ?? (this.#began ? 0 : undefined);
  }

  /** The `before_id` for the page before the oldest row; null if there is none. */
  get older(): string | null {
    return this.#older;
  }

  get began(): boolean {
    return this.#began;
  }

  /** Returns true if the row is new. A known row replaces its older version. */
  add(message: Message): boolean {
    const at = this.#place(message.seq);
    const known = this.#rows[at]?.seq === message.seq;
    this.#rows = this.#rows.toSpliced(at, known ? 1 : 0, message);
    return !known;
  }

  /** Adds a page. The cursor moves only if the page reaches further back than before. */
  addPage(page: Page): void {
    const oldest = this.#rows[0]?.seq ?? Number.POSITIVE_INFINITY;
    const reaches = page.messages[0]?.seq ?? Number.POSITIVE_INFINITY;
    if (!this.#began || reaches < oldest || page.messages.length === 0) this.#older = page.next_before_id;
    this.#began = true;
    for (const message of page.messages) this.add(message);
  }

  /** The newest gap in `seq`; null if there is none. */
  hole(): Hole | null {
    for (let i = this.#rows.length - 1; i > 0; i -= 1) {
      const row = this.#rows[i];
      const before = this.#rows[i - 1];
      if (row && before && row.seq > before.seq + 1) return { beforeId: row.id };
    }
    return null;
  }

  #place(seq: number): number {
    let at = this.#rows.length;
    while (at > 0 && (this.#rows[at - 1]?.seq ?? 0) >= seq) at -= 1;
    return at;
  }
}
