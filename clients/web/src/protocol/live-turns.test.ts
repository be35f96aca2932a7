import { describe, expect, test } from 'vitest';
import { row } from '../testing/wire.js';
import { LiveTurns } from './live-turns.js';

const turn = (status: 'queued' | 'running' | 'waiting' | 'completed' | 'cancelled', attempt = 1) =>
  ({ type: 'turn', turn_id: 't1', session_id: 's1', status, attempt }) as const;
const delta = (text: string, attempt = 1) => ({ type: 'delta', turn_id: 't1', attempt, text }) as const;

describe('LiveTurns', () => {
  test('deltas add up', () => {
    const turns = new LiveTurns();
    turns.turn(turn('running'));
    turns.delta(delta('Hel'));
    turns.delta(delta('lo'));
    expect(turns.running?.text).toBe('Hello');
  });

  test('a new attempt discards earlier deltas, and late ones of the old attempt', () => {
    const turns = new LiveTurns();
    turns.delta(delta('wrong'));
    turns.turn(turn('running', 2));
    turns.delta(delta('late', 1));
    turns.delta(delta('right', 2));
    expect(turns.running).toMatchObject({ attempt: 2, text: 'right' });
  });

  test('the text stays until the reply is recorded, whichever comes first', () => {
    const turns = new LiveTurns();
    turns.delta(delta('Hello'));
    turns.turn(turn('completed'));
    expect(turns.running).toBeUndefined();
    expect(turns.all[0]?.text).toBe('Hello');
    turns.recorded(row(2, { turn_id: 't1' }));
    expect(turns.all).toEqual([]);
    turns.delta(delta('late'));
    expect(turns.all).toEqual([]);
  });

  test('a turn that asked streams again after the answer', () => {
    const turns = new LiveTurns();
    turns.delta(delta('May I?'));
    turns.recorded(row(2, { turn_id: 't1' }));
    turns.turn(turn('waiting'));
    expect(turns.all).toMatchObject([{ status: 'waiting', text: '' }]);
    turns.turn(turn('running', 2));
    turns.delta(delta('Done', 2));
    expect(turns.running?.text).toBe('Done');
    turns.recorded(row(4, { turn_id: 't1' }));
    expect(turns.all).toEqual([]);
  });

  test('remembers that a turn was stopped', () => {
    const turns = new LiveTurns();
    turns.delta(delta('Half'));
    turns.turn(turn('cancelled'));
    turns.recorded(row(2, { turn_id: 't1' }));
    expect(turns.status('t1')).toBe('cancelled');
  });

  test('reasoning, what the agent does, and parts beside the text are kept apart from it', () => {
    const turns = new LiveTurns();
    const about = { turn_id: 't1', attempt: 1 } as const;
    const page = { type: 'source-url', sourceId: 'u', url: 'https://gate.example' };
    turns.doing({ type: 'status', ...about, text: 'Searching…' });
    turns.reasoning({ type: 'reasoning', ...about, text: 'Hm, ' });
    turns.reasoning({ type: 'reasoning', ...about, text: 'gates.' });
    turns.part({ type: 'part', ...about, part: page });
    turns.part({ type: 'part', ...about, part: page });
    expect(turns.running).toMatchObject({
      text: '',
      reasoning: 'Hm, gates.',
      doing: 'Searching…',
      beside: [page],
    });
    turns.delta(delta('A gate.'));
    expect(turns.running).toMatchObject({ text: 'A gate.', doing: '' });
  });

  test('a tool’s input grows until the call has all of it', () => {
    const turns = new LiveTurns();
    const about = { type: 'tool', turn_id: 't1', attempt: 1, call_id: 'c', name: 'clock' } as const;
    turns.tool({ ...about, state: 'input', text: '{"zone"' });
    turns.tool({ ...about, state: 'input', text: ':"UTC"}' });
    expect(turns.running?.tools).toMatchObject([{ state: 'input-streaming', input: '{"zone":"UTC"}' }]);
    turns.tool({ ...about, state: 'call', input: { zone: 'UTC' } });
    expect(turns.running?.tools).toMatchObject([{ state: 'input-available', input: { zone: 'UTC' } }]);
  });

  test('a tool’s result takes the place of its call', () => {
    const turns = new LiveTurns();
    const about = { type: 'tool', turn_id: 't1', attempt: 1, call_id: 'c', name: 'clock' } as const;
    turns.tool({ ...about, state: 'call', input: { zone: 'UTC' } });
    turns.tool({ ...about, state: 'result', output: '12:00', failed: false });
    expect(turns.running?.tools).toEqual([
      {
        type: 'tool-clock',
        toolCallId: 'c',
        state: 'output-available',
        input: { zone: 'UTC' },
        output: '12:00',
      },
    ]);
  });
});
