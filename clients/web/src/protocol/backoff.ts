/** Close codes of the gateway's socket that clients react to (docs/websocket.md). */
export const closed = {
  rateExceeded: 1008,
  restarting: 1012,
  tooSlow: 1013,
  unauthenticated: 4401,
  originNotAllowed: 4403,
} as const;

const first = 500;
const longest = 30_000;

/**
 * Milliseconds to wait before reconnecting: exponential with full jitter, so that not all clients reconnect to a
 * restarted gateway at once. `attempt` counts from 0; `random` is in [0, 1).
 */
export function reconnectDelay(attempt: number, code: number, random: number): number {
  if (code === closed.restarting || code === closed.tooSlow) {
    return 250 + random * Math.min(longest, 2_750 * (attempt + 1));
  }
  if (code === closed.rateExceeded) return 10_000 + random * 20_000;
  const ceiling = Math.min(longest, first * 2 ** Math.min(attempt, 10));
  return 150 + random * ceiling;
}
