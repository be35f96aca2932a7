import { afterEach, expect, test, vi } from 'vitest';
import { MemoryStore } from '../platform/storage.js';
import { luminance } from './accent.js';
import { isUp, VisitorPass } from './visitor.js';

const base = 'https://gate.example';
const start = Date.parse('2026-01-05T12:00:00Z');

afterEach(() => void vi.unstubAllGlobals());

function gateway() {
  const asked = vi.fn(() => {
    const expires_at = new Date(start + 3_600_000).toISOString();
    return Promise.resolve(
      new Response(
        JSON.stringify({ token: `token ${asked.mock.calls.length}`, user_id: 'visitor:1', expires_at }),
      ),
    );
  });
  vi.stubGlobal('fetch', asked);
  return asked;
}

test('a visitor stays the same over a refresh', async () => {
  const asked = gateway();
  const store = new MemoryStore();
  await new VisitorPass(base, store, () => start).get();
  expect((await new VisitorPass(base, store, () => start).get()).token).toBe('token 1');
  expect(asked).toHaveBeenCalledTimes(1);
});

test('an expired pass is renewed', async () => {
  gateway();
  const store = new MemoryStore();
  await new VisitorPass(base, store, () => start).get();
  expect((await new VisitorPass(base, store, () => start + 3_590_000).get()).token).toBe('token 2');
});

test('two gateways don’t share a pass', async () => {
  const asked = gateway();
  const store = new MemoryStore();
  await new VisitorPass(base, store, () => start).get();
  await new VisitorPass('https://other.example', store, () => start).get();
  expect(asked).toHaveBeenCalledTimes(2);
});

test('dark and light accents are told apart', () => {
  expect(luminance([255, 255, 255])).toBeCloseTo(1);
  expect(luminance([0, 0, 0])).toBe(0);
  expect(luminance([255, 214, 0])).toBeGreaterThan(luminance([20, 60, 180]));
});

test('a gateway that answers anything is up', async () => {
  gateway();
  expect(await isUp(base)).toBe(true);
  vi.stubGlobal('fetch', () => Promise.reject(new TypeError('Failed to fetch')));
  expect(await isUp(base)).toBe(false);
});
