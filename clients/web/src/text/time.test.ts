import { describe, expect, test } from 'vitest';
import { dayLine, fromNow, shortAgo } from './time.js';

const now = new Date(2026, 10, 18, 15, 0, 0);
const ago = (minutes: number) => new Date(now.getTime() - minutes * 60_000).toISOString();

describe('shortAgo', () => {
  test.each([
    [0.5, 'now'],
    [5, '5 min'],
    [59, '59 min'],
    [180, '3 h'],
    [24 * 60, 'Yesterday'],
    [3 * 24 * 60, 'Sun'],
    [20 * 24 * 60, '29 Oct'],
    [400 * 24 * 60, '14 Oct 2025'],
  ])('%d minutes are %s', (minutes, words) => {
    expect(shortAgo(ago(minutes), now, 'en-GB')).toBe(words);
  });

  test('a clock that is ahead is now', () => {
    expect(shortAgo(ago(-3), now)).toBe('now');
  });
});

describe('fromNow', () => {
  test.each([
    [-0.5, 'in a moment'],
    [-20, 'in 20 min'],
    [-180, 'in 3 h'],
    [-3 * 24 * 60, 'in 3 days'],
    [0.5, 'just now'],
    [20, '20 min ago'],
  ])('%d minutes ago is %s', (minutes, words) => {
    expect(fromNow(ago(minutes), now)).toBe(words);
  });
});

describe('dayLine', () => {
  test.each([
    [10, 'Today'],
    [16 * 60, 'Yesterday'],
    [5 * 24 * 60, 'Friday 13 November'],
  ])('%d minutes ago is %s', (minutes, words) => {
    expect(dayLine(ago(minutes), now, 'en-GB')).toBe(words);
  });
});
