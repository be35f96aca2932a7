import { ApiClient } from '../api/client.js';
import { keysUnder, readJson, type Store } from '../platform/storage.js';
import { scopeOf } from '../protocol/identity.js';

const key = 'turngate:token';

/** The token of the signed-in user. */
export class Credentials {
  constructor(
    private readonly store: Store,
    private readonly base: string,
  ) {}

  get token(): string | null {
    return readJson(this.store, key, (value): value is string => typeof value === 'string');
  }

  keep(token: string): void {
    this.store.setItem(key, JSON.stringify(token));
  }

  /** Forgets the token and, with `user`, also that user's unsent messages. */
  forget(user: string | null): void {
    if (user) {
      const scope = scopeOf(this.base, '', user);
      for (const kind of ['outbox', 'draft']) {
        for (const item of keysUnder(this.store, `turngate:${kind}:${scope}:`)) this.store.removeItem(item);
      }
    }
    this.store.removeItem(key);
  }

  /** Exchanges the one-time code of the printed URL for a token. */
  async redeem(code: string): Promise<void> {
    this.keep((await new ApiClient(this.base).signIn(code)).token);
  }
}

/** Removes the one-time code from the address before it can be copied or logged. */
export function takeCode(): string | null {
  const url = new URL(location.href);
  const code = url.searchParams.get('code');
  if (code === null) return null;
  url.searchParams.delete('code');
  history.replaceState(null, '', url);
  return code;
}
