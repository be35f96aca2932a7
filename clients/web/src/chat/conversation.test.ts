import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { MemoryStore } from '../platform/storage.js';
import type { Page } from '../protocol/transcript.js';
import { Exchange, ready, row, rows, session } from '../testing/wire.js';
import { Conversation, type Subject } from './conversation.js';

/** The gateway's HTTP answers, by path. */
type Answers = (path: string, query: URLSearchParams) => object | number;

const nothingYet: Page = { messages: [], next_before_id: null };
const subject: Subject = {
  base: 'https://gate.example',
  token: 'token',
  user: 'ann',
  agent: null,
  sessionId: 's1',
  start: 'resume',
};

function talk(change: Partial<Subject> = {}, answers: Answers = () => nothingYet, store = new MemoryStore()) {
  vi.stubGlobal('fetch', (url: URL) => {
    const answer = answers(url.pathname, url.searchParams);
    const [body, status] = typeof answer === 'number' ? ['{}', answer] : [JSON.stringify(answer), 200];
    return Promise.resolve(new Response(body, { status }));
  });
  const exchange = new Exchange();
  const opened: (string | null)[] = [];
  const arrived: number[] = [];
  const gone: string[] = [];
  const conversation = new Conversation(
    { ...subject, ...change },
    {
      changed: () => undefined,
      opened: (id) => opened.push(id),
      arrived: (message) => arrived.push(message.seq),
      gone: (id) => gone.push(id),
      refused: () => undefined,
    },
    { store, connect: exchange.connect, random: () => 0.5 },
  );
  conversation.open();
  return { conversation, exchange, opened, arrived, gone, store };
}

const settled = () => vi.advanceTimersByTimeAsync(0);
const seqs = (conversation: Conversation) => conversation.transcript.rows.map(({ seq }) => seq);
const ack = (id: string, seq: number, session_id = 's1') =>
  ({ type: 'ack', id, session_id, message_id: `m${seq}`, seq, turn_id: 't1' }) as const;

