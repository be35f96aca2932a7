import { html, LitElement, nothing, type TemplateResult } from 'lit';
import { property, query, state } from 'lit/decorators.js';
import { ArrowLeft, PanelRight } from 'lucide';
import { ApiClient } from '../api/client.js';
import { channelHues, channelIcon } from '../chat/channel-face.js';
import type { Agent, Me } from '../wire/types.js';
import '../chat/turngate-chat.js';
import type { TurngateChat } from '../chat/turngate-chat.js';
import { plainText } from '../markdown/render.js';
import type { Store } from '../platform/storage.js';
import { scopeOf } from '../protocol/identity.js';
import { Outbox } from '../protocol/outbox.js';
import { base, buttons, fields } from '../styles/base.js';
import { define } from '../styles/define.js';
import { icon } from '../styles/icon.js';
import type { Message, Session } from '../wire/types.js';
import { brand } from './brand.js';
import { consoleStyles } from './console-styles.js';
import { Keys } from './keys.js';
import { go, parseRoute, type Route } from './route.js';
import { Seen } from './seen.js';
import type { Filter } from './session-book.js';
import { SessionFeed } from './session-feed.js';
import './turn-details.js';
import './turn-rail.js';
import './turn-schedules.js';
import './turn-session-list.js';
import { type TurnSessionList, untitled } from './turn-session-list.js';
import './turn-shortcuts.js';
import type { TurnShortcuts } from './turn-shortcuts.js';

/** Rail, list, conversation, details: everything that requires signing in. */
@define('turn-console')
export class TurnConsole extends LitElement {
  static override styles = [base, buttons, fields, channelHues, consoleStyles];

  @property({ attribute: false }) me!: Me;
  @property({ attribute: false }) token = '';
  @property({ attribute: false }) store!: Store;
  @state() private route: Route = parseRoute(location.hash);
  @state() private filter: Filter = null;
  @state() private agents: readonly Agent[] = [];
  @state() private agent: string | null = null;
  @state() private details = false;
  @state() private running: string | null = null;
  @state() private now = new Date();
  @state() private lastLines: ReadonlyMap<string, string> = new Map();
  @query('turn-session-list') private list!: TurnSessionList | null;
  @query('turngate-chat') private chat!: TurngateChat | null;
  @query('turn-shortcuts') private shortcuts!: TurnShortcuts;

  #api!: ApiClient;
  #feed!: SessionFeed;
  #seen!: Seen;
  #outbox!: Outbox;
  #clock: ReturnType<typeof setInterval> | undefined;

