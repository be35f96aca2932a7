import { css, html, LitElement, nothing, type TemplateResult } from 'lit';
import { property, state } from 'lit/decorators.js';
import {
  CalendarClock,
  type IconNode,
  Keyboard,
  LogOut,
  MessagesSquare,
  Monitor,
  Moon,
  Sun,
  UserRound,
} from 'lucide';
import { base, buttons } from '../styles/base.js';
import { define } from '../styles/define.js';
import { icon } from '../styles/icon.js';
import type { Me } from '../wire/types.js';
import { brand } from './brand.js';
import { chooseTheme, chosenTheme, type Theme, themes } from './theme.js';

const themeFaces: Readonly<Record<Theme, readonly [IconNode, string]>> = {
  system: [Monitor, 'System'],
  light: [Sun, 'Light'],
  dark: [Moon, 'Dark'],
};

/** Navigation and account. Events: `turn-shortcuts`, `turn-sign-out`. */
@define('turn-rail')
export class TurnRail extends LitElement {
  static override styles = [
    base,
    buttons,
    css`
      :host {
        display: flex;
        flex-direction: column;
        align-items: center;
        gap: var(--turn-1);
        padding-block: 10px;
        background: var(--turn-bg-side);
        border-inline-end: 1px solid var(--turn-line);
      }
      .brand {
        display: grid;
        place-items: center;
        width: 40px;
        height: 32px;
        margin-bottom: var(--turn-3);
      }
      .place {
        display: grid;
        place-items: center;
        width: 40px;
        height: 40px;
        border-radius: var(--turn-radius-2);
        color: var(--turn-text-faint);
        transition: background var(--turn-fast) var(--turn-ease), color var(--turn-fast) var(--turn-ease);
      }
      .place:hover,
      .place[aria-expanded="true"] {
        background: var(--turn-bg-hover);
        color: var(--turn-text);
      }
      .place[aria-current] {
        background: var(--turn-accent-soft);
        color: var(--turn-accent);
      }
      .label {
        display: none;
      }
      .account {
        position: relative;
        margin-top: auto;
      }
      .menu {
        position: absolute;
        inset-block-end: 0;
        inset-inline-start: calc(100% + 12px);
        z-index: 20;
        display: grid;
        gap: var(--turn-1);
        width: 240px;
        padding: var(--turn-2);
        border: 1px solid var(--turn-line);
        border-radius: var(--turn-radius-2);
        background: var(--turn-bg-raised);
        box-shadow: var(--turn-shadow-3);
        animation: arrive var(--turn-fast) var(--turn-ease);
      }
      @keyframes arrive {
        from {
          opacity: 0;
          transform: translateY(4px);
        }
      }
      .who {
        padding: 6px 8px 10px;
        border-bottom: 1px solid var(--turn-line);
        margin-bottom: var(--turn-1);
      }
      .who strong {
        display: block;
        font-weight: 600;
        overflow: hidden;
        text-overflow: ellipsis;
      }
      .who span {
        font-size: var(--turn-size-2);
        color: var(--turn-text-faint);
      }
      .themes {
        display: grid;
        grid-template-columns: repeat(3, 1fr);
        gap: 2px;
        padding: 2px;
        margin-block: 4px;
        border-radius: var(--turn-radius-1);
        background: var(--turn-bg-soft);
      }
      .themes button {
        display: flex;
        align-items: center;
        justify-content: center;
        gap: 5px;
        height: 28px;
        border-radius: 5px;
        font-size: var(--turn-size-1);
        color: var(--turn-text-soft);
      }
      .themes button[aria-pressed="true"] {
        background: var(--turn-bg-raised);
        color: var(--turn-text);
        box-shadow: var(--turn-shadow-1);
      }
      .entry {
        display: flex;
        align-items: center;
        gap: 10px;
        height: 34px;
        padding-inline: 8px;
        border-radius: var(--turn-radius-1);
        color: var(--turn-text-soft);
      }
      .entry:hover {
        background: var(--turn-bg-hover);
        color: var(--turn-text);
      }
      @media (max-width: 699px) {
        :host {
          flex-direction: row;
          justify-content: space-around;
          padding: 4px var(--turn-4) max(4px, env(safe-area-inset-bottom));
          border-inline-end: 0;
          border-top: 1px solid var(--turn-line);
        }
        .brand {
          display: none;
        }
        .account {
          margin: 0;
        }
        .place,
        .place[aria-current] {
          width: 88px;
          height: 48px;
          gap: 2px;
          background: none;
        }
        .label {
          display: block;
          font-size: var(--turn-size-1);
          line-height: 14px;
        }
        .menu {
          inset-block-end: calc(100% + 8px);
          inset-inline: auto -8px;
        }
        .entry {
          height: 44px;
        }
        .themes button {
          height: 36px;
        }
      }
      @media (hover: none) {
        .keys {
          display: none;
        }
      }
    `,
  ];

