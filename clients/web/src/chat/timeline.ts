import { isOver, type LiveTurn } from '../protocol/live-turns.js';
import { type Channel, isApproval, isText, isTool, type Part, type TurnStatus } from '../protocol/model.js';
import type { Outgoing } from '../protocol/outbox.js';
import { sameDay } from '../text/time.js';
import type { Message } from '../wire/types.js';
import type { Notice } from './conversation.js';

/** `state-line.ts` has the words for these. */
export type EntryState =
  | 'waiting'
  | 'sending'
  | 'sent'
  | 'queued'
  | 'running'
  | 'stopped'
  | 'failed'
  | 'apology';

/** A message by anyone, recorded or not. */
export interface Entry {
  readonly kind: 'entry';
  readonly key: string;
  readonly role: Message['role'];
  readonly parts: readonly Part[];
  readonly at: string | null;
  readonly channel: Channel | null;
  /** Whether it is the first of a run by the same author, and so shows the author. */
  readonly first: boolean;
  readonly state: EntryState | null;
  readonly problem: string | null;
  /** The client's id of an unrecorded message. */
  readonly pendingId: string | null;
  /** How many deleted messages in a row this line stands for. */
  readonly deleted: number;
  readonly attempt: number;
  /** What the agent is doing. */
  readonly doing?: string;
}

export interface DayLine {
  readonly kind: 'day';
  readonly key: string;
  readonly at: string;
}

export interface NoticeLine {
  readonly kind: 'notice';
  readonly key: string;
  readonly notice: Notice;
}

export type Item = Entry | DayLine | NoticeLine;

export interface TimelineSource {
  readonly rows: readonly Message[];
  readonly live: readonly LiveTurn[];
  readonly pending: readonly Outgoing[];
  readonly notices: readonly Notice[];
  status(turnId: string): TurnStatus | undefined;
  ownId(messageId: string): string | undefined;
  isSending(id: string): boolean;
}

const runLasts = 5 * 60_000;

/** All visible entries from top to bottom: rows, then running answers, then unsent messages. */
export function timeline(source: TimelineSource): Item[] {
  const entries = [...rowEntries(source), ...source.live.map(liveEntry), ...pendingEntries(source)];
  return arranged(entries, source);
}

interface Placed {
  readonly entry: Omit<Entry, 'first'>;
  readonly seq: number;
}

function rowEntries(source: TimelineSource): Placed[] {
  const rows = source.rows.filter((row) => !row.taken_back && isSaid(row));
  const answered = new Set(rows.filter((row) => row.role === 'assistant').map((row) => row.turn_id));
  const last = rows.at(-1);
  const taken = new Set<string>();
  const placed = rows.map((row) => {
    const open = row.role === 'user' && !(row.turn_id && answered.has(row.turn_id));
    const key = rowKey(row, source, taken);
    const entry = rowEntry(row, key, open ? ownState(row, source, row === last) : replyState(row, source));
    return { entry, seq: row.seq };
  });
  return folded(placed, source.notices);
}

/** Joins consecutive deleted messages into one line. */
function folded(placed: readonly Placed[], notices: readonly Notice[]): Placed[] {
  const folds: Placed[] = [];
  for (const { entry, seq } of placed) {
    const before = folds.at(-1);
    const apart = notices.some(({ afterSeq }) => before && afterSeq >= before.seq && afterSeq < seq);
    if (before && !apart && before.entry.deleted > 0 && entry.deleted > 0 && sameDate(before.entry, entry))
      folds[folds.length - 1] = {
        entry: { ...before.entry, deleted: before.entry.deleted + entry.deleted },
        seq,
      };
    else folds.push({ entry, seq });
  }
  return folds;
}

function sameDate(a: Omit<Entry, 'first'>, b: Omit<Entry, 'first'>): boolean {
  return a.at !== null && b.at !== null && sameDay(a.at, b.at);
}

/** False for a row from before turns that contains only data, such as another system's instructions. */
function isSaid(row: Message): boolean {
  if (row.role === 'user' || row.deleted || row.turn_id) return true;
  return partsOf(row).some((part) => isTool(part) || (isText(part) && part.text !== ''));
}

/** A row keeps the key it had before it was recorded, so that its element stays the same. */
function rowKey(row: Message, source: TimelineSource, taken: Set<string>): string {
  const isReply = row.role === 'assistant' && row.turn_id !== null && !partsOf(row).some(isApproval);
  const wished = isReply ? `turn:${row.turn_id}` : (source.ownId(row.id) ?? row.id);
  const key = taken.has(wished) ? row.id : wished;
  taken.add(key);
  return key;
}

function rowEntry(row: Message, key: string, state: EntryState | null): Omit<Entry, 'first'> {
  return {
    kind: 'entry',
    key,
    role: row.role,
    parts: partsOf(row),
    at: row.created_at,
    channel: row.channel,
    state: row.deleted ? null : state,
    problem: null,
    pendingId: null,
    deleted: row.deleted ? 1 : 0,
    attempt: 1,
  };
}

