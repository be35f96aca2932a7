/**
 * Names the owner of data in this browser's storage: the gateway and the user of a token. For a JWT that is its `sub`;
 * for an API token it is a digest, because the token itself must not be part of a key.
 */
export function scopeOf(base: string, token: string, user?: string | null): string {
  return `${new URL(base).origin}:${user || subject(token) || digest(token)}`;
}

function subject(token: string): string | null {
  const claims = token.split('.');
  if (claims.length !== 3 || !claims[1]) return null;
  try {
    const text = atob(claims[1].replaceAll('-', '+').replaceAll('_', '/'));
    const payload: unknown = JSON.parse(text);
    const named = typeof payload === 'object' && payload !== null && 'sub' in payload;
    return named && typeof payload.sub === 'string' ? payload.sub : null;
  } catch {
    return null;
  }
}

/** FNV-1a, 32 bits: distinguishes tokens, but protects nothing. */
function digest(token: string): string {
  let hash = 0x811c9dc5;
  for (let i = 0; i < token.length; i += 1) {
    hash = Math.imul(hash ^ token.charCodeAt(i), 0x01000193) >>> 0;
  }
  return `token-${hash.toString(36)}`;
}

/** An id for a message to send. `crypto.randomUUID` is missing on pages without TLS. */
export function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