  @property({ attribute: false }) me: Me | null = null;
  @property() place: 'sessions' | 'schedules' = 'sessions';
  @state() private open = false;
  @state() private theme = chosenTheme();

  override connectedCallback(): void {
    super.connectedCallback();
    addEventListener('pointerdown', this.#outside);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    removeEventListener('pointerdown', this.#outside);
  }

  override render() {
    return html`<span class="brand">${brand(28)}</span>
      ${this.#place('sessions', '#/', MessagesSquare, 'Sessions')}
      ${this.#place('schedules', '#/schedules', CalendarClock, 'Schedules')}
      <div class="account" @keydown=${this.#key}>
        <button
          class="place"
          type="button"
          aria-label="Account"
          title="Account"
          aria-expanded=${this.open}
          @click=${() => this.#toggle()}
        >
          ${icon(UserRound, 20)}<span class="label" aria-hidden="true">Account</span>
        </button>
        ${this.open ? this.#menu() : nothing}
      </div>`;
  }

  #place(name: 'sessions' | 'schedules', to: string, sign: IconNode, label: string): TemplateResult {
    return html`<a
      class="place"
      href=${to}
      aria-label=${label}
      title=${label}
      aria-current=${this.place === name ? 'page' : nothing}
      style="text-decoration: none"
      >${icon(sign, 20)}<span class="label" aria-hidden="true">${label}</span></a
    >`;
  }

  #menu(): TemplateResult {
    return html`<div class="menu" role="group" aria-label="Account">
      <div class="who"><strong>${this.me?.user_id}</strong><span>${this.me?.role}</span></div>
      <div class="themes" role="group" aria-label="Theme">
        ${themes.map(
          (theme) =>
            html`<button type="button" aria-pressed=${theme === this.theme} @click=${() => this.#choose(theme)}>
              ${icon(themeFaces[theme][0], 14)}${themeFaces[theme][1]}
            </button>`,
        )}
      </div>
      <button class="entry keys" type="button" @click=${() => this.#say('turn-shortcuts')}>${icon(Keyboard)}Keyboard shortcuts</button>
      <button class="entry" type="button" @click=${() => this.#say('turn-sign-out')}>${icon(LogOut)}Sign out</button>
    </div>`;
  }

  #toggle(): void {
    this.open = !this.open;
  }

  #choose(theme: Theme): void {
    chooseTheme(theme);
    this.theme = theme;
  }

  #outside = (event: Event): void => {
    if (this.open && !event.composedPath().includes(this)) this.open = false;
  };

  #key = (event: KeyboardEvent): void => {
    if (event.key !== 'Escape' || !this.open) return;
    event.stopPropagation();
    this.open = false;
    this.renderRoot.querySelector<HTMLElement>('.account > button')?.focus();
  };

  #say(name: string): void {
    this.open = false;
    this.dispatchEvent(new CustomEvent(name));
  }
}
