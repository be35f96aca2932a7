import { expect, test } from 'vitest';
import { row } from '../testing/wire.js';
import type { Message } from '../wire/types.js';
import { timeline } from './timeline.js';

const instructions = { type: 'data-system', data: { text: 'Be kind.' } };

function shown(rows: Message[]): string[] {
  const nobody = () => undefined;
  const source = {
    live: [],
    pending: [],
    notices: [],
    status: nobody,
    ownId: nobody,
    isSending: () => false,
  };
  const items = timeline({ rows, ...source });
  return items.flatMap((item) => (item.kind === 'entry' ? [`${item.role} ${item.first}`] : []));
}

test('a row of before that is nothing but data is no bubble', () => {
  const silent = row(1, { role: 'assistant', content: '', parts: [instructions], turn_id: null });
  expect(shown([silent, row(2, { role: 'assistant', turn_id: null })])).toEqual(['assistant true']);
});

test('data beside a text, a tombstone and a reply that came to nothing are shown', () => {
  const text = { type: 'text', text: 'Hello' };
  const rows = [
    row(1, { role: 'user', content: 'Hello', parts: [instructions, text] }),
    row(2, { role: 'assistant', content: '', parts: [], deleted: true, turn_id: null }),
    row(3, { role: 'assistant', content: '', parts: [], turn_id: 't1' }),
  ];
  expect(shown(rows)).toHaveLength(3);
});
