import { expect, test } from 'vitest';
import { newId, scopeOf } from './identity.js';

test('a JWT is known by its subject, however often it is renewed', () => {
  const jwt = (exp: number) => `h.${btoa(JSON.stringify({ sub: 'ann', exp }))}.s`;
  expect(scopeOf('https://gate.example', jwt(1))).toBe('https://gate.example:ann');
  expect(scopeOf('https://gate.example', jwt(2))).toBe('https://gate.example:ann');
});

test('a token never stands in a key', () => {
  expect(scopeOf('https://gate.example', 'secret-token')).not.toContain('secret');
  expect(scopeOf('https://gate.example', 'a')).not.toBe(scopeOf('https://gate.example', 'b'));
});

test('ids fit the protocol', () => {
  expect(newId()).toMatch(/^[0-9a-f]{32}$/);
});
