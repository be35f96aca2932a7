import { html, LitElement, nothing, type TemplateResult } from 'lit';
import { property, state } from 'lit/decorators.js';
import { repeat } from 'lit/directives/repeat.js';
import { CalendarClock, Play, Plus } from 'lucide';
import type { ApiClient } from '../api/client.js';
import { base, buttons, skeleton } from '../styles/base.js';
import { define } from '../styles/define.js';
import { icon } from '../styles/icon.js';
import { exact, fromNow } from '../text/time.js';
import type { Agent, Schedule } from '../wire/types.js';
import { schedulesStyles } from './schedules-styles.js';
import './turn-schedule-form.js';
import { triggerWords } from './trigger.js';

/** Prompts that run on a schedule. */
@define('turn-schedules')
export class TurnSchedules extends LitElement {
  static override styles = [base, buttons, skeleton, schedulesStyles];

  @property({ attribute: false }) api!: ApiClient;
  @property({ attribute: false }) agents: readonly Agent[] = [];
  @property({ attribute: false }) me = '';
  @property({ attribute: false }) now = new Date();
  @state() private schedules: readonly Schedule[] | null = null;
  @state() private problem = '';
  @state() private adding = false;
  @state() private news = '';

  override connectedCallback(): void {
    super.connectedCallback();
    void this.#load();
  }

  override render() {
    return html`<div class="page">
      <header>
        <div>
          <h1>Schedules</h1>
          <p>Prompts that run on a schedule. Each run is a session of its own, under Scheduled.</p>
        </div>
        ${
          this.adding
            ? nothing
            : html`<button class="button primary" type="button" @click=${() => this.#add(true)}>${icon(Plus)}New schedule</button>`
        }
      </header>
      ${
        this.adding
          ? html`<turn-schedule-form
            .api=${this.api}
            .agents=${this.agents}
            @turn-added=${this.#added}
            @turn-cancel=${() => this.#add(false)}
          ></turn-schedule-form>`
          : nothing
      }
      <p class="news" role="status">${this.news}</p>
      ${this.#content()}
    </div>`;
  }

  #content(): TemplateResult {
    if (this.problem) {
      return html`<div class="empty" role="alert">
        <p>The schedules could not be loaded. ${this.problem} They are kept, and go on running.</p>
        <button class="button" type="button" @click=${() => void this.#load()}>Try again</button>
      </div>`;
    }
    if (!this.schedules)
      return html`<div class="skeleton ghosts" aria-busy="true"><i></i><i></i><i></i></div>`;
    if (this.schedules.length > 0) {
      return html`<ul aria-label="Schedules">
        ${repeat(
          this.schedules,
          (schedule) => schedule.id,
          (schedule) => this.#row(schedule),
        )}
      </ul>`;
    }
    if (this.adding) return html``;
    return html`<div class="empty">
      ${icon(CalendarClock, 28)}
      <p>Nothing is scheduled. Have an agent write you a summary every morning, or check something every hour.</p>
    </div>`;
  }

  #row(schedule: Schedule): TemplateResult {
    return html`<li class=${schedule.is_active ? '' : 'off'}>
      <div class="what">
        <h2 dir="auto">${schedule.name}</h2>
        <p class="prompt" dir="auto">${schedule.prompt}</p>
        <p class="facts">
          <span>${triggerWords(schedule.trigger, schedule.timezone)}</span><span>${schedule.timezone}</span><span>${schedule.agent_name}</span>
        </p>
      </div>
      <div class="when">${this.#next(schedule)}${this.#last(schedule)}</div>
      <button class="button" type="button" aria-label="Run ${schedule.name} now" @click=${() => void this.#run(schedule)}>
        ${icon(Play, 14)}Run now
      </button>
    </li>`;
  }

  #next({ is_active, next_fire_at: next }: Schedule): TemplateResult {
    if (!is_active) return html`<p>Paused</p>`;
    if (!next) return html`<p>Done</p>`;
    return html`<p title=${exact(next)}>Next ${fromNow(next, this.now)}</p>`;
  }

  #last({ last_fire_at: last }: Schedule): TemplateResult {
    if (!last) return html`<p class="faint">Never run</p>`;
    return html`<p class="faint" title=${exact(last)}>Last ${fromNow(last, this.now)}</p>`;
  }

  #add(adding: boolean): void {
    this.adding = adding;
    this.news = '';
  }

  #added = (): void => {
    this.adding = false;
    void this.#load();
  };

  async #run(schedule: Schedule): Promise<void> {
    try {
      await this.api.runSchedule(schedule.id);
      this.news = `${schedule.name} runs now. It appears under Scheduled.`;
      void this.#load();
    } catch (error) {
      this.news = `${schedule.name} could not be run. ${error instanceof Error ? error.message : ''}`;
    }
  }

  async #load(): Promise<void> {
    try {
      this.schedules = await this.api.schedules();
      this.now = new Date();
      this.problem = '';
    } catch (error) {
      this.problem = error instanceof Error ? error.message : String(error);
    }
  }
}
