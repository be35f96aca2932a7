import type { ServerFrame } from '../wire/types.js';

const known: ReadonlySet<string> = new Set<ServerFrame['type']>([
  'ready',
  'ack',
  'turn',
  'delta',
  'tool',
  'reasoning',
  'status',
  'part',
  'error',
  'session',
  'session_deleted',
  'message',
  'message_changed',
  'notice',
  'pong',
]);

/** The frame in `text`, or null for an unknown one from a newer gateway. */
export function parseFrame(text: string): ServerFrame | null {
  try {
    const frame: unknown = JSON.parse(text);
    return isFrame(frame) ? frame : null;
  } catch {
    return null;
  }
}

function isFrame(value: unknown): value is ServerFrame {
  return (
    typeof value === 'object' &&
    value !== null &&
    'type' in value &&
    typeof value.type === 'string' &&
    known.has(value.type)
  );
}
