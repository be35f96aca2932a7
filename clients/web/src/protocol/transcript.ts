import type { Message } from '../wire/types.js';

export interface Page {
  readonly messages: readonly Message[];
  readonly next_before_id: string | null;
}

/** Where rows are missing: those right before `beforeId`. */
export interface Hole {
  readonly beforeId: string;
}

/** A session's rows as far as they are known: each `seq` once, ascending, from wherever they came. */
export class Transcript {
  #rows: Message[] = [];
  #older: string | null = null;
  #began = false;

  get rows(): readonly Message[] {
    return this.#rows;
  }

  /** The last `seq` known, 0 in an empty session, undefined before anything was loaded. */
  get lastSeq(): number | undefined {
    return this.#rows.at(-1)?.seq ?? (this.#began ? 0 : undefined);
  }

  /** What to pass as `before_id` for the page before the oldest row, null when there is none. */
  get older(): string | null {
    return this.#older;
  }

  get began(): boolean {
    return this.#began;
  }

  /** True if the row was new. A row that is known replaces the older version of itself. */
  add(message: Message): boolean {
    const at = this.#place(message.seq);
    const known = this.#rows[at]?.seq === message.seq;
    this.#rows = this.#rows.toSpliced(at, known ? 1 : 0, message);
    return !known;
  }

  /** Takes a page in; only a page that reaches further back than before moves the cursor. */
  addPage(page: Page): void {
    const oldest = this.#rows[0]?.seq ?? Number.POSITIVE_INFINITY;
    const reaches = page.messages[0]?.seq ?? Number.POSITIVE_INFINITY;
    if (!this.#began || reaches < oldest || page.messages.length === 0) this.#older = page.next_before_id;
    this.#began = true;
    for (const message of page.messages) this.add(message);
  }

  /** The newest place where `seq` jumps; null when there is none. */
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
