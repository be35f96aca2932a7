import { css, html, LitElement, nothing, type PropertyValues } from 'lit';
import { property, query } from 'lit/decorators.js';
import { ArrowUp, Square } from 'lucide';
import { base } from '../styles/base.js';
import { define } from '../styles/define.js';
import { icon } from '../styles/icon.js';

const tallest = 240;
const growsByItself = CSS.supports('field-sizing', 'content');

/** Where one writes. `tg-send` carries the text, `tg-draft` what is typed so far, `tg-stop` nothing. */
@define('tg-composer')
export class TgComposer extends LitElement {
  static override styles = [
    base,
    css`
      :host {
        display: block;
        font-size: var(--tg-message-size, var(--tg-size-4));
      }
      .box {
        display: flex;
        align-items: flex-end;
        gap: 6px;
        padding: 6px;
        padding-inline-start: 16px;
        border: 1px solid var(--tg-line-strong);
        border-radius: 22px;
        background: var(--tg-bg-raised);
        box-shadow: var(--tg-shadow-1);
        cursor: text;
        transition: border-color var(--tg-fast) var(--tg-ease);
      }
      .box:focus-within {
        border-color: var(--tg-focus);
        box-shadow: 0 0 0 1px var(--tg-focus);
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
        color: var(--tg-text-faint);
        opacity: 1;
      }
      button {
        display: grid;
        place-items: center;
        flex: none;
        width: 32px;
        height: 32px;
        border-radius: 16px;
        background: var(--tg-accent);
        color: var(--tg-on-accent);
        transition: background var(--tg-fast) var(--tg-ease);
      }
      button:hover:not(:disabled) {
        background: var(--tg-accent-strong);
      }
      button:focus-visible {
        outline-offset: 2px;
      }
      button:disabled {
        background: var(--tg-bg-soft);
        color: var(--tg-text-faint);
      }
      button.stop {
        background: var(--tg-text);
        color: var(--tg-bg);
      }
      button.stop svg {
        fill: currentcolor;
      }
      .count {
        padding: 4px 16px 0;
        font-size: var(--tg-size-1);
        color: var(--tg-text-faint);
        font-variant-numeric: tabular-nums;
      }
      .count.over {
        color: var(--tg-danger);
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
    this.#say('tg-draft', this.draft);
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
    this.#say('tg-draft', '');
    this.#say('tg-send', text);
    this.focus();
  };

  #stop = (): void => {
    this.#say('tg-stop', null);
    this.focus();
  };

  #say(name: string, detail: string | null): void {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true }));
  }
}
