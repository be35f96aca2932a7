import { html, LitElement, nothing, type PropertyValues, type TemplateResult, unsafeCSS } from 'lit';
import { property, query, state } from 'lit/decorators.js';
import { ChevronDown, MessageCircle, X } from 'lucide';
import { ApiProblem } from '../api/problem.js';
import '../chat/turngate-chat.js';
import type { TurngateChat } from '../chat/turngate-chat.js';
import { browserStore, keep, type Store } from '../platform/storage.js';
import type { Refusal } from '../protocol/connection.js';
import { scopeOf } from '../protocol/identity.js';
import { base, buttons } from '../styles/base.js';
import { define } from '../styles/define.js';
import { icon } from '../styles/icon.js';
import tokens from '../tokens.css?inline';
import type { Message } from '../wire/types.js';
import { keepFocusInside } from './focus.js';
import type { WidgetOptions } from './options.js';
import { isUp, VisitorPass } from './visitor.js';
import { widgetStyles } from './widget-styles.js';

type Phase = 'starting' | 'waiting' | 'in' | 'expired' | 'refused';

/** A chat in the corner of any page. The styles of the page and the widget don't affect each other. */
@define('turngate-widget')
export class TurngateWidget extends LitElement {
  static override styles = [unsafeCSS(tokens), base, buttons, widgetStyles];

  @property({ attribute: false }) options!: WidgetOptions;
  @state() private phase: Phase = 'starting';
  @state() private shown = false;
  @state() private begun = false;
  @state() private unread = 0;
  @state() private token = '';
  @state() private user: string | null = null;
  @state() private session: string | null = null;
  @query('turngate-chat') private chat!: TurngateChat | null;
  @query('.launcher') private launcher!: HTMLElement | null;
  @query('.panel') private panel!: HTMLElement | null;

  readonly #store: Store = browserStore();
  #visitor!: VisitorPass;
  #renewals = 0;
  #blocked = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;

  override connectedCallback(): void {
    super.connectedCallback();
    this.#visitor = new VisitorPass(this.options.base, this.#store);
    void this.#enter();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearTimeout(this.#retry);
  }

  open(): void {
    if (this.phase === 'refused' || this.shown) return;
    this.shown = true;
    this.begun = true;
    this.unread = 0;
    void this.updateComplete.then(() => (this.chat ?? this.panel)?.focus());
  }

  close(): void {
    if (!this.shown) return;
    this.shown = false;
    void this.updateComplete.then(() => this.launcher?.focus());
  }

  override render() {
    if (this.phase === 'refused' || this.phase === 'starting') return nothing;
    return html`<div class="root" @keydown=${this.#key}>${this.#panel()}${this.#launcher()}</div>`;
  }

  protected override updated(changed: PropertyValues<this>): void {
    if ((changed as Map<string, unknown>).has('phase') && this.phase === 'in' && this.shown)
      this.chat?.focus();
  }

