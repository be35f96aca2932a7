import type {
  DeltaFrame,
  Message,
  PartFrame,
  ReasoningFrame,
  StatusFrame,
  ToolFrame,
  TurnFrame,
} from '../wire/types.js';
import type { Part, ToolPart, TurnStatus } from './model.js';

/** A turn without a recorded reply, with the agent's answer so far. */
export interface LiveTurn {
  readonly turnId: string;
  readonly attempt: number;
  readonly status: TurnStatus;
  readonly text: string;
  readonly reasoning: string;
  readonly tools: readonly ToolPart[];
  /** Pages, files and data beside the text. */
  readonly beside: readonly Part[];
  /** What the agent is doing, until it says something. */
  readonly doing: string;
}

const nothingYet = { text: '', reasoning: '', tools: [], beside: [], doing: '' } as const;

/** The open turns, and the outcome of those that didn't complete normally. */
export class LiveTurns {
  readonly #turns = new Map<string, LiveTurn>();
  readonly #ended = new Map<string, TurnStatus>();

  get all(): readonly LiveTurn[] {
    return [...this.#turns.values()];
  }

  /** The turn that the stop button stops. */
  get running(): LiveTurn | undefined {
    return (
      this.all.find((turn) => turn.status === 'running') ?? this.all.find((turn) => turn.status === 'queued')
    );
  }

  status(turnId: string): TurnStatus | undefined {
    return this.#turns.get(turnId)?.status ?? this.#ended.get(turnId);
  }

  turn(frame: TurnFrame): void {
    if (frame.status === 'waiting') this.#wait(frame.turn_id, frame.attempt);
    const known = this.#turns.get(frame.turn_id);
    if (this.#ended.has(frame.turn_id) || (!known && isOver(frame.status))) {
      this.#ended.set(frame.turn_id, frame.status);
      return;
    }
    const turn = this.#at(frame.turn_id, frame.attempt);
    if (frame.attempt < turn.attempt) return;
    this.#turns.set(frame.turn_id, { ...turn, status: frame.status });
  }

  /** The row of its question has ended the attempt; the answer begins another one. */
  #wait(turnId: string, attempt: number): void {
    const outcome = this.#ended.get(turnId);
    if (outcome && outcome !== 'completed') return;
    this.#ended.delete(turnId);
    this.#turns.set(turnId, { turnId, attempt, status: 'waiting', ...nothingYet });
  }

  delta(frame: DeltaFrame): void {
    this.#grow(frame.turn_id, frame.attempt, (turn) => ({ text: turn.text + frame.text, doing: '' }));
  }

  reasoning(frame: ReasoningFrame): void {
    this.#grow(frame.turn_id, frame.attempt, (turn) => ({ reasoning: turn.reasoning + frame.text }));
  }

  doing(frame: StatusFrame): void {
    this.#grow(frame.turn_id, frame.attempt, () => ({ doing: frame.text }));
  }

  part(frame: PartFrame): void {
    const part = frame.part as Part;
    this.#grow(frame.turn_id, frame.attempt, (turn) => ({
      beside: [...turn.beside.filter((before) => !replaces(part, before)), part],
    }));
  }

  tool(frame: ToolFrame): void {
    this.#grow(frame.turn_id, frame.attempt, (turn) => ({
      tools: replaced(turn.tools, asPart(frame, turn.tools)),
    }));
  }

  /** Ends the turn of a recorded row, if the row is the reply. */
  recorded(message: Message): void {
    if (message.role !== 'assistant' || message.turn_id === null) return;
    const status = this.#turns.get(message.turn_id)?.status ?? this.#ended.get(message.turn_id);
    this.#turns.delete(message.turn_id);
    this.#ended.set(message.turn_id, status && isOver(status) ? status : 'completed');
  }

  /** Removes a turn that nobody is answering any more. */
  forget(turnId: string): void {
    this.#turns.delete(turnId);
  }

  /** Discards running answers after a lost connection, because they may have gaps. */
  interrupted(): void {
    for (const [id, turn] of this.#turns) {
      if (isOver(turn.status)) this.#turns.delete(id);
      else this.#turns.set(id, { ...turn, ...nothingYet });
    }
  }

  #grow(turnId: string, attempt: number, change: (turn: LiveTurn) => Partial<LiveTurn>): void {
    if (this.#ended.has(turnId)) return;
    const turn = this.#at(turnId, attempt);
    if (attempt < turn.attempt) return;
    const status = isOver(turn.status) ? turn.status : 'running';
    this.#turns.set(turnId, { ...turn, status, ...change(turn) });
  }

  /** The turn at `attempt`; a later attempt starts with an empty answer. */
  #at(turnId: string, attempt: number): LiveTurn {
    const known = this.#turns.get(turnId);
    if (known && attempt <= known.attempt) return known;
    return { turnId, attempt, status: known?.status ?? 'queued', ...nothingYet };
  }
}

export function isOver(status: TurnStatus): boolean {
  return status === 'completed' || status === 'failed' || status === 'cancelled';
}

function asPart(frame: ToolFrame, tools: readonly ToolPart[]): ToolPart {
  const part = { type: `tool-${frame.name}`, toolCallId: frame.call_id } as const;
  if (frame.state === 'input') {
    const before = tools.find((tool) => tool.toolCallId === frame.call_id)?.input ?? '';
    return { ...part, state: 'input-streaming', input: `${before}${frame.text}` };
  }
  if (frame.state === 'call') return { ...part, state: 'input-available', input: frame.input };
  return { ...part, state: frame.failed ? 'output-error' : 'output-available', output: frame.output };
}

/** As in gateway/core/turns/parts.py. */
function replaces(later: Part, part: Part): boolean {
  const key = String(part.type).startsWith('data-') ? 'id' : 'url';
  return later.type === part.type && part[key] !== undefined && later[key] === part[key];
}

function replaced(tools: readonly ToolPart[], part: ToolPart): readonly ToolPart[] {
  const at = tools.findIndex((tool) => tool.toolCallId === part.toolCallId);
  return at < 0 ? [...tools, part] : tools.with(at, { ...tools[at], ...part });
}
