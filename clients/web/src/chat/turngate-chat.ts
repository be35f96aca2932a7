import { html, LitElement, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { property, query, state } from 'lit/decorators.js';
import { repeat } from 'lit/directives/repeat.js';
import { ArrowDown, CircleAlert } from 'lucide';
import { plainText } from '../markdown/render.js';
import type { Refusal } from '../protocol/connection.js';
import { base, buttons, skeleton } from '../styles/base.js';
import { define } from '../styles/define.js';
import { icon } from '../styles/icon.js';
import { dayLine } from '../text/time.js';
import type { Message } from '../wire/types.js';
import { chatStyles } from './chat-styles.js';
import { Conversation, type Listener, type Start } from './conversation.js';
import { linkBar } from './link-bar.js';
import { ScrollKeeper } from './scroll-keeper.js';
import './turn-composer.js';
import type { TurnComposer } from './turn-composer.js';
import './turn-message.js';
import { type Item, timeline } from './timeline.js';
import type { Choice } from './turn-message.js';

/**
 * A conversation with an agent, with history and live updates, for the console and the widget.
 *
 * Events: `turn-session` (the current session, or null), `turn-arrived` (a live row), `turn-refused`, `turn-change`
 * (a change of the connection or the running turn), `turn-gone` (the id of a session that no longer exists). The slot
 * `blank` is shown in an empty conversation, and `missing` for a session that no longer exists.
 */
@define('turngate-chat')
export class TurngateChat extends LitElement {
  static override styles = [base, buttons, skeleton, chatStyles];

  @property() base = location.origin;
  @property({ attribute: false }) token = '';
  @property() user: string | null = null;
  @property() agent: string | null = null;
  /** The agent's name, as far as it is known before the gateway sends it. */
  @property({ attribute: false }) agentName: string | null = null;
  @property() session: string | null = null;
  @property() start: Start = 'resume';
  /** The name shown for the user. */
  @property() author = 'You';
  @property() placeholder = 'Write a message';
  @property({ attribute: false }) now = () => new Date();

  @state() private said = '';
  @state() private slow = false;
  @query('turn-composer') private composer!: TurnComposer | null;

  #conversation: Conversation | null = null;
  #unread = 0;
  #frame = 0;
  #slowly: ReturnType<typeof setTimeout> | undefined;
  readonly #scroll = new ScrollKeeper(
    this,
    () => this.renderRoot.querySelector<HTMLElement>('.scroller'),
    () => this.#conversation?.older(),
  );

  get conversation(): Conversation | null {
    return this.#conversation;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    addEventListener('online', this.#online);
    addEventListener('offline', this.#offline);
    document.addEventListener('visibilitychange', this.#online);
    this.requestUpdate('session');
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    removeEventListener('online', this.#online);
    removeEventListener('offline', this.#offline);
    document.removeEventListener('visibilitychange', this.#online);
    this.#end();
  }

  override focus(): void {
    if (this.hasUpdated) this.#focusInside();
    else void this.updateComplete.then(() => this.#focusInside());
  }

  #focusInside(): void {
    const target = this.composer ?? this.querySelector<HTMLElement>('[slot="missing"]');
    target?.focus();
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    const other = changed.has('base') || changed.has('token') || changed.has('agent') || changed.has('start');
    const moved = changed.has('session') && this.session !== (this.#conversation?.sessionId ?? null);
    if (this.token && this.isConnected && (!this.#conversation || other || moved)) this.#begin();
  }

  override render() {
    const talk = this.#conversation;
    if (!talk) return nothing;
    return html`${linkBar(talk.link, this.slow, () => talk.hurry())}
      <div class="scroller" role="log" aria-live="off" aria-label="Conversation" tabindex="0">
        ${this.#content(talk)}
      </div>
      <div class="foot">
        ${this.#pill()}
        <div class="column">
          ${talk.problem ? this.#problem(talk) : nothing}
          ${isGone(talk) ? nothing : this.#composer(talk)}
        </div>
      </div>
      <div class="sr" aria-live="polite">${this.said}</div>`;
  }

  #composer(talk: Conversation): TemplateResult {
    return html`<turn-composer
      .draft=${talk.drafts.at(talk.place)}
      .running=${talk.turns.running !== undefined && talk.link === 'ready'}
      placeholder=${this.placeholder}
      @turn-send=${(event: CustomEvent<string>) => this.#send(event.detail)}
      @turn-draft=${(event: CustomEvent<string>) => talk.drafts.keep(talk.place, event.detail)}
      @turn-stop=${() => talk.stop()}
    ></turn-composer>`;
  }

  #content(talk: Conversation): TemplateResult {
    const items = timeline({
      rows: talk.transcript.rows,
      live: talk.turns.all.filter((turn) => turn.status !== 'queued' && turn.status !== 'waiting'),
      pending: talk.pending,
      notices: talk.notices,
      status: (turnId) => talk.turns.status(turnId),
      ownId: (id) => talk.ownId(id),
      isSending: (id) => talk.isSending(id),
    });
    const history = talk.history?.state;
    if (isGone(talk)) return this.#gone(history === 'deleted');
    if (items.length === 0 && history === 'failed') return this.#failed(talk);
    if (items.length === 0 && history !== 'loading' && (talk.blank || history === 'ready')) {
      return html`<div class="middle"><slot name="blank"><p>Send a message to start.</p></slot></div>`;
    }
    if (items.length === 0) return waiting;
    return html`<div class="content column" @turn-retry=${this.#retry} @turn-discard=${this.#discard}
      @turn-choose=${this.#choose} @turn-say=${this.#say}>
      ${this.#older(talk)}${repeat(
        items,
        (item) => item.key,
        (item) => this.#item(item, talk, item === items.at(-1)),
      )}
    </div>`;
  }

  #item(item: Item, talk: Conversation, latest: boolean): TemplateResult {
    if (item.kind === 'day')
      return html`<div class="day" data-item role="separator">${dayLine(item.at, this.now())}</div>`;
    if (item.kind === 'notice') {
      const { command, text } = item.notice;
      return html`<div class="notice" data-item role="note" aria-label="Notice">
        ${command ? html`<code>${command}</code>` : nothing}<span dir="auto">${text}</span>
      </div>`;
    }
    const author = item.role === 'user' ? this.author : (talk.agent ?? this.agentName ?? 'Agent');
    return html`<turn-message data-item .entry=${item} .latest=${latest} author=${author}></turn-message>`;
  }

  #older(talk: Conversation): TemplateResult | typeof nothing {
    const history = talk.history;
    if (!history || talk.transcript.older === null) return nothing;
    const again = html`<button class="link" type="button" @click=${() => talk.older()}>
      ${history.olderFailed ? 'Earlier messages could not be loaded. Try again' : 'Load earlier messages'}
    </button>`;
    return html`<div class="older" data-older>${history.loadingOlder ? 'Loading earlier messages' : again}</div>`;
  }

  #failed(talk: Conversation): TemplateResult {
    return html`<div class="middle" role="alert">
      <h2>The conversation could not be loaded</h2>
      <p>${talk.history?.problem} Nothing is lost: it is kept at the gateway.</p>
      <button class="button" type="button" @click=${() => talk.hurry()}>Try again</button>
    </div>`;
  }

  #gone(deleted: boolean): TemplateResult {
    return html`<div class="middle" role="alert">
      <h2>${deleted ? 'This conversation was deleted' : 'This conversation is not here'}</h2>
      <p>${deleted ? 'Its messages are gone for everybody.' : 'It was deleted, or it belongs to somebody else.'}</p>
      <slot name="missing"></slot>
    </div>`;
  }

  #problem(talk: Conversation): TemplateResult {
    return html`<p class="problem" role="alert">${icon(CircleAlert)}<span>${talk.problem}</span></p>`;
  }

  #pill(): TemplateResult | typeof nothing {
    if (this.#scroll.atEnd) return nothing;
    const news = this.#unread > 0;
    return html`<button class="pill ${news ? 'news' : ''}" type="button" @click=${() => this.#scroll.toEnd()}>
      ${icon(ArrowDown)}${news ? 'New messages' : 'Latest'}
    </button>`;
  }

  #begin(): void {
    this.#end();
    this.#unread = 0;
    this.said = '';
    this.#scroll.reset();
    const { base, token, user, agent, session, start } = this;
    const conversation: Conversation = new Conversation(
      { base, token, user, agent, sessionId: session, start },
      this.#listener(() => this.#conversation === conversation),
    );
    this.#conversation = conversation;
    this.slow = false;
    this.#slowly = setTimeout(() => {
      this.slow = true;
    }, 3_000);
    conversation.open();
  }

  #end(): void {
    clearTimeout(this.#slowly);
    this.#conversation?.close();
    this.#conversation = null;
  }

  #listener(current: () => boolean): Listener {
    return {
      changed: () => current() && this.#redraw(),
      opened: (id) => current() && this.#opened(id),
      gone: (id) => current() && this.#left(id),
      arrived: (message) => current() && this.#arrived(message),
      refused: (reason: Refusal) => current() && this.#tell('turn-refused', reason),
    };
  }

  /** Renders once per animation frame, however many deltas arrive. */
  #redraw(): void {
    if (document.hidden) this.requestUpdate();
    else if (this.#frame === 0) {
      this.#frame = requestAnimationFrame(() => {
        this.#frame = 0;
        this.requestUpdate();
        this.#tell('turn-change', null);
      });
    }
  }

  #opened(sessionId: string | null): void {
    this.session = sessionId;
    this.#tell('turn-session', sessionId);
  }

  /** Moves the focus from the composer, which is removed with the session, to the next step. */
  #left(sessionId: string): void {
    const focused = this.matches(':focus-within');
    this.said = '';
    this.requestUpdate();
    if (focused) void this.updateComplete.then(() => this.focus());
    this.#tell('turn-gone', sessionId);
  }

  #arrived(message: Message): void {
    if (this.#scroll.atEnd) this.#unread = 0;
    else this.#unread += 1;
    if (message.role === 'assistant')
      this.said = `${this.#conversation?.agent ?? 'Agent'}: ${plainText(message.content)}`;
    this.#tell('turn-arrived', message);
  }

  #send(text: string): void {
    this.#scroll.reset();
    this.#conversation?.send(text);
  }

  #retry = (event: CustomEvent<string>): void => this.#conversation?.retry(event.detail);
  #discard = (event: CustomEvent<string>): void => this.#conversation?.discard(event.detail);
  #choose = ({ detail }: CustomEvent<Choice>): void => this.#conversation?.choose(detail);
  #say = (event: CustomEvent<string>): void => this.#send(event.detail);
  #online = (): void => {
    if (!document.hidden) this.#conversation?.hurry();
  };
  #offline = (): void => this.#conversation?.offline();

  protected override updated(): void {
    if (this.#scroll.atEnd) this.#unread = 0;
  }

  #tell(name: string, detail: unknown): void {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

function isGone(talk: Conversation): boolean {
  return talk.history?.state === 'missing' || talk.history?.state === 'deleted';
}

const waiting = html`<div class="column" aria-busy="true">
  <div class="skeleton" aria-hidden="true">
    <i class="mine"></i><i style="width: 18%"></i><i style="width: 92%"></i><i style="width: 86%"></i><i style="width: 60%"></i>
  </div>
</div>`;