  #launcher(): TemplateResult {
    const label = this.shown
      ? 'Close chat'
      : this.unread > 0
        ? `Open chat, ${this.unread} unread`
        : 'Open chat';
    return html`<button
      class="launcher"
      type="button"
      aria-label=${label}
      aria-expanded=${this.shown}
      @click=${() => (this.shown ? this.close() : this.open())}
    >
      ${icon(this.shown ? ChevronDown : MessageCircle, 26)}
      ${this.unread > 0 ? html`<span class="badge" aria-hidden="true">${this.unread > 9 ? '9+' : this.unread}</span>` : nothing}
    </button>`;
  }

  #panel(): TemplateResult | typeof nothing {
    if (!this.begun) return nothing;
    return html`<div
      class="panel"
      role="dialog"
      aria-label=${this.#title}
      tabindex="-1"
      ?hidden=${!this.shown}
    >
      <header>
        <div class="name">
          <h2 dir="auto">${this.#title}</h2>
          <p class="state" data-link=${this.#link}><i></i>${linkWords[this.#link]}</p>
        </div>
        <button class="square" type="button" aria-label="Close" title="Close (Esc)" @click=${() => this.close()}>${icon(X, 20)}</button>
      </header>
      ${this.phase === 'in' ? this.#chat() : this.#away()}
    </div>`;
  }

  #chat(): TemplateResult {
    return html`<turngate-chat
      .base=${this.options.base}
      .token=${this.token}
      .user=${this.user}
      .agent=${this.options.agent}
      .session=${this.session}
      .start=${'resume'}
      @turn-session=${(event: CustomEvent<string | null>) => this.#moved(event.detail)}
      @turn-gone=${() => this.#store.removeItem(this.#sessionKey)}
      @turn-arrived=${(event: CustomEvent<Message>) => this.#arrived(event.detail)}
      @turn-change=${() => this.requestUpdate()}
      @turn-refused=${(event: CustomEvent<Refusal>) => this.#refusedBy(event.detail)}
    >
      <div slot="blank" class="blank">
        <h3>How can we help?</h3>
        <p>Write a message. The conversation stays here when you come back.</p>
      </div>
      <button slot="missing" class="button" type="button" @click=${() => this.#anew()}>New conversation</button>
    </turngate-chat>`;
  }

  #away(): TemplateResult {
    const words =
      this.phase === 'expired'
        ? html`<h3>You are signed out</h3><p>Reload this page to continue. What you wrote is kept.</p>`
        : html`<h3>The chat can’t be reached</h3><p>It keeps trying to reconnect. Nothing you wrote is lost.</p>`;
    return html`<div class="away" role="status">${words}</div>`;
  }

  get #title(): string {
    return this.options.title ?? this.chat?.conversation?.agent ?? this.options.agent ?? 'Chat';
  }

  get #link(): keyof typeof linkWords {
    if (this.phase !== 'in') return 'away';
    const link = this.chat?.conversation?.link;
    if (link === 'ready') return 'ready';
    if (link === 'closed') return 'ended';
    return link === 'waiting' ? 'away' : 'connecting';
  }

  /** Finds out who the visitor is; shows nothing on a page whose origin isn't allowed. */
  async #enter(): Promise<void> {
    if (this.options.token) return this.#in(this.options.token, null);
    try {
      const visitor = await this.#visitor.get();
      this.#in(visitor.token, visitor.user_id);
    } catch (error) {
      await this.#turnedAway(error);
    }
  }

  /** A browser doesn't say whether a gateway is down or refuses this origin, so this loads a file that is open to all. */
  async #turnedAway(error: unknown): Promise<void> {
    const problem = error instanceof ApiProblem ? error : null;
    if (problem && !problem.unreachable && problem.status !== 429) return this.#refuse(problem.message);
    if (problem?.status !== 0 || !(await isUp(this.options.base))) return this.#later();
    this.#blocked += 1;
    if (this.#blocked >= 2) this.#refuse('This origin is not allowed.');
    else await this.#enter();
  }

  #in(token: string, user: string | null): void {
    this.token = token;
    this.user = user;
    this.session = this.#store.getItem(this.#sessionKey);
    // Only returning visitors need a connection right away, to see answers that arrived since.
    if (this.session) this.begun = true;
    this.phase = 'in';
  }

  #later(): void {
    this.phase = 'waiting';
    this.#retry = setTimeout(() => void this.#enter(), 5_000 + Math.random() * 10_000);
  }

  #refuse(reason: string): void {
    this.phase = 'refused';
    console.warn(
      `Turngate: the chat is not available on ${location.origin}. ${reason} ` +
        'The gateway lists the pages it serves in TURNGATE_WEB__ALLOWED_ORIGINS, and serves visitors without an ' +
        'account when TURNGATE_WEB__ANONYMOUS is true.',
    );
  }

  #refusedBy(reason: Refusal): void {
    if (reason === 'origin') this.#refuse('This origin is not allowed.');
    else if (this.options.token || this.#renewals >= 3) this.phase = 'expired';
    else {
      this.#renewals += 1;
      this.#visitor.forget();
      void this.#enter();
    }
  }

  get #sessionKey(): string {
    const agent = this.options.agent ?? '';
    return `turngate:session:${scopeOf(this.options.base, this.token, this.user)}:${agent}`;
  }

  #anew(): void {
    this.chat?.conversation?.anew();
    void this.updateComplete.then(() => this.chat?.focus());
  }

  #moved(session: string | null): void {
    this.session = session;
    if (session) keep(this.#store, this.#sessionKey, session);
    else this.#store.removeItem(this.#sessionKey);
  }

  #arrived(message: Message): void {
    if (message.role === 'assistant' && !this.shown) this.unread += 1;
  }

  #key = (event: KeyboardEvent): void => {
    // What is typed here must not trigger the page's own shortcuts.
    event.stopPropagation();
    if (event.key === 'Escape') this.close();
    if (event.key === 'Tab' && this.panel && matchMedia('(max-width: 480px)').matches)
      keepFocusInside(this.panel, event);
  };
}

const linkWords = {
  ready: 'Online',
  connecting: 'Connecting',
  away: 'Reconnecting',
  ended: 'Ended',
} as const;
