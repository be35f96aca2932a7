import { html, LitElement, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { property, query, state } from 'lit/decorators.js';
import { repeat } from 'lit/directives/repeat.js';
import { LoaderCircle, Search, SquarePen } from 'lucide';
import { channelHues, channelIcon, faceOf, faces, isKnown, type KnownChannel } from '../chat/channel-face.js';
import { base, buttons, skeleton } from '../styles/base.js';
import { define } from '../styles/define.js';
import { icon } from '../styles/icon.js';
import { exact, shortAgo } from '../text/time.js';
import type { Session } from '../wire/types.js';
import { href } from './route.js';
import { type Filter, lastActivity } from './session-book.js';
import { sessionListStyles } from './session-list-styles.js';

const filters: readonly Filter[] = [null, ...Object.keys(faces)];
const compact = new Intl.NumberFormat(undefined, { notation: 'compact' });
export const untitled = 'New conversation';

/** The sessions of all channels. Events: `turn-filter`, `turn-more`, `turn-new`, `turn-again`. */
@define('turn-session-list')
export class TurnSessionList extends LitElement {
  static override styles = [base, buttons, skeleton, channelHues, sessionListStyles];

  @property({ attribute: false }) sessions: readonly Session[] = [];
  @property({ attribute: false }) filter: Filter = null;
  @property({ attribute: false }) total: number | null = null;
  @property({ attribute: false }) more = false;
  @property({ attribute: false }) loading = false;
  @property({ attribute: false }) loaded = false;
  @property({ attribute: false }) problem: string | null = null;
  @property({ attribute: false }) selected: string | null = null;
  @property({ attribute: false }) running: string | null = null;
  @property({ attribute: false }) me = '';
  @property({ attribute: false }) unread: (session: Session) => boolean = () => false;
  @property({ attribute: false }) lastLines: ReadonlyMap<string, string> = new Map();
  @property({ attribute: false }) now = new Date();
  @state() private sought = '';
  @query('input') private search!: HTMLInputElement;

  readonly #end = new IntersectionObserver((seen) => {
    if (seen.some((entry) => entry.isIntersecting)) this.#say('turn-more');
  });

  override render() {
    const shown = this.#found;
    return html`<header>
        <h1>Sessions</h1>
        <button class="square" type="button" aria-label="New chat" title="New chat (n)" @click=${() => this.#say('turn-new')}>
          ${icon(SquarePen, 18)}
        </button>
      </header>
      <label class="search">
        ${icon(Search)}
        <input
          type="search"
          placeholder="Filter by title"
          aria-label="Filter sessions by title"
          .value=${this.sought}
          @input=${this.#seek}
          @keydown=${this.#searchKey}
        />
        <kbd aria-hidden="true">/</kbd>
      </label>
      <div class="filters" role="group" aria-label="Channel">${filters.map((filter) => this.#chip(filter))}</div>
      <div class="rows" role="list" aria-label="Sessions" aria-busy=${this.loading}>
        ${repeat(
          shown,
          (session) => session.session_id,
          (session) => this.#row(session),
        )}
        ${this.#rest(shown.length)}
      </div>`;
  }

  override updated(changed: PropertyValues<this>): void {
    this.#end.disconnect();
    const end = this.renderRoot.querySelector('.end');
    if (end) this.#end.observe(end);
    if (changed.has('filter')) this.renderRoot.querySelector('.rows')?.scrollTo({ top: 0 });
    if (changed.has('selected'))
      this.renderRoot.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest' });
  }

  focusSearch(): void {
    this.search.focus();
    this.search.select();
  }

  /** Moves the focus to the row after (1) or before (-1) the focused or open one. */
  move(step: 1 | -1): void {
    const rows = [...this.renderRoot.querySelectorAll<HTMLElement>('a.row')];
    const active = (this.renderRoot as ShadowRoot).activeElement as HTMLElement;
    const at = rows.indexOf(active);
    const from = at >= 0 ? at : rows.findIndex((row) => row.hasAttribute('aria-current'));
    const next = rows[Math.max(0, Math.min(rows.length - 1, from + step))];
    next?.focus();
    next?.scrollIntoView({ block: 'nearest' });
  }

  get #found(): readonly Session[] {
    const sought = this.sought.trim().toLocaleLowerCase();
    if (!sought) return this.sessions;
    return this.sessions.filter((session) =>
      [session.title ?? untitled, session.user_id, this.lastLines.get(session.session_id) ?? ''].some(
        (text) => text.toLocaleLowerCase().includes(sought),
      ),
    );
  }

  #chip(filter: Filter): TemplateResult {
    const on = filter === this.filter;
    const name = filter ? faceOf(filter).name : 'All';
    return html`<button
      class="chip"
      type="button"
      aria-label=${name}
      aria-pressed=${on}
      @click=${() => this.#say('turn-filter', filter)}
    >
      ${filter ? html`<span data-channel=${filter}>${icon(faceOf(filter).icon, 14)}</span>` : nothing}${name}${
        on && this.total ? html`<span class="total">${compact.format(this.total)}</span>` : nothing
      }
    </button>`;
  }

  #row(session: Session): TemplateResult {
    const { session_id: id, channel, title } = session;
    const open = id === this.selected;
    const unread = !open && this.unread(session);
    const name = title || untitled;
    return html`<div role="listitem" class="item" aria-label=${name}>
      <a class="row ${unread ? 'unread' : ''}" href=${href({ place: 'session', id })} aria-current=${open ? 'page' : nothing}>
        ${channelIcon(channel, 16)}
        <span class="title" dir="auto">${name}</span>
        ${
          id === this.running
            ? html`<span class="running">${icon(LoaderCircle, 14)}<span class="sr">Running</span></span>`
            : html`<time datetime=${lastActivity(session)} title=${exact(lastActivity(session))}
              >${shortAgo(lastActivity(session), this.now)}</time
            >`
        }
        <span class="line" dir="auto">${this.#line(session)}</span>
        ${unread ? html`<span class="dot"><span class="sr">Unread</span></span>` : nothing}
      </a>
    </div>`;
  }

  /** The last message if it arrived here; otherwise the agent and the number of messages. */
  #line(session: Session): string {
    const said = this.lastLines.get(session.session_id);
    if (said) return said;
    const count =
      session.message_count === 1 ? '1 message' : `${session.message_count.toLocaleString()} messages`;
    return [session.user_id === this.me ? '' : session.user_id, session.agent_name, count]
      .filter(Boolean)
      .join(' · ');
  }

  #rest(shown: number): TemplateResult | typeof nothing {
    if (this.problem) return this.#failed();
    if (!this.loaded) return rowsToCome(8);
    if (this.more && !this.sought) return html`<div class="end">${rowsToCome(2)}</div>`;
    return shown === 0 ? this.#empty() : nothing;
  }

  #failed(): TemplateResult {
    return html`<div class="aside" role="alert">
      <p>The sessions could not be loaded. ${this.problem} They are kept at the gateway.</p>
      <button class="button" type="button" @click=${() => this.#say('turn-again')}>Try again</button>
    </div>`;
  }

  #empty(): TemplateResult {
    if (this.sought) return html`<div class="aside"><p>No title here contains “${this.sought}”.</p></div>`;
    if (this.filter)
      return html`<div class="aside"><p>${isKnown(this.filter) ? hints[this.filter] : nothing}</p></div>`;
    return html`<div class="aside">
      <p>Conversations from every channel come together here.</p>
      <button class="button" type="button" @click=${() => this.#say('turn-new')}>Start one</button>
    </div>`;
  }

  #seek = (): void => {
    this.sought = this.search.value;
  };

  #searchKey = (event: KeyboardEvent): void => {
    if (event.key === 'Escape') {
      event.stopPropagation();
      this.sought = '';
      this.search.blur();
    } else if (event.key === 'ArrowDown' || event.key === 'Enter') {
      event.preventDefault();
      this.move(1);
    }
  };

  #say(name: string, detail: Filter = null): void {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

const hints: Readonly<Record<KnownChannel, string>> = {
  web: 'Chats from this console and from web pages with the widget.',
  telegram: 'What people write to the bot on Telegram. Set TURNGATE_TELEGRAM__TOKEN to connect one.',
  scheduled: 'Each run of a schedule is a session. Make a schedule to see the first.',
  terminal: 'Chats from the terminal: turngate chat.',
  api: 'Sessions that programs open over the HTTP API.',
};

function rowsToCome(count: number): TemplateResult {
  const row = html`<div class="skeleton ghost" aria-hidden="true"><i style="width: 62%"></i><i style="width: 38%"></i></div>`;
  return html`${Array.from({ length: count }, () => row)}`;
}
