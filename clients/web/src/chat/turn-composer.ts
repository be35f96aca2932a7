import { css, html, LitElement, nothing, type PropertyValues } from 'lit';
import { property, query } from 'lit/decorators.js';
import { ArrowUp, Square } from 'lucide';
import { base } from '../styles/base.js';
import { define } from '../styles/define.js';
import { icon } from '../styles/icon.js';

const tallest = 240;
const growsByItself = CSS.supports('field-sizing', 'content');

/** The message field. `turn-send` contains the text, `turn-draft` the text so far, `turn-stop` nothing. */
@define('turn-composer')
export class TurnComposer extends LitElement {
  static override styles = [
    base,
    css`
      :host {
        display: block;
        font-size: var(--turn-message-size, var(--turn-size-4));
      }
      .box {
        display: flex;
        align-items: flex-end;
        gap: 6px;
        padding: 6px;
        padding-inline-start: 16px;
        border: 1px solid var(--turn-line-strong);
        border-radius: 22px;
        background: var(--turn-bg-raised);
        box-shadow: var(--turn-shadow-1);
        cursor: text;
        transition: border-color var(--turn-fast) var(--turn-ease);
      }
      .box:focus-within {
        border-color: var(--turn-focus);
        box-shadow: 0 0 0 1px var(--turn-focus);
      }
      textarea {
        flex: 1;
        min-width: 0;
        min-height: 24px;
        max-height: ${tallest}px;
        margin-block: 4px;
        padding: 0;
        border: 0;
        background: none;
        resize: none;
        field-sizing: content;
        line-height: 24px;
        overflow-y: auto;
        scrollbar-width: thin;
      }
      textarea:focus-visible {
        outline: none;
      }
      textarea::placeholder {
        color: var(--turn-text-faint);
        opacity: 1;
      }
      button {
        display: grid;
        place-items: center;
        flex: none;
        width: 32px;
        height: 32px;
        border-radius: 16px;
        background: var(--turn-accent);
        color: var(--turn-on-accent);
        transition: background var(--turn-fast) var(--turn-ease);
      }
      button:hover:not(:disabled) {
        background: var(--turn-accent-strong);
      }
      button:focus-visible {
        outline-offset: 2px;
      }
      button:disabled {
        background: var(--turn-bg-soft);
        color: var(--turn-text-faint);
      }
      button.stop {
        background: var(--turn-text);
        color: var(--turn-bg);
      }
      button.stop svg {
        fill: currentcolor;
      }
      .count {
        padding: 4px 16px 0;
        font-size: var(--turn-size-1);
        color: var(--turn-text-faint);
        font-variant-numeric: tabular-nums;
      }
      .count.over {
        color: var(--turn-danger);
      }
      @media (pointer: coarse) {
        :host {
          font-size: 16px;
        }
        button {
          width: 36px;
          height: 36px;
          border-radius: 18px;
        }
        textarea {
          margin-block: 6px;
        }
      }
    `,
  ];

  @property() draft = '';
  @property() placeholder = 'Write a message';
  @property({ type: Boolean }) running = false;
  @property({ type: Number, attribute: 'max-length' }) maxLength = 100_000;
  @query('textarea') private field!: HTMLTextAreaElement;

  override render() {
    const empty = this.draft.trim() === '';
    return html`<div class="box" @click=${() => this.focus()}>
        <textarea
          rows="1"
          dir="auto"
          aria-label="Message"
          enterkeyhint="send"
          autocomplete="off"
          placeholder=${this.placeholder}
          .value=${this.draft}
          @input=${this.#typed}
          @keydown=${this.#key}
        ></textarea>
        ${
          this.running
            ? html`<button class="stop" type="button" aria-label="Stop" title="Stop" @click=${this.#stop}>${icon(Square, 14)}</button>`
            : nothing
        }
        ${
          this.running && empty
            ? nothing
            : html`<button type="button" aria-label="Send" title="Send" ?disabled=${empty || this.#over} @click=${this.#send}>
              ${icon(ArrowUp, 20)}
            </button>`
        }
      </div>
      ${this.#count()}`;
  }

  override updated(changed: PropertyValues<this>): void {
    if (changed.has('draft') && !growsByItself) this.#grow();
  }

  override focus(): void {
    if (this.hasUpdated) this.field.focus({ preventScroll: true });
    else void this.updateComplete.then(() => this.field.focus({ preventScroll: true }));
  }

  get #over(): boolean {
    return this.draft.length > this.maxLength;
  }

  #count() {
    if (this.draft.length < this.maxLength * 0.9) return nothing;
    const counted = `${this.draft.length.toLocaleString()} of ${this.maxLength.toLocaleString()} characters`;
    return html`<p class="count ${this.#over ? 'over' : ''}" role="status">
      ${this.#over ? `${counted}. Shorten it to send it.` : counted}
    </p>`;
  }

  #grow(): void {
    this.field.style.height = '24px';
    this.field.style.height = `${Math.min(tallest, this.field.scrollHeight)}px`;
  }

  #typed = (): void => {
    this.draft = this.field.value;
    this.#say('turn-draft', this.draft);
  };

  #key = (event: KeyboardEvent): void => {
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    this.#send();
  };

  #send = (): void => {
    const text = this.draft.trim();
    if (text === '' || this.#over) return;
    this.draft = '';
    this.#say('turn-draft', '');
    this.#say('turn-send', text);
    this.focus();
  };

  #stop = (): void => {
    this.#say('turn-stop', null);
    this.focus();
  };

  #say(name: string, detail: string | null): void {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true }));
  }
}