  constructor() {
    super();
    new Keys(this, {
      '/': () => this.list?.focusSearch(),
      n: () => this.#new(),
      j: () => this.list?.move(1),
      k: () => this.list?.move(-1),
      '?': () => this.shortcuts.show(),
      Escape: () => this.#escape(),
    });
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#api = new ApiClient(location.origin, this.token);
    this.#seen = new Seen(this.store, this.me.user_id, new Date().toISOString());
    this.#outbox = new Outbox(this.store, scopeOf(location.origin, this.token, this.me.user_id));
    this.#feed = new SessionFeed(this.#api, this.token, {
      changed: () => this.requestUpdate(),
      appeared: () => undefined,
      gone: (id) => this.#outbox.clear(id),
      refused: () => this.dispatchEvent(new CustomEvent('turn-refused')),
    });
    this.#feed.open();
    void this.#loadAgents();
    this.#clock = setInterval(() => this.#tick(), 30_000);
    addEventListener('hashchange', this.#routed);
    addEventListener('online', this.#online);
    document.addEventListener('visibilitychange', this.#seenAgain);
    this.#routed();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearInterval(this.#clock);
    removeEventListener('hashchange', this.#routed);
    removeEventListener('online', this.#online);
    document.removeEventListener('visibilitychange', this.#seenAgain);
    this.#feed.close();
  }

  override render() {
    const { place } = this.route;
    return html`<div class="console" data-place=${place} ?data-details=${this.details && this.#session !== undefined}>
        <turn-rail
          .me=${this.me}
          place=${place === 'schedules' ? 'schedules' : 'sessions'}
          @turn-shortcuts=${() => this.shortcuts.show()}
          @turn-sign-out=${() => this.dispatchEvent(new CustomEvent('turn-sign-out'))}
        ></turn-rail>
        ${
          place === 'schedules'
            ? html`<turn-schedules .api=${this.#api} .agents=${this.agents} .me=${this.me.user_id} .now=${this.now}></turn-schedules>`
            : html`${this.#list()}${this.#conversation()}${this.#panel()}`
        }
      </div>
      <turn-shortcuts></turn-shortcuts>`;
  }

  get #session(): Session | undefined {
    return this.route.place === 'session' ? this.#feed.book.session(this.route.id) : undefined;
  }

  #list(): TemplateResult {
    const { book, loading, problem } = this.#feed;
    return html`<turn-session-list
      .sessions=${book.list(this.filter)}
      .filter=${this.filter}
      .total=${book.total(this.filter)}
      .more=${book.cursor(this.filter) !== null}
      .loading=${loading}
      .loaded=${book.loaded(this.filter)}
      .problem=${problem}
      .selected=${this.route.place === 'session' ? this.route.id : null}
      .running=${this.running}
      .me=${this.me.user_id}
      .unread=${(session: Session) => this.#seen.unread(session)}
      .lastLines=${this.lastLines}
      .now=${this.now}
      @turn-filter=${(event: CustomEvent<Filter>) => this.#show(event.detail)}
      @turn-more=${() => void this.#feed.more()}
      @turn-again=${() => void this.#feed.show(this.filter)}
      @turn-new=${() => this.#new()}
    ></turn-session-list>`;
  }

  #conversation(): TemplateResult {
    const session = this.#session;
    const others = session !== undefined && session.user_id !== this.me.user_id;
    return html`<section class="conversation" aria-label="Conversation">
      ${this.#head(session)}
      <turngate-chat
        .token=${this.token}
        .user=${this.me.user_id}
        .agent=${this.agent}
        .agentName=${session?.agent_name ?? null}
        .session=${this.route.place === 'session' ? this.route.id : null}
        .start=${'fresh'}
        .author=${others ? session.user_id : 'You'}
        @turn-session=${(event: CustomEvent<string | null>) => this.#moved(event.detail)}
        @turn-gone=${(event: CustomEvent<string>) => this.#feed.forget(event.detail)}
        @turn-arrived=${(event: CustomEvent<Message>) => this.#arrived(event.detail)}
        @turn-change=${() => this.#changed()}
        @turn-refused=${() => this.dispatchEvent(new CustomEvent('turn-refused'))}
      >
        <div slot="blank" class="blank">${this.#greeting()}</div>
        <button slot="missing" class="button" type="button" @click=${() => this.#new()}>New chat</button>
      </turngate-chat>
    </section>`;
  }

  #head(session: Session | undefined): TemplateResult {
    const title = this.route.place === 'session' ? (session ? session.title || untitled : '') : 'New chat';
    return html`<header>
      <a class="square back" href="#/" aria-label="Back to the sessions" title="Back">${icon(ArrowLeft, 20)}</a>
      ${session ? channelIcon(session.channel, 16) : nothing}
      <h1 dir="auto" title=${title}>${title}</h1>
      ${
        session
          ? html`<button
            class="square"
            type="button"
            aria-label="Details"
            title="Details"
            aria-expanded=${this.details}
            @click=${() => this.#toggleDetails()}
          >
            ${icon(PanelRight, 18)}
          </button>`
          : nothing
      }
    </header>`;
  }

  #greeting(): TemplateResult {
    if (this.route.place === 'session') return html`<p>No messages yet.</p>`;
    return html`${brand(40)}
      <h2>What is it about?</h2>
      <p>Your first message starts a new conversation, which you can continue from any device.</p>
      ${this.agents.length > 1 ? this.#agentChoice() : nothing}`;
  }

  #agentChoice(): TemplateResult {
    return html`<label class="agent">
      <span>Agent</span>
      <select class="input" @change=${(event: Event) => this.#choose((event.target as HTMLSelectElement).value)}>
        ${this.agents.map((agent) => html`<option ?selected=${agent.name === this.agent}>${agent.name}</option>`)}
      </select>
    </label>`;
  }

  #panel(): TemplateResult | typeof nothing {
    const session = this.#session;
    if (!this.details || !session) return nothing;
    return html`<turn-details .session=${session} @turn-close=${() => this.#toggleDetails()}></turn-details>`;
  }

  #choose(agent: string): void {
    this.agent = agent;
  }

  #toggleDetails(): void {
    this.details = !this.details;
  }

  #show(filter: Filter): void {
    this.filter = filter;
    void this.#feed.show(filter);
  }

  #new(): void {
    if (this.route.place !== 'new') go({ place: 'new' });
    void this.updateComplete.then(() => this.chat?.focus());
  }

  #escape(): void {
    if (this.details) this.details = false;
    else if (this.route.place !== 'home' && matchMedia('(max-width: 699px)').matches) go({ place: 'home' });
    else (this.renderRoot as ShadowRoot).activeElement?.dispatchEvent(new Event('blur'));
  }

  #routed = (): void => {
    const route = parseRoute(location.hash);
    const other = route.place !== this.route.place || (route.place === 'session' && this.#open !== route.id);
    this.route = route;
    if (route.place === 'session') {
      if (!this.#feed.book.session(route.id)) void this.#feed.fetch(route.id);
      this.running = null;
    }
    if (other && route.place !== 'home' && matchMedia('(pointer: fine)').matches) this.#focusChat();
    this.#open = route.place === 'session' ? route.id : null;
  };

  #open: string | null = null;
  #lastRow: string | undefined;

  #focusChat(): void {
    void this.updateComplete.then(() => this.chat?.focus());
  }

  #online = (): void => this.#feed.hurry();

  #seenAgain = (): void => {
    if (!document.hidden) this.#feed.refresh();
  };

  /** Reacts when the chat has begun a session, or left one by command. */
  #moved(id: string | null): void {
    if (id === null) go({ place: 'new' });
    else if (this.route.place !== 'session' || this.route.id !== id) go({ place: 'session', id }, true);
  }

  #arrived(message: Message): void {
    if (message.content) this.#remember(message);
  }

  #remember(message: Message): void {
    const line = plainText(message.content.slice(0, 400)).slice(0, 200);
    if (this.lastLines.get(message.session_id) === line) return;
    this.lastLines = new Map(this.lastLines).set(message.session_id, line);
  }

  #changed(): void {
    const talk = this.chat?.conversation;
    this.running = talk?.turns.running ? talk.sessionId : null;
    const last = talk?.transcript.rows.findLast((row) => row.content && !row.deleted);
    if (last && last.id !== this.#lastRow) this.#remember(last);
    this.#lastRow = last?.id;
  }

  #tick(): void {
    this.now = new Date();
  }

  async #loadAgents(): Promise<void> {
    try {
      this.agents = await this.#api.agents();
    } catch {
      // Without a choice, the gateway's default agent answers.
    }
  }

  /** Marks the open session as read. */
  protected override updated(): void {
    const session = this.#session;
    if (session && !document.hidden && this.#seen.unread(session)) this.#seen.mark(session);
    document.title = session ? `${session.title || untitled} · Turngate` : 'Turngate';
  }
}
