import type { Message, TurnFrame } from '../wire/types.js';

/** Names for parts of the wire types. */
export type Channel = Message['channel'];
export type TurnStatus = TurnFrame['status'];
export type Part = Message['parts'][number];

export interface TextPart extends Part {
  readonly type: 'text';
  readonly text: string;
}

/** A tool call, as in AI SDK's UIMessage: the tool's name follows `tool-`. */
export interface ToolPart extends Part {
  readonly type: `tool-${string}`;
  readonly toolCallId?: string;
  readonly state?: string;
  readonly input?: unknown;
  readonly output?: unknown;
  readonly errorText?: string;
}

/** The model's reasoning. */
export interface ReasoningPart extends Part {
  readonly type: 'reasoning';
  readonly text: string;
}

/** A page that the answer relies on, or a file. */
export interface LinkPart extends Part {
  readonly type: 'source-url' | 'file';
  readonly url: string;
  readonly title?: string;
  readonly filename?: string;
  readonly mediaType?: string;
}

/** An agent's question that its turn waits for. */
export interface ApprovalPart extends Part {
  readonly type: 'data-approval';
  readonly data: {
    readonly approvalId: string;
    readonly prompt: string;
    readonly choices: readonly string[];
    readonly state: 'open' | 'answered' | 'closed';
    readonly answer: string | null;
    readonly expired: boolean;
    readonly tool: string;
    readonly input: unknown;
  };
}

/** Quick replies. */
export interface ChoicesPart extends Part {
  readonly type: 'data-choices';
  readonly data: { readonly choices: readonly string[] };
}

export function isApproval(part: Part): part is ApprovalPart {
  return part.type === 'data-approval' && hasChoices(part.data);
}

export function isChoices(part: Part): part is ChoicesPart {
  return part.type === 'data-choices' && hasChoices(part.data);
}

function hasChoices(data: unknown): boolean {
  return typeof data === 'object' && data !== null && 'choices' in data && Array.isArray(data.choices);
}

export function isReasoning(part: Part): part is ReasoningPart {
  return part.type === 'reasoning' && typeof part.text === 'string';
}

export function isLink(part: Part): part is LinkPart {
  return (part.type === 'source-url' || part.type === 'file') && typeof part.url === 'string';
}

export function isText(part: Part): part is TextPart {
  return part.type === 'text' && typeof part.text === 'string';
}

export function isTool(part: Part): part is ToolPart {
  return typeof part.type === 'string' && part.type.startsWith('tool-');
}
