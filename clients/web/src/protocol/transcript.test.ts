import { describe, expect, test } from 'vitest';
import { row, rows } from '../testing/wire.js';
import { Transcript } from './transcript.js';

const seqs = (transcript: Transcript) => transcript.rows.map(({ seq }) => seq);

describe('Transcript', () => {
  test('keeps each row once, in order, from wherever it came', () => {
    const transcript = new Transcript();
    for (const seq of [3, 1, 2, 3, 2]) transcript.add(row(seq));
    expect(seqs(transcript)).toEqual([1, 2, 3]);
  });

  test('tells a new row from one that is known', () => {
    const transcript = new Transcript();
    expect(transcript.add(row(1))).toBe(true);
    expect(transcript.add(row(1, { content: 'edited' }))).toBe(false);
    expect(transcript.rows[0]?.content).toBe('edited');
  });

  test('finds the newest hole', () => {
    const transcript = new Transcript();
    for (const seq of [1, 2, 5, 6, 9]) transcript.add(row(seq));
    expect(transcript.hole()).toEqual({ beforeId: 'm9' });
    for (const seq of [7, 8]) transcript.add(row(seq));
    expect(transcript.hole()).toEqual({ beforeId: 'm5' });
    for (const seq of [3, 4]) transcript.add(row(seq));
    expect(transcript.hole()).toBeNull();
  });

  test('an older page moves the cursor, a page that fills a hole does not', () => {
    const transcript = new Transcript();
    transcript.addPage({ messages: rows(41, 50), next_before_id: 'm41' });
    transcript.add(row(60));
    transcript.addPage({ messages: rows(45, 59), next_before_id: 'm45' });
    expect(transcript.older).toBe('m41');
    transcript.addPage({ messages: rows(1, 40), next_before_id: null });
    expect(transcript.older).toBeNull();
    expect(seqs(transcript)).toEqual(Array.from({ length: 60 }, (_, at) => at + 1));
  });

  test('knows where it stands', () => {
    const transcript = new Transcript();
    expect(transcript.lastSeq).toBeUndefined();
    transcript.addPage({ messages: [], next_before_id: null });
    expect(transcript.lastSeq).toBe(0);
    transcript.add(row(1));
    expect(transcript.lastSeq).toBe(1);
  });
});
