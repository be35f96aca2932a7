/** The part of the browser's storage that is used. */
export interface Store {
  readonly length: number;
  key(index: number): string | null;
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

/** localStorage, or a place in memory where a page or its policy closes it. */
export function browserStore(): Store {
  try {
    const probe = 'turngate:probe';
    localStorage.setItem(probe, '1');
    localStorage.removeItem(probe);
    return localStorage;
  } catch {
    return new MemoryStore();
  }
}

/** Keeps for as long as the page lives. */
export class MemoryStore implements Store {
  readonly #items = new Map<string, string>();

  get length(): number {
    return this.#items.size;
  }

  key(index: number): string | null {
    return [...this.#items.keys()][index] ?? null;
  }

  getItem(key: string): string | null {
    return this.#items.get(key) ?? null;
  }

  setItem(key: string, value: string): void {
    this.#items.set(key, value);
  }

  removeItem(key: string): void {
    this.#items.delete(key);
  }
}

export function keysUnder(store: Store, prefix: string): string[] {
  const keys: string[] = [];
  for (let i = 0; i < store.length; i += 1) {
    const key = store.key(i);
    if (key?.startsWith(prefix)) keys.push(key);
  }
  return keys;
}

/** Writes what can be written: a full storage must not stop a message that is about to be sent anyway. */
export function keep(store: Store, key: string, value: string): void {
  try {
    store.setItem(key, value);
  } catch {
    store.removeItem(key);
  }
}

/** The JSON under `key` if `fits` says it is what it should be. */
export function readJson<T>(store: Store, key: string, fits: (value: unknown) => value is T): T | null {
  try {
    const value: unknown = JSON.parse(store.getItem(key) ?? 'null');
    return fits(value) ? value : null;
  } catch {
    return null;
  }
}
