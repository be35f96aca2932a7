import { describe, expect, test } from 'vitest';
import { closed, reconnectDelay } from './backoff.js';

describe('reconnectDelay', () => {
  test('grows with every attempt and stays below its ceiling', () => {
    const delays = [0, 1, 2, 3].map((attempt) => reconnectDelay(attempt, 1006, 0.999));
    expect(delays).toEqual([...delays].sort((a, b) => a - b));
    expect(reconnectDelay(50, 1006, 0.999)).toBeLessThanOrEqual(30_150);
  });

  test('is spread by chance', () => {
    expect(reconnectDelay(6, 1006, 0)).toBeLessThan(500);
    expect(reconnectDelay(6, 1006, 0.9)).toBeGreaterThan(20_000);
  });

  test('waits a random while after a restart', () => {
    expect(reconnectDelay(0, closed.restarting, 0)).toBe(250);
    expect(reconnectDelay(0, closed.restarting, 0.99)).toBeGreaterThan(2_500);
    expect(reconnectDelay(500, closed.restarting, 0.99)).toBeLessThanOrEqual(30_250);
  });

  test('waits long after a flood', () => {
    expect(reconnectDelay(0, closed.rateExceeded, 0)).toBeGreaterThanOrEqual(10_000);
  });
});
