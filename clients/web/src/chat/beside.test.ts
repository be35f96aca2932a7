import { describe, expect, test } from 'vitest';
import { isSafe } from './beside.js';

describe('links beside an answer', () => {
  test.each([
    ['source-url', 'https://gate.example', true],
    ['file', 'data:image/png;base64,AA==', true],
    ['source-url', 'data:text/html,hello', false],
    ['file', 'javascript:alert(1)', false],
    ['source-url', ' javascript:alert(1)', false],
  ] as const)('%s %s', (type, url, safe) => {
    expect(isSafe({ type, url })).toBe(safe);
  });
});
