import { css, html, LitElement, nothing } from 'lit';
import { property, query, state } from 'lit/decorators.js';
import { ApiClient } from '../api/client.js';
import { ApiProblem } from '../api/problem.js';
import { copyText } from '../markdown/decorate.js';
import { base, buttons, fields } from '../styles/base.js';
import { define } from '../styles/define.js';
import { brand } from './brand.js';

const command = 'turngate token create --user owner --role operator';

/** The sign-in page. `turn-token` contains a token that the gateway has accepted. */
@define('turn-sign-in')
export class TurnSignIn extends LitElement {
  static override styles = [
    base,
    buttons,
    fields,
    css`
      :host {
        display: grid;
        place-items: center;
        min-height: 100%;
        padding: var(--turn-5) var(--turn-4);
        background: var(--turn-bg);
        overflow: auto;
      }
      main {
        display: grid;
        gap: var(--turn-5);
        width: 100%;
        max-width: 380px;
      }
      h1 {
        margin-top: var(--turn-4);
        font-size: var(--turn-size-5);
        font-weight: 600;
        letter-spacing: -0.012em;
      }
      .lead {
        margin-top: 4px;
        color: var(--turn-text-soft);
      }
      form {
        display: grid;
        gap: var(--turn-4);
      }
      .command {
        display: flex;
        align-items: center;
        gap: 8px;
        padding: 4px 4px 4px 12px;
        border: 1px solid var(--turn-line);
        border-radius: var(--turn-radius-1);
        background: var(--turn-bg-side);
      }
      code {
        flex: 1;
        min-width: 0;
        overflow-wrap: anywhere;
        font-family: var(--turn-font-code);
        font-size: var(--turn-size-2);
      }
      .command .button {
        height: 28px;
        border-color: transparent;
        background: none;
      }
      .note {
        padding: 10px 12px;
        border-radius: var(--turn-radius-1);
        background: var(--turn-warning-soft);
        color: var(--turn-warning);
        font-size: var(--turn-size-2);
      }
      .error {
        color: var(--turn-danger);
        font-size: var(--turn-size-2);
      }
      .button.primary {
        height: 36px;
      }
    `,
  ];

  @property() base = location.origin;
  /** Why the user has to sign in again. */
  @property() note = '';
  @state() private error = '';
  @state() private busy = false;
  @state() private copied = false;
  @query('input') private field!: HTMLInputElement;

  override render() {
    return html`<main>
      <header>
        ${brand(36)}
        <h1>Sign in to Turngate</h1>
        <p class="lead">Open the URL that the gateway printed when it started, or sign in with a token.</p>
      </header>
      ${this.note ? html`<p class="note" role="alert">${this.note}</p>` : nothing}
      <div class="field">
        <span>Create a token where the gateway runs</span>
        <div class="command">
          <code>${command}</code>
          <button class="button" type="button" @click=${this.#copy}>${this.copied ? 'Copied' : 'Copy'}</button>
        </div>
      </div>
      <form @submit=${this.#submit}>
        <div class="field">
          <label for="token">Token</label>
          <input id="token" class="input" type="password" autocomplete="current-password" spellcheck="false" required />
          ${this.error ? html`<p class="error" role="alert">${this.error}</p>` : nothing}
        </div>
        <button class="button primary" ?disabled=${this.busy}>Sign in</button>
      </form>
    </main>`;
  }

  #copy = async (): Promise<void> => {
    this.copied = await copyText(command);
  };

  #submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    const token = this.field.value.trim();
    if (!token) return;
    this.busy = true;
    this.error = '';
    try {
      await new ApiClient(this.base, token).me();
      this.dispatchEvent(new CustomEvent('turn-token', { detail: token }));
    } catch (error) {
      this.error = wording(error);
      this.field.select();
    }
    this.busy = false;
  };
}

function wording(error: unknown): string {
  if (error instanceof ApiProblem && error.status === 401) {
    return 'The gateway doesn’t know this token: it is mistyped, expired or revoked. Create another one with the command above.';
  }
  return error instanceof Error ? `${error.message} Try again in a moment.` : '';
}
