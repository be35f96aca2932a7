import { expect, test } from 'vitest';
import { href, parseRoute, type Route } from './route.js';
import { triggerWords } from './trigger.js';

test.each<Route>([
  { place: 'home' },
  { place: 'new' },
  { place: 'schedules' },
  { place: 'session', id: 'a b/c' },
])('an address leads back to where it came from (%j)', (route) => {
  expect(parseRoute(href(route))).toEqual(route);
});

test('an unknown address is home', () => {
  expect(parseRoute('#/nowhere/at/all')).toEqual({ place: 'home' });
});

test.each([
  [1200, 'Every 20 minutes'],
  [3600, 'Every hour'],
  [172_800, 'Every 2 days'],
  [45, 'Every 45 seconds'],
])('%d seconds are %s', (seconds, words) => {
  expect(triggerWords({ type: 'interval', seconds })).toBe(words);
});

test("a one-shot's time is told in the schedule's own zone", () => {
  const words = triggerWords({ type: 'once', at: '2030-01-01T08:00:00Z' }, 'Europe/Berlin');
  expect(words).toContain('9:00');
});
