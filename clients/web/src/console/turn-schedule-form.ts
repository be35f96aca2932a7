import { css, html, LitElement, nothing, type TemplateResult } from 'lit';
import { property, query, state } from 'lit/decorators.js';
import type { ApiClient } from '../api/client.js';
import { base, buttons, fields } from '../styles/base.js';
import { define } from '../styles/define.js';
import type { Agent } from '../wire/types.js';
import type { Trigger } from './trigger.js';

type Kind = Trigger['type'];

const kinds: readonly (readonly [Kind, string])[] = [
  ['interval', 'Every so often'],
  ['cron', 'Cron'],
  ['once', 'Once'],
];

/** Creates a schedule. Events: `turn-added` once it is created, `turn-cancel`. */
@define('turn-schedule-form')
export class TurnScheduleForm extends LitElement {
  static override styles = [
    base,
    buttons,
    fields,
    css`
      form {
        display: grid;
        gap: var(--turn-4);
        padding: var(--turn-5);
        border: 1px solid var(--turn-line);
        border-radius: var(--turn-radius-2);
        background: var(--turn-bg-raised);
      }
      h2 {
        font-size: var(--turn-size-4);
        font-weight: 600;
      }
      .two {
        display: grid;
        grid-template-columns: repeat(auto-fit, minmax(min(200px, 100%), 1fr));
        gap: var(--turn-4);
      }
      .every {
        display: grid;
        grid-template-columns: 1fr 1fr;
        gap: var(--turn-2);
      }
      .kinds {
        display: flex;
        gap: 2px;
        padding: 2px;
        width: fit-content;
        max-width: 100%;
        border-radius: 8px;
        background: var(--turn-bg-soft);
      }
      .kinds button {
        padding: 5px 12px;
        border-radius: var(--turn-radius-1);
        font-size: var(--turn-size-2);
        color: var(--turn-text-soft);
      }
      .kinds button[aria-pressed="true"] {
        background: var(--turn-bg-raised);
        color: var(--turn-text);
        font-weight: 500;
        box-shadow: var(--turn-shadow-1);
      }
      .code {
        font-family: var(--turn-font-code);
      }
      .error {
        color: var(--turn-danger);
        font-size: var(--turn-size-2);
      }
      .actions {
        display: flex;
        justify-content: flex-end;
        gap: var(--turn-2);
      }
    `,
  ];

  @property({ attribute: false }) api!: ApiClient;
  @property({ attribute: false }) agents: readonly Agent[] = [];
  @state() private kind: Kind = 'interval';
  @state() private error = '';
  @state() private busy = false;
  @query('form') private form!: HTMLFormElement;

  override firstUpdated(): void {
    this.renderRoot.querySelector('input')?.focus();
  }

  override render() {
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    return html`<form @submit=${this.#submit} aria-label="New schedule">
      <h2>New schedule</h2>
      <div class="two">
        ${field('Name', html`<input class="input" name="name" required maxlength="200" autocomplete="off" placeholder="Morning summary" />`)}
        ${this.agents.length > 1 ? field('Agent', this.#agentChoice()) : nothing}
      </div>
      ${field('Prompt', html`<textarea class="input" name="prompt" required dir="auto" placeholder="What to ask the agent at each run"></textarea>`)}
      <div class="kinds" role="group" aria-label="When">
        ${kinds.map(
          ([kind, name]) =>
            html`<button type="button" aria-pressed=${kind === this.kind} @click=${() => this.#choose(kind)}>${name}</button>`,
        )}
      </div>
      <div class="two">
        ${this.#when()}
        ${field('Time zone', html`<input class="input" name="timezone" required value=${zone} autocomplete="off" spellcheck="false" />`)}
      </div>
      ${this.error ? html`<p class="error" role="alert">${this.error}</p>` : nothing}
      <div class="actions">
        <button class="button" type="button" @click=${() => this.dispatchEvent(new CustomEvent('turn-cancel'))}>Cancel</button>
        <button class="button primary" ?disabled=${this.busy}>Create schedule</button>
      </div>
    </form>`;
  }

  #agentChoice(): TemplateResult {
    return html`<select class="input" name="agent">
      ${this.agents.map((agent) => html`<option>${agent.name}</option>`)}
    </select>`;
  }

  #when(): TemplateResult {
    if (this.kind === 'cron') {
      return field(
        'Cron expression',
        html`<input class="input code" name="expression" required placeholder="0 8 * * 1-5" autocomplete="off" spellcheck="false" />`,
      );
    }
    if (this.kind === 'once')
      return field('At', html`<input class="input" name="at" type="datetime-local" step="1" required />`);
    return field(
      'Every',
      html`<span class="every">
        <input class="input" name="amount" type="number" min="1" step="1" required value="20" aria-label="Every" />
        <select class="input" name="unit" aria-label="Unit">
          <option value="1">seconds</option>
          <option value="60" selected>minutes</option>
          <option value="3600">hours</option>
          <option value="86400">days</option>
        </select>
      </span>`,
    );
  }

  #choose(kind: Kind): void {
    this.kind = kind;
    this.error = '';
  }

  #submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    const data = new FormData(this.form);
    const text = (name: string) => String(data.get(name) ?? '').trim();
    this.busy = true;
    this.error = '';
    try {
      await this.api.addSchedule({
        name: text('name'),
        prompt: text('prompt'),
        timezone: text('timezone'),
        trigger: triggerFrom(this.kind, text),
        ...(this.agents.length > 1 ? { agent_name: text('agent') } : {}),
      });
      this.dispatchEvent(new CustomEvent('turn-added'));
    } catch (error) {
      this.error = error instanceof Error ? error.message : String(error);
    }
    this.busy = false;
  };
}

/** A time without an offset is in the schedule's own time zone. */
function triggerFrom(kind: Kind, text: (name: string) => string): Trigger {
  if (kind === 'cron') return { type: 'cron', expression: text('expression') };
  if (kind === 'once') return { type: 'once', at: text('at') };
  return { type: 'interval', seconds: Number(text('amount')) * Number(text('unit')) };
}

function field(name: string, input: TemplateResult): TemplateResult {
  return html`<label class="field"><span>${name}</span>${input}</label>`;
}
