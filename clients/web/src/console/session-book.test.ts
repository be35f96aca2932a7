import { describe, expect, test } from 'vitest';
import type { Channel } from '../protocol/model.js';
import { session as sessionOf } from '../testing/wire.js';
import type { Session } from '../wire/types.js';
import { SessionBook } from './session-book.js';

function session(id: string, minute: number, channel: Channel = 'web'): Session {
  const at = new Date(Date.UTC(2026, 0, 5, 12, minute)).toISOString();
  return sessionOf(id, { channel, created_at: at, updated_at: at, last_message_at: at });
}

const ids = (book: SessionBook, filter: Channel | null = null) =>
  book.list(filter).map((one) => one.session_id);

describe('SessionBook', () => {
  test('lists the latest activity first, and news move a session up', () => {
    const book = new SessionBook();
    book.addPage(null, { sessions: [session('b', 2), session('a', 1)], total: 2, next_cursor: null }, true);
    expect(ids(book)).toEqual(['b', 'a']);
    book.put(session('a', 3));
    expect(ids(book)).toEqual(['a', 'b']);
  });

  test('a call that names no session is in no list until it goes on', () => {
    const book = new SessionBook();
    book.addPage(null, { sessions: [session('a', 1)], total: 1, next_cursor: null }, true);
    book.put({ ...session('call', 2, 'api'), metadata: { stateless: true } });
    expect([ids(book), ids(book, 'api'), book.total(null)]).toEqual([['a'], [], 1]);
    book.put(session('call', 3, 'api'));
    expect([ids(book), book.total(null)]).toEqual([['call', 'a'], 2]);
  });

  test('a session without messages stands where it was made', () => {
    const book = new SessionBook();
    const empty = { ...session('empty', 5), last_message_at: null };
    book.addPage(
      null,
      { sessions: [session('a', 9), empty, session('b', 1)], total: 3, next_cursor: null },
      true,
    );
    expect(ids(book)).toEqual(['a', 'empty', 'b']);
  });

  test('times with more and fewer digits compare as times', () => {
    const book = new SessionBook();
    const finer = { ...session('finer', 1), last_message_at: '2026-01-05T12:01:00.500000Z' };
    const coarse = { ...session('coarse', 1), last_message_at: '2026-01-05T12:01:00Z' };
    book.addPage(null, { sessions: [coarse, finer], total: 2, next_cursor: null }, true);
    expect(ids(book)).toEqual(['finer', 'coarse']);
  });

  test('a page that arrives late takes no news back', () => {
    const book = new SessionBook();
    const before = { ...session('a', 1), updated_at: '2026-01-05T12:01:00.500000Z' };
    book.put({ ...before, title: 'Ships', updated_at: '2026-01-05T12:01:00.500001Z' });
    book.addPage(null, { sessions: [before], total: 1, next_cursor: null }, true);
    expect(book.session('a')?.title).toBe('Ships');
    book.addPage(
      null,
      {
        sessions: [{ ...before, title: 'Boats', updated_at: '2026-01-05T12:01:01Z' }],
        total: 1,
        next_cursor: null,
      },
      true,
    );
    expect(book.session('a')?.title).toBe('Boats');
  });

  test('shows nothing from behind the last loaded page', () => {
    const book = new SessionBook();
    book.addPage(null, { sessions: [session('d', 9), session('c', 8)], total: 4, next_cursor: 'x' }, true);
    book.put(session('a', 1, 'telegram'));
    expect(ids(book)).toEqual(['d', 'c']);
    book.addPage(
      null,
      { sessions: [session('b', 5), session('a', 1, 'telegram')], next_cursor: null },
      false,
    );
    expect(ids(book)).toEqual(['d', 'c', 'b', 'a']);
  });

  test('filters by channel', () => {
    const book = new SessionBook();
    const all = [session('t', 3, 'telegram'), session('w', 2), session('s', 1, 'scheduled')];
    book.addPage(null, { sessions: all, total: 3, next_cursor: null }, true);
    book.addPage('telegram', { sessions: all.slice(0, 1), total: 1, next_cursor: null }, true);
    expect(ids(book, 'telegram')).toEqual(['t']);
  });

  test('counts what appears', () => {
    const book = new SessionBook();
    book.addPage(null, { sessions: [session('a', 1)], total: 1, next_cursor: null }, true);
    expect(book.put(session('b', 2, 'telegram'))).toBe(true);
    expect(book.put(session('b', 3, 'telegram'))).toBe(false);
    expect(book.total(null)).toBe(2);
    expect(book.total('telegram')).toBeNull();
  });

  test('shows no total that is not exact', () => {
    const book = new SessionBook();
    const page = { sessions: [session('a', 1)], total: 5000, total_is_exact: false, next_cursor: 'x' };
    book.addPage(null, page, true);
    expect(book.total(null)).toBeNull();
  });

  test('forgets what was deleted', () => {
    const book = new SessionBook();
    book.addPage(null, { sessions: [session('b', 2), session('a', 1)], total: 2, next_cursor: null }, true);
    book.forget('b');
    book.forget('unheard of');
    expect([ids(book), book.total(null)]).toEqual([['a'], 1]);
  });

  test('what a page doesn’t list any more is gone', () => {
    const book = new SessionBook();
    const all = [session('d', 9), session('c', 8, 'telegram'), session('b', 5)];
    book.addPage(null, { sessions: all, total: 4, next_cursor: 'x' }, true);
    book.addPage(null, { sessions: [session('a', 1)], next_cursor: null }, false);
    book.addPage(null, { sessions: [session('d', 9), session('b', 5)], total: 3, next_cursor: 'x' }, true);
    expect(ids(book)).toEqual(['d', 'b']);
    expect([book.session('c'), book.session('a')?.session_id]).toEqual([undefined, 'a']);
    book.addPage('web', { sessions: [], total: 0, next_cursor: null }, true);
    expect(ids(book)).toEqual([]);
  });

  test('news that came after a page was read are kept', () => {
    const book = new SessionBook();
    book.addPage(null, { sessions: [session('a', 1)], total: 1, next_cursor: null }, true);
    const asked = book.orders();
    book.put(session('b', 9));
    book.put(session('a', 10));
    book.addPage(null, { sessions: [], total: 0, next_cursor: null }, true, asked);
    expect(ids(book)).toEqual(['a', 'b']);
  });

  test('asking for the first page again keeps the pages behind it', () => {
    const book = new SessionBook();
    book.addPage(null, { sessions: [session('d', 9)], total: 9, next_cursor: 'x' }, true);
    book.addPage(null, { sessions: [session('c', 5)], next_cursor: 'y' }, false);
    book.addPage(null, { sessions: [session('e', 10)], total: 10, next_cursor: 'x' }, true);
    expect(ids(book)).toEqual(['e', 'd', 'c']);
    expect(book.cursor(null)).toBe('y');
  });
});
