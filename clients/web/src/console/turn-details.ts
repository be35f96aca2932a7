import { css, html, LitElement, nothing, type TemplateResult } from 'lit';
import { property, state } from 'lit/decorators.js';
import { Check, Copy, X } from 'lucide';
import { channelHues, channelIcon, faceOf } from '../chat/channel-face.js';
import { copyText } from '../markdown/decorate.js';
import { base, buttons } from '../styles/base.js';
import { define } from '../styles/define.js';
import { icon } from '../styles/icon.js';
import { exact } from '../text/time.js';
import type { Session } from '../wire/types.js';

/** The details of a session. Event: `turn-close`. */
@define('turn-details')
export class TurnDetails extends LitElement {
  static override styles = [
    base,
    buttons,
    channelHues,
    css`
      :host {
        display: flex;
        flex-direction: column;
        min-height: 0;
        background: var(--turn-bg);
        border-inline-start: 1px solid var(--turn-line);
        overflow-y: auto;
      }
      header {
        display: flex;
        align-items: center;
        justify-content: space-between;
        flex: none;
        height: 52px;
        padding-inline: var(--turn-4) var(--turn-2);
      }
      h2 {
        font-weight: 600;
      }
      dl {
        display: grid;
        gap: var(--turn-3);
        margin: 0;
        padding: var(--turn-1) var(--turn-4) var(--turn-5);
      }
      dt {
        font-size: var(--turn-size-1);
        color: var(--turn-text-faint);
      }
      dd {
        display: flex;
        align-items: center;
        gap: 6px;
        margin: 0;
        overflow-wrap: anywhere;
      }
      code,
      pre {
        margin: 0;
        font-family: var(--turn-font-code);
        font-size: var(--turn-size-1);
        white-space: pre-wrap;
        overflow-wrap: anywhere;
      }
      .square {
        width: 28px;
        height: 28px;
        flex: none;
      }
    `,
  ];

  @property({ attribute: false }) session!: Session;
  @state() private copied = false;

  override render() {
    const session = this.session;
    return html`<header>
        <h2>Details</h2>
        <button class="square" type="button" aria-label="Close details" title="Close (Esc)" @click=${this.#close}>${icon(X, 18)}</button>
      </header>
      <dl>
        ${fact('Channel', html`${channelIcon(session.channel)}<span aria-hidden="true">${faceOf(session.channel).name}</span>`)}
        ${fact('User', session.user_id)} ${fact('Agent', session.agent_name)}
        ${fact('State', session.is_active ? 'Active' : 'Ended')}
        ${fact('Messages', session.message_count.toLocaleString())} ${fact('Started', exact(session.created_at))}
        ${session.last_message_at ? fact('Last message', exact(session.last_message_at)) : nothing}
        ${session.ended_at ? fact('Ended', exact(session.ended_at)) : nothing}
        ${session.parent_session_id ? fact('Forked from', html`<code>${session.parent_session_id}</code>`) : nothing}
        ${fact('Session id', this.#id(session.session_id))} ${metadata(session)}
      </dl>`;
  }

  #id(id: string): TemplateResult {
    return html`<code>${id}</code>
      <button class="square" type="button" aria-label="Copy session id" title="Copy" @click=${() => void this.#copy(id)}>
        ${icon(this.copied ? Check : Copy, 14)}
      </button>`;
  }

  async #copy(id: string): Promise<void> {
    this.copied = await copyText(id);
  }

  #close = (): void => {
    this.dispatchEvent(new CustomEvent('turn-close'));
  };
}

function metadata(session: Session): TemplateResult | typeof nothing {
  if (!session.metadata || Object.keys(session.metadata).length === 0) return nothing;
  return fact('Metadata', html`<pre>${JSON.stringify(session.metadata, null, 2)}</pre>`);
}

function fact(name: string, value: TemplateResult | string): TemplateResult {
  return html`<div>
    <dt>${name}</dt>
    <dd>${value}</dd>
  </div>`;
}
