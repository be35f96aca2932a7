import { describe, expect, test } from 'vitest';
import { MemoryStore } from '../platform/storage.js';
import { Outbox } from './outbox.js';

const item = (id: string, second = 0) => ({ id, text: id, createdAt: `2026-01-05T12:00:0${second}.000Z` });

describe('Outbox', () => {
  test('keeps messages over a refresh, in the order they were written', () => {
    const store = new MemoryStore();
    new Outbox(store, 'here').put('s1', item('b', 2));
    new Outbox(store, 'here').put('s1', item('a', 1));
    expect(new Outbox(store, 'here').list('s1').map(({ id }) => id)).toEqual(['a', 'b']);
  });

  test('keeps users and sessions apart', () => {
    const store = new MemoryStore();
    new Outbox(store, 'ann').put('s1', item('a'));
    expect(new Outbox(store, 'bob').list('s1')).toEqual([]);
    expect(new Outbox(store, 'ann').list('s2')).toEqual([]);
  });

  test('moves to the session that the first message began', () => {
    const outbox = new Outbox(new MemoryStore(), 'ann');
    outbox.put('new', item('a'));
    outbox.move('new', 's1');
    expect(outbox.list('new')).toEqual([]);
    expect(outbox.list('s1')).toHaveLength(1);
  });

  test('skips what is no message', () => {
    const store = new MemoryStore();
    store.setItem('turngate:outbox:ann:s1:x', '{"id": 5}');
    store.setItem('turngate:outbox:ann:s1:y', 'no json');
    expect(new Outbox(store, 'ann').list('s1')).toEqual([]);
  });
});