describe('Conversation', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  test('history and live rows become one transcript, without doubles', async () => {
    const { conversation, exchange } = talk({}, () => ({ messages: rows(1, 4), next_before_id: null }));
    exchange.last.accepts();
    exchange.last.says(
      ready('s1', 4),
      { type: 'message', message: row(4) },
      { type: 'message', message: row(5) },
    );
    await settled();
    expect(seqs(conversation)).toEqual([1, 2, 3, 4, 5]);
  });

  test('an answer that is told again from its beginning is shown once', async () => {
    const { conversation, exchange } = talk();
    const turn = { type: 'turn', turn_id: 't1', session_id: 's1', status: 'running', attempt: 1 };
    const delta = (text: string) => ({ type: 'delta', turn_id: 't1', attempt: 1, text }) as const;
    exchange.last.accepts();
    exchange.last.says(ready('s1'), turn, delta('Hello '));
    exchange.last.says(ready('s1'), turn, delta('Hello '), delta('there'));
    await settled();
    expect(conversation.turns.running?.text).toBe('Hello there');
  });

  test('rows that came between the history and the greeting are fetched', async () => {
    let asked = 0;
    const { conversation, exchange } = talk({}, () => {
      asked += 1;
      return { messages: rows(1, asked === 1 ? 2 : 4), next_before_id: null };
    });
    exchange.last.accepts();
    exchange.last.says(ready('s1', 4));
    await settled();
    expect(seqs(conversation)).toEqual([1, 2, 3, 4]);
    expect(asked).toBe(2);
  });

  test('a gap is fetched', async () => {
    const pages: Record<string, Page> = {
      '': { messages: rows(1, 2), next_before_id: null },
      m9: { messages: rows(5, 8), next_before_id: 'm5' },
      m5: { messages: rows(1, 4), next_before_id: null },
    };
    const { conversation, exchange } = talk({}, (_, query) => pages[query.get('before_id') ?? ''] ?? 404);
    await settled();
    exchange.last.says(ready('s1', 9), { type: 'message', message: row(9) });
    await settled();
    expect(seqs(conversation)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  test('a gap that the gateway cannot fill does not go round in circles', async () => {
    let asked = 0;
    const { exchange } = talk({}, (_, query) => {
      asked += 1;
      return query.get('before_id') ? nothingYet : { messages: rows(1, 2), next_before_id: null };
    });
    await settled();
    exchange.last.accepts();
    exchange.last.says(ready('s1', 9), { type: 'message', message: row(9) });
    await vi.advanceTimersByTimeAsync(1_000);
    expect(asked).toBe(2);
  });

  test('a message is kept until it is acknowledged', async () => {
    const { conversation, exchange, store } = talk();
    await settled();
    exchange.last.says(ready('s1'));
    conversation.send('Hello');
    const id = exchange.last.heard('send')[0]?.id ?? '';
    expect(store.length).toBe(1);
    exchange.last.says(ack(id, 1));
    expect(store.length).toBe(0);
    expect(conversation.pending).toEqual([]);
    expect(conversation.transcript.rows[0]).toMatchObject({ seq: 1, content: 'Hello' });
  });

  test('a message that lost its acknowledgement is sent again with the same id', async () => {
    const { conversation, exchange } = talk();
    await settled();
    exchange.last.says(ready('s1'));
    conversation.send('Hello');
    const first = exchange.last.heard('send')[0];
    exchange.last.hangsUp(1012);
    await vi.advanceTimersByTimeAsync(5_000);
    exchange.last.says(ready('s1'));
    expect(exchange.wires).toHaveLength(2);
    expect(exchange.last.heard('send')[0]).toEqual(first);
  });

  test('what was written offline goes out in order after a refresh', async () => {
    const store = new MemoryStore();
    const before = talk({}, undefined, store);
    before.conversation.send('one');
    await vi.advanceTimersByTimeAsync(5);
    before.conversation.send('two');
    before.conversation.close();
    const { exchange } = talk({}, undefined, store);
    exchange.last.says(ready('s1'));
    expect(exchange.last.heard('send').map(({ text }) => text)).toEqual(['one', 'two']);
  });

  test('after a loss it says how far it has come', async () => {
    const { exchange } = talk({}, () => ({ messages: rows(1, 6), next_before_id: null }));
    await settled();
    exchange.last.hangsUp(1006);
    await vi.advanceTimersByTimeAsync(2_000);
    exchange.last.accepts();
    expect(exchange.last.heard('hello')[0]).toMatchObject({ session_id: 's1', after: 6 });
  });

  test('a refused message says why, and can be sent again', async () => {
    const { conversation, exchange } = talk();
    await settled();
    exchange.last.says(ready('s1'));
    conversation.send('Hello');
    const id = exchange.last.heard('send')[0]?.id ?? '';
    exchange.last.says({ type: 'error', code: 'rate_limited', message: 'Too fast.', id });
    expect(conversation.pending[0]?.problem).toBe('Too fast.');
    conversation.retry(id);
    expect(exchange.last.heard('send')).toHaveLength(2);
  });

  test('a message that the gateway cannot accept now is sent again over the next connection', async () => {
    const { conversation, exchange } = talk();
    await settled();
    exchange.last.says(ready('s1'));
    conversation.send('Hello');
    const [sent] = exchange.last.heard('send');
    exchange.last.says({ type: 'error', code: 'unavailable', message: 'Not now.', id: sent?.id ?? '' });
    expect([conversation.pending[0]?.problem, conversation.link]).toEqual([undefined, 'waiting']);
    await vi.advanceTimersByTimeAsync(5_000);
    exchange.last.says(ready('s1'));
    expect([exchange.wires.length, exchange.last.heard('send')]).toEqual([2, [sent]]);
  });

  test('a resumed session that is gone is forgotten, and another hello follows', async () => {
    const { exchange, opened } = talk();
    exchange.last.accepts();
    exchange.last.says({ type: 'error', code: 'not_found', message: 'No such session.' });
    expect(opened).toEqual([null]);
    expect(exchange.last.heard('hello')[1]).not.toHaveProperty('session_id');
  });

  test('a session that was asked for and is gone is missing', async () => {
    const { conversation, exchange, gone } = talk({ start: 'fresh' });
    exchange.last.accepts();
    exchange.last.says({ type: 'error', code: 'not_found', message: 'No such session.' });
    expect(conversation.history?.state).toBe('missing');
    expect(gone).toEqual(['s1']);
  });

  test('a session that is deleted is closed, and what was unsent is dropped', async () => {
    const { conversation, exchange, gone, store } = talk({ start: 'fresh' });
    await settled();
    exchange.last.says(ready('s1'));
    conversation.send('Hello');
    exchange.last.says({ type: 'session_deleted', session_id: 's1' });
    expect(conversation.history?.state).toBe('deleted');
    expect(gone).toEqual(['s1']);
    expect([conversation.pending, store.length]).toEqual([[], 0]);
    expect(conversation.transcript.rows).toEqual([]);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(exchange.wires).toHaveLength(1);
  });

  test('another session that is deleted changes nothing here', async () => {
    const { conversation, exchange, gone } = talk();
    await settled();
    exchange.last.says(ready('s1'), { type: 'session_deleted', session_id: 's2' });
    expect([conversation.history?.state, gone]).toEqual(['ready', []]);
  });

  test('what was being written goes along to the next conversation', async () => {
    const { conversation, exchange } = talk();
    await settled();
    exchange.last.says(ready('s1'));
    conversation.drafts.keep('s1', 'half a sen');
    exchange.last.says({ type: 'session_deleted', session_id: 's1' });
    conversation.anew();
    expect(exchange.wires).toHaveLength(2);
    exchange.last.accepts();
    expect(exchange.last.heard('hello')[0]).not.toHaveProperty('session_id');
    expect(conversation.drafts.at(conversation.place)).toBe('half a sen');
    expect(conversation.sessionId).toBeNull();
  });

  test('a message that finds no session asks whether there is one', async () => {
    let there = true;
    const { conversation, exchange, gone } = talk({}, (path) => {
      if (path.endsWith('/messages')) return nothingYet;
      return there ? session('s1') : 404;
    });
    await settled();
    exchange.last.says(ready('s1'));
    const refuse = () => {
      conversation.send('Hello');
      const id = exchange.last.heard('send').at(-1)?.id ?? '';
      exchange.last.says({ type: 'error', code: 'not_found', message: 'There is none.', id });
      return settled();
    };
    await refuse();
    expect([conversation.pending[0]?.problem, gone]).toEqual(['There is none.', []]);
    there = false;
    await refuse();
    expect([conversation.history?.state, gone]).toEqual(['deleted', ['s1']]);
  });

  test('a fresh chat makes its session with the first message, and not before', async () => {
    const asked: string[] = [];
    const { conversation, exchange, opened } = talk({ start: 'fresh', sessionId: null }, (path) => {
      asked.push(path);
      return path.endsWith('/messages') ? nothingYet : session('s9');
    });
    await settled();
    expect(asked).toEqual([]);
    expect(exchange.wires).toHaveLength(0);
    conversation.send('Hello');
    await settled();
    expect(opened).toEqual(['s9']);
    exchange.last.says(ready('s9'));
    expect(exchange.last.heard('send')[0]).toMatchObject({ text: 'Hello', session_id: 's9' });
  });

  test('a fresh chat tries again while the gateway is away', async () => {
    let away = true;
    const { conversation, opened } = talk({ start: 'fresh', sessionId: null }, (path) => {
      if (path.endsWith('/messages')) return nothingYet;
      return away ? 503 : session('s9');
    });
    conversation.send('Hello');
    await settled();
    expect(opened).toEqual([]);
    away = false;
    await vi.advanceTimersByTimeAsync(5_000);
    expect(opened).toEqual(['s9']);
  });

  test('a resumed chat learns its session from the acknowledgement', async () => {
    const { conversation, exchange, opened } = talk({ sessionId: null });
    exchange.last.says(ready(null));
    conversation.send('Hello');
    const frame = exchange.last.heard('send')[0];
    expect(frame).not.toHaveProperty('session_id');
    exchange.last.says(ack(frame?.id ?? '', 1, 's5'));
    expect(opened).toEqual(['s5']);
    expect(conversation.transcript.rows[0]?.content).toBe('Hello');
  });

  test('a command is answered by a notice and leaves no row', async () => {
    const { conversation, exchange } = talk();
    await settled();
    exchange.last.says(ready('s1'));
    conversation.send('/status');
    const id = exchange.last.heard('send')[0]?.id ?? '';
    exchange.last.says({ type: 'notice', text: 'All is well.', id });
    expect(conversation.pending).toEqual([]);
    expect(conversation.notices).toMatchObject([{ command: '/status', text: 'All is well.' }]);
    expect(conversation.transcript.rows).toEqual([]);
  });

  test('stop cancels the running turn', async () => {
    const { conversation, exchange } = talk();
    await settled();
    exchange.last.says(ready('s1'), {
      type: 'turn',
      turn_id: 't1',
      session_id: 's1',
      status: 'running',
      attempt: 1,
    });
    conversation.stop();
    expect(exchange.last.heard('cancel')).toEqual([{ type: 'cancel', turn_id: 't1' }]);
  });

  test('only live rows are news', async () => {
    const { arrived, exchange } = talk({}, () => ({ messages: rows(1, 4), next_before_id: null }));
    await settled();
    exchange.last.says(
      ready('s1', 4),
      { type: 'message', message: row(4) },
      { type: 'message', message: row(5) },
    );
    expect(arrived).toEqual([5]);
  });
});
