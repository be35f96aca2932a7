import { html, LitElement, nothing, type TemplateResult } from 'lit';
import { property, state } from 'lit/decorators.js';
import { Check, Copy } from 'lucide';
import { copyText } from '../markdown/decorate.js';
import {
  type ApprovalPart,
  isApproval,
  isChoices,
  isLink,
  isReasoning,
  isText,
  isTool,
  type Part,
} from '../protocol/model.js';
import { base, buttons } from '../styles/base.js';
import { define } from '../styles/define.js';
import { icon } from '../styles/icon.js';
import { clock, exact } from '../text/time.js';
import '../markdown/turn-markdown.js';
import { links, reasoningLine } from './beside.js';
import { channelHues, channelIcon } from './channel-face.js';
import { approvalButtons, quickReplies } from './choice-buttons.js';
import { messageStyles } from './message-styles.js';
import { stateLine } from './state-line.js';
import { type Entry, sameEntry } from './timeline.js';
import { toolLine } from './tool-line.js';

/** The answer to an agent's question. */
export interface Choice {
  readonly approvalId: string;
  readonly choice: string;
}

/** One message: a user's in a bubble at the side, the agent's as text on the page. */
@define('turn-message')
export class TurnMessage extends LitElement {
  static override styles = [base, buttons, channelHues, messageStyles];

  @property({ attribute: false, hasChanged: (now: Entry, before: Entry) => !sameEntry(before, now) })
  entry!: Entry;
  @property() author = '';
  /** Whether it is the last one: only its quick replies are shown. */
  @property({ attribute: false }) latest = false;
  @state() private copied = false;

  override render() {
    const { role, first, deleted, pendingId } = this.entry;
    const time = first ? this.#meta() : this.#aside();
    return html`<article class="${role} ${first ? 'first' : ''}" aria-label=${this.author} ?data-unsent=${pendingId !== null}>
      ${first ? time : nothing}
      ${deleted > 0 ? this.#gone(deleted) : role === 'user' ? this.#bubble() : this.#answer()}
      ${stateLine(this.entry, (name) => this.#act(name))} ${this.#copyButton()} ${first ? nothing : time}
    </article>`;
  }

  get #text(): string {
    return this.entry.parts
      .filter(isText)
      .map((part) => part.text)
      .join('\n\n');
  }

  #meta(): TemplateResult {
    const { at, channel } = this.entry;
    return html`<header class="meta">
      <span class="author" dir="auto">${this.author}</span>
      ${channel ? channelIcon(channel, 14) : nothing}
      ${
        at
          ? html`<time datetime=${at} tabindex="0" aria-label=${exact(at)}
            ><span class="short">${clock(at)}</span><span class="long">${exact(at)}</span></time
          >`
          : nothing
      }
    </header>`;
  }

  #aside(): TemplateResult | typeof nothing {
    const { at } = this.entry;
    return at ? html`<time class="aside" datetime=${at} tabindex="0">${exact(at)}</time>` : nothing;
  }

  #gone(count: number): TemplateResult {
    return html`<p class="gone">${count === 1 ? 'This message was deleted.' : `${count} messages were deleted.`}</p>`;
  }

  #bubble(): TemplateResult {
    // No whitespace between the tags: it would become part of the message.
    return html`<div class="bubble" dir="auto">${this.#text}</div>`;
  }

  #answer(): TemplateResult {
    const text = this.#text;
    return html`<div class="answer">
      ${this.entry.parts.map((part) => this.#step(part))}
      ${text ? html`<turn-markdown .text=${text}></turn-markdown>` : nothing}
      ${links(this.entry.parts.filter(isLink))} ${this.#handoff()}
      ${this.entry.parts.map((part) => this.#ask(part))}
    </div>`;
  }

  #step(part: Part): TemplateResult | typeof nothing {
    if (isTool(part)) return toolLine(part);
    return isReasoning(part) ? reasoningLine(part) : nothing;
  }

  #ask(part: Part): TemplateResult | typeof nothing {
    if (isApproval(part)) return approvalButtons(part, (choice) => this.#choose(part, choice));
    return isChoices(part) && this.latest ? quickReplies(part, (text) => this.#tell('say', text)) : nothing;
  }

  #choose(part: ApprovalPart, choice: string): void {
    this.#tell('choose', { approvalId: part.data.approvalId, choice } satisfies Choice);
  }

  #handoff(): TemplateResult | typeof nothing {
    const asked = this.entry.parts.some((part) => part.type === 'data-handoff');
    return asked ? html`<p class="handoff">The agent asked for a person to continue.</p>` : nothing;
  }

  #copyButton(): TemplateResult | typeof nothing {
    const { role, state, deleted } = this.entry;
    const text = this.#text;
    const answered = state !== 'running' && state !== 'failed' && state !== 'apology';
    if (role === 'user' || deleted > 0 || text === '' || !answered) return nothing;
    return html`<button class="copy" type="button" @click=${() => void this.#copy(text)}>
      ${icon(this.copied ? Check : Copy, 14)}${this.copied ? 'Copied' : 'Copy'}
    </button>`;
  }

  async #copy(text: string): Promise<void> {
    this.copied = await copyText(text);
    setTimeout(() => {
      this.copied = false;
    }, 1500);
  }

  #act(name: 'retry' | 'discard'): void {
    this.#tell(name, this.entry.pendingId);
  }

  #tell(name: 'retry' | 'discard' | 'choose' | 'say', detail: unknown): void {
    this.dispatchEvent(new CustomEvent(`turn-${name}`, { detail, bubbles: true, composed: true }));
  }
}
