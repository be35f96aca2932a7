import { css, html, LitElement } from 'lit';
import { query } from 'lit/decorators.js';
import { X } from 'lucide';
import { base, buttons } from '../styles/base.js';
import { define } from '../styles/define.js';
import { icon } from '../styles/icon.js';

const shortcuts: readonly (readonly [readonly string[], string])[] = [
  [['n'], 'New chat'],
  [['/'], 'Filter sessions'],
  [['j', 'k'], 'Next and previous session'],
  [['Enter'], 'Open the session, send the message'],
  [['Shift', 'Enter'], 'New line'],
  [['Esc'], 'Close, or leave the field'],
  [['?'], 'This list'],
];

/** The list of keyboard shortcuts. */
@define('turn-shortcuts')
export class TurnShortcuts extends LitElement {
  static override styles = [
    base,
    buttons,
    css`
      dialog {
        width: min(400px, calc(100vw - 32px));
        padding: var(--turn-4) var(--turn-5) var(--turn-5);
        border: 1px solid var(--turn-line);
        border-radius: var(--turn-radius-3);
        background: var(--turn-bg-raised);
        color: var(--turn-text);
        box-shadow: var(--turn-shadow-3);
      }
      dialog::backdrop {
        background: oklch(0 0 0 / 0.32);
      }
      header {
        display: flex;
        align-items: center;
        justify-content: space-between;
        margin-inline-end: -10px;
        margin-bottom: var(--turn-2);
      }
      h2 {
        font-size: var(--turn-size-4);
        font-weight: 600;
      }
      dl {
        display: grid;
        margin: 0;
      }
      div {
        display: flex;
        align-items: center;
        justify-content: space-between;
        min-height: 36px;
      }
      dt {
        color: var(--turn-text-soft);
      }
      dd {
        display: flex;
        gap: 4px;
        margin: 0;
      }
      kbd {
        min-width: 24px;
        padding-inline: 6px;
        border: 1px solid var(--turn-line-strong);
        border-bottom-width: 2px;
        border-radius: 5px;
        font: inherit;
        font-size: var(--turn-size-1);
        line-height: 20px;
        text-align: center;
      }
    `,
  ];

  @query('dialog') private dialog!: HTMLDialogElement;

  show(): void {
    this.dialog.showModal();
  }

  override render() {
    return html`<dialog aria-labelledby="name" @click=${this.#outside}>
      <header>
        <h2 id="name">Keyboard shortcuts</h2>
        <button class="square" type="button" aria-label="Close" @click=${() => this.dialog.close()}>${icon(X, 18)}</button>
      </header>
      <dl>
        ${shortcuts.map(
          ([keys, does]) => html`<div>
            <dt>${does}</dt>
            <dd>${keys.map((key) => html`<kbd>${key}</kbd>`)}</dd>
          </div>`,
        )}
      </dl>
    </dialog>`;
  }

  #outside = (event: MouseEvent): void => {
    if (event.target === this.dialog) this.dialog.close();
  };
}
