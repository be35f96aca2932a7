import { html, LitElement, nothing } from 'lit';
import { query, state } from 'lit/decorators.js';
import { ApiClient } from '../api/client.js';
import { ApiProblem } from '../api/problem.js';
import { browserStore } from '../platform/storage.js';
import { base, buttons } from '../styles/base.js';
import { define } from '../styles/define.js';
import type { Me } from '../wire/types.js';
import { appStyles } from './app-styles.js';
import { Credentials, takeCode } from './credentials.js';
import './turn-console.js';
import './turn-sign-in.js';

type Phase = 'starting' | 'signed-out' | 'unreachable' | 'in';

const usedCode =
  'The sign-in code was used before or has expired. Run turngate sign-in to get a new one, or sign in with a token.';
const expired = 'Your token has expired or was revoked. Sign in again; what you wrote is kept.';

/** The console: shows the sign-in page or, with a token, everything else. */
@define('turn-app')
export class TurnApp extends LitElement {
  static override styles = [base, buttons, appStyles];

  @state() private phase: Phase = 'starting';
  @state() private note = '';
  @state() private problem = '';
  @state() private me: Me | null = null;
  @query('turn-console') private console!: HTMLElement | null;

  readonly #store = browserStore();
  readonly #credentials = new Credentials(this.#store, location.origin);

  override connectedCallback(): void {
    super.connectedCallback();
    void this.#start(takeCode());
  }

  override render() {
    switch (this.phase) {
      case 'starting':
        return nothing;
      case 'signed-out':
        return html`<turn-sign-in .note=${this.note} @turn-token=${this.#signedIn}></turn-sign-in>`;
      case 'unreachable':
        return html`<main class="alone" role="alert">
          <h1>The gateway can’t be reached</h1>
          <p>${this.problem} You stay signed in, and nothing is lost.</p>
          <button class="button" type="button" @click=${() => void this.#enter()}>Try again</button>
        </main>`;
      case 'in':
        return html`<turn-console
          .me=${this.me}
          .token=${this.#credentials.token ?? ''}
          .store=${this.#store}
          @turn-refused=${() => this.#leave(expired)}
          @turn-sign-out=${() => this.#signOut()}
        ></turn-console>`;
    }
  }

  async #start(code: string | null): Promise<void> {
    if (code) {
      try {
        await this.#credentials.redeem(code);
      } catch (error) {
        if (!this.#credentials.token) return this.#leave(refusal(error));
      }
    }
    await this.#enter();
  }

  async #enter(): Promise<void> {
    const token = this.#credentials.token;
    if (!token) return this.#leave('');
    try {
      this.me = await new ApiClient(location.origin, token).me();
      this.phase = 'in';
    } catch (error) {
      if (error instanceof ApiProblem && error.status === 401) return this.#leave(expired);
      this.problem = error instanceof Error ? error.message : '';
      this.phase = 'unreachable';
    }
  }

  #signedIn = (event: CustomEvent<string>): void => {
    this.#credentials.keep(event.detail);
    void this.#enter();
  };

  #signOut(): void {
    this.console?.remove();
    this.#credentials.forget(this.me?.user_id ?? null);
    location.replace(location.pathname);
  }

  #leave(note: string): void {
    this.#credentials.forget(null);
    this.me = null;
    this.note = note;
    this.phase = 'signed-out';
  }
}

function refusal(error: unknown): string {
  if (error instanceof ApiProblem && error.unreachable)
    return `${error.message} Open the printed address again.`;
  return usedCode;
}
