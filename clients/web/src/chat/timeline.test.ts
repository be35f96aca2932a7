import { describe, expect, test } from 'vitest';
import { LiveTurns } from '../protocol/live-turns.js';
import { row } from '../testing/wire.js';
import { type Entry, type TimelineSource, timeline } from './timeline.js';

function source(change: Partial<TimelineSource> = {}): TimelineSource {
  return {
    rows: [],
    live: [],
    pending: [],
    notices: [],
    status: () => undefined,
    ownId: () => undefined,
    isSending: () => false,
    ...change,
  };
}

const entries = (change: Partial<TimelineSource>) =>
  timeline(source(change)).filter((item): item is Entry => item.kind === 'entry');

describe('timeline', () => {
  test('a line stands between two days', () => {
    const kinds = timeline(
      source({
        rows: [
          row(1, { created_at: '2026-01-05T12:00:00Z' }),
          row(2, { created_at: '2026-01-05T12:00:05Z' }),
          row(3, { created_at: '2026-01-07T12:00:00Z' }),
        ],
      }),
    ).map(({ kind }) => kind);
    expect(kinds).toEqual(['day', 'entry', 'entry', 'day', 'entry']);
  });

  test('only the first of a run says who', () => {
    const rows = [
      row(1),
      row(2, { role: 'user' }),
      row(3, { role: 'user', created_at: '2026-01-05T12:30:00Z' }),
    ];
    expect(entries({ rows }).map(({ first }) => first)).toEqual([true, false, true]);
  });

  test('a reply keeps the key that it had while it streamed', () => {
    const turns = new LiveTurns();
    turns.delta({ type: 'delta', turn_id: 't1', attempt: 1, text: 'Hel' });
    const live = entries({ live: turns.all });
    const recorded = entries({ rows: [row(1), row(2, { turn_id: 't1' })] });
    expect(recorded[1]?.key).toBe(live[0]?.key);
  });

  test('a question does not take the key of the reply to come', () => {
    const parts = [{ type: 'data-approval', data: { choices: ['Yes'] } }];
    const rows = [row(1), row(2, { turn_id: 't1', parts })];
    const turns = new LiveTurns();
    turns.delta({ type: 'delta', turn_id: 't1', attempt: 2, text: 'Done' });
    expect(new Set(entries({ rows, live: turns.all }).map(({ key }) => key)).size).toBe(3);
  });

  test('a message keeps the key that it had before it was acknowledged', () => {
    const pending = entries({ pending: [{ id: 'mine', text: 'Hi', createdAt: '2026-01-05T12:00:00Z' }] });
    const recorded = entries({ rows: [row(1)], ownId: () => 'mine' });
    expect(recorded[0]?.key).toBe(pending[0]?.key);
  });

  test.each([
    [{ isSending: () => true }, undefined, 'sending'],
    [{}, undefined, 'waiting'],
    [{}, 'Too long.', 'failed'],
  ])('an unsent message says where it is (%#)', (change, problem, state) => {
    const item = {
      id: 'mine',
      text: 'Hi',
      createdAt: '2026-01-05T12:00:00Z',
      ...(problem ? { problem } : {}),
    };
    expect(entries({ pending: [item], ...change })[0]?.state).toBe(state);
  });

  test('a sent message says so until it is answered', () => {
    expect(entries({ rows: [row(1)] })[0]?.state).toBe('sent');
    expect(entries({ rows: [row(1)], status: () => 'queued' })[0]?.state).toBe('queued');
    expect(entries({ rows: [row(1), row(2)] })[0]?.state).toBeNull();
  });

  test('an apology is shown as one, also when nobody remembers how its turn ended', () => {
    const rows = [row(1), row(2, { kind: 'apology' })];
    expect(entries({ rows })[1]?.state).toBe('apology');
    expect(entries({ rows, status: () => 'failed' })[1]?.state).toBe('failed');
  });

  test('a notice stays where it came', () => {
    const notice = { key: 'n', text: 'Done', command: '/title x', afterSeq: 2 };
    const kinds = timeline(source({ rows: [row(1), row(2), row(3)], notices: [notice] })).map(
      ({ kind }) => kind,
    );
    expect(kinds).toEqual(['day', 'entry', 'entry', 'notice', 'entry']);
  });

  test('what was taken back is left out', () => {
    const rows = [
      row(1),
      row(2, { deleted: true, taken_back: true, content: '' }),
      row(3, { role: 'assistant' }),
    ];
    expect(entries({ rows }).map(({ key }) => key)).toEqual(['m1', 'turn:t2']);
  });

  test('what is answered again is not answered yet', () => {
    const rows = [row(1, { turn_id: 't1' }), row(2, { turn_id: 't1', deleted: true, taken_back: true })];
    expect(entries({ rows })[0]?.state).toBe('sent');
  });

  test('deleted messages fold into one line where nothing stands between them', () => {
    const gone = { deleted: true, content: '' };
    const rows = [
      row(1, gone),
      row(2, gone),
      row(3, { ...gone, taken_back: true }),
      row(4, gone),
      row(5),
      row(6, gone),
    ];
    expect(entries({ rows }).map(({ deleted }) => deleted)).toEqual([3, 0, 1]);
  });

  test('a notice between deleted messages keeps them apart', () => {
    const gone = { deleted: true, content: '' };
    const notice = { key: 'n', text: 'Done', command: null, afterSeq: 1 };
    const found = timeline(source({ rows: [row(1, gone), row(2, gone)], notices: [notice] }));
    expect(found.map(({ kind }) => kind)).toEqual(['day', 'entry', 'notice', 'entry']);
  });

  test('a row without parts speaks through its content', () => {
    expect(entries({ rows: [row(1)] })[0]?.parts).toEqual([{ type: 'text', text: 'text 1' }]);
  });
});
