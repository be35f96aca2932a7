import { ApiClient } from '../api/client.js';
import { keep, readJson, type Store } from '../platform/storage.js';
import type { Visitor } from '../wire/types.js';

const renewBefore = 60_000;

/** An anonymous visitor of this page; stays the same until the token expires. */
export class VisitorPass {
  readonly #key: string;
  #asked: Promise<Visitor> | null = null;

  constructor(
    private readonly base: string,
    private readonly store: Store,
    private readonly now: () => number = Date.now,
  ) {
    this.#key = `turngate:visitor:${base}`;
  }

  /** The stored pass, if it doesn't expire soon. */
  get kept(): Visitor | null {
    const visitor = readJson(this.store, this.#key, isVisitor);
    return visitor && Date.parse(visitor.expires_at) - renewBefore > this.now() ? visitor : null;
  }

  /** The stored pass, or a new one. Rejects with an ApiProblem; 403 if this page's origin isn't allowed. */
  get(): Promise<Visitor> {
    const kept = this.kept;
    if (kept) return Promise.resolve(kept);
    this.#asked ??= new ApiClient(this.base).visitor().finally(() => {
      this.#asked = null;
    });
    return this.#asked.then((visitor) => {
      keep(this.store, this.#key, JSON.stringify(visitor));
      return visitor;
    });
  }

  forget(): void {
    this.store.removeItem(this.#key);
  }
}

/** True if a server answers at `base`, even if it refuses this origin. */
export async function isUp(base: string): Promise<boolean> {
  try {
    await fetch(new URL('/widget.js', base), {
      method: 'HEAD',
      mode: 'no-cors',
      cache: 'no-store',
      credentials: 'omit',
    });
    return true;
  } catch {
    return false;
  }
}

function isVisitor(value: unknown): value is Visitor {
  return (
    typeof value === 'object' &&
    value !== null &&
    'token' in value &&
    typeof value.token === 'string' &&
    'user_id' in value &&
    typeof value.user_id === 'string' &&
    'expires_at' in value &&
    typeof value.expires_at === 'string'
  );
}