/** What the author sees for a message without a reply. */
function ownState(row: Message, source: TimelineSource, last: boolean): EntryState | null {
  const status = row.turn_id ? source.status(row.turn_id) : undefined;
  if (status === 'queued') return 'queued';
  if (status === 'failed') return 'failed';
  if (status === 'cancelled') return 'stopped';
  return last ? 'sent' : null;
}

function replyState(row: Message, source: TimelineSource): EntryState | null {
  if (row.role !== 'assistant' || !row.turn_id) return null;
  const status = source.status(row.turn_id);
  if (status === 'failed') return 'failed';
  if (status === 'cancelled') return 'stopped';
  // The outcome of a turn is temporary; an apology is part of the row.
  return row.kind === 'apology' ? 'apology' : null;
}

function liveEntry(turn: LiveTurn): Placed {
  const reasoning: Part[] = turn.reasoning ? [{ type: 'reasoning', text: turn.reasoning }] : [];
  const text: Part[] = turn.text ? [{ type: 'text', text: turn.text }] : [];
  const entry = {
    kind: 'entry',
    key: `turn:${turn.turnId}`,
    role: 'assistant',
    parts: [...reasoning, ...turn.tools, ...text, ...turn.beside],
    at: null,
    channel: null,
    state: isOver(turn.status) ? (turn.status === 'cancelled' ? 'stopped' : null) : 'running',
    problem: null,
    pendingId: null,
    deleted: 0,
    attempt: turn.attempt,
    doing: turn.doing,
  } as const;
  return { entry, seq: Number.MAX_SAFE_INTEGER };
}

function pendingEntries(source: TimelineSource): Placed[] {
  return source.pending.map((item) => ({
    entry: {
      kind: 'entry',
      key: item.id,
      role: 'user',
      parts: [{ type: 'text', text: item.text }],
      at: item.createdAt,
      channel: 'web',
      state: item.problem !== undefined ? 'failed' : source.isSending(item.id) ? 'sending' : 'waiting',
      problem: item.problem ?? null,
      pendingId: item.id,
      deleted: 0,
      attempt: 1,
    },
    seq: Number.MAX_SAFE_INTEGER,
  }));
}

/** Adds day lines and notices, and marks where runs begin. */
function arranged(placed: readonly Placed[], source: TimelineSource): Item[] {
  const items: Item[] = [];
  const notices = [...source.notices];
  let before: Omit<Entry, 'first'> | null = null;
  for (const { entry, seq } of placed) {
    while (notices[0] && notices[0].afterSeq < seq) {
      items.push(noticeLine(notices.shift() as Notice));
      before = null;
    }
    if (entry.at && (!before?.at || !sameDay(before.at, entry.at)) && needsDay(items, entry.at)) {
      items.push({ kind: 'day', key: `day:${entry.at.slice(0, 10)}:${entry.key}`, at: entry.at });
      before = null;
    }
    items.push({ ...entry, first: entry.deleted === 0 && !continues(before, entry) });
    before = entry;
  }
  return [...items, ...notices.map(noticeLine)];
}

function needsDay(items: readonly Item[], at: string): boolean {
  const last = items.findLast((item) => (item.kind === 'entry' && item.at) || item.kind === 'day');
  return !last || last.kind === 'notice' || !last.at || !sameDay(last.at, at);
}

function continues(before: Omit<Entry, 'first'> | null, entry: Omit<Entry, 'first'>): boolean {
  if (!before || before.deleted > 0 || before.role !== entry.role) return false;
  if (before.channel && entry.channel && before.channel !== entry.channel) return false;
  if (!before.at || !entry.at) return true;
  return new Date(entry.at).getTime() - new Date(before.at).getTime() < runLasts;
}

function noticeLine(notice: Notice): NoticeLine {
  return { kind: 'notice', key: `notice:${notice.key}`, notice };
}

const partsByRow = new WeakMap<Message, readonly Part[]>();

/** The row's parts, or its content if none of them is text. Returns the same array for the same row. */
function partsOf(row: Message): readonly Part[] {
  const known = partsByRow.get(row);
  if (known) return known;
  const { parts } = row;
  const spoken = !row.content || parts.some((part) => part.type === 'text');
  const made = spoken ? parts : [...parts, { type: 'text', text: row.content }];
  partsByRow.set(row, made);
  return made;
}

/** True if `b` looks the same as `a`. */
export function sameEntry(a: Entry | undefined, b: Entry | undefined): boolean {
  if (!a || !b) return a === b;
  const keys = Object.keys(b) as (keyof Entry)[];
  return keys.every((key) => (key === 'parts' ? sameParts(a.parts, b.parts) : a[key] === b[key]));
}

function sameParts(a: readonly Part[], b: readonly Part[]): boolean {
  return a === b || (a.length === b.length && a.every((part, at) => samePart(part, b[at])));
}

function samePart(a: Part, b: Part | undefined): boolean {
  return a === b || (b !== undefined && isText(a) && isText(b) && a.text === b.text);
}
