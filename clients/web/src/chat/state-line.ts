import { html, nothing, type TemplateResult } from 'lit';
import { Check, CircleAlert, CircleStop, Clock, CloudOff, type IconNode, LoaderCircle } from 'lucide';
import { icon } from '../styles/icon.js';
import type { Entry, EntryState } from './timeline.js';

const words: Readonly<Record<EntryState, readonly [IconNode, string]>> = {
  waiting: [CloudOff, 'Not sent yet. It will be sent when the gateway is back.'],
  sending: [Clock, 'Sending'],
  sent: [Check, 'Sent'],
  queued: [Clock, 'Queued'],
  running: [LoaderCircle, 'Running'],
  stopped: [CircleStop, 'Stopped'],
  failed: [CircleAlert, 'Failed'],
  apology: [CircleAlert, 'From the gateway: the agent gave no answer.'],
};

/** An entry's state as text and icon. */
export function stateLine(
  entry: Entry,
  act: (name: 'retry' | 'discard') => void,
): TemplateResult | typeof nothing {
  if (!entry.state) return nothing;
  const [sign, word] = words[entry.state];
  const attempt = entry.state === 'running' && entry.attempt > 1 ? `, attempt ${entry.attempt}` : '';
  return html`<p class="state" data-state=${entry.state}>
    ${icon(sign, 14)}<span>${wording(entry, word)}${attempt}</span>${entry.pendingId && entry.state === 'failed' ? choices(act) : nothing}
  </p>`;
}

function wording(entry: Entry, word: string): string {
  if (entry.state === 'running' && entry.doing) return entry.doing;
  if (entry.state !== 'failed') return word;
  if (entry.pendingId) return `Not sent. ${sentence(entry.problem ?? '')}`;
  return entry.role === 'assistant'
    ? 'The agent failed. Your message is kept; send it again to retry.'
    : 'Failed';
}

function sentence(text: string): string {
  const end = text.trim();
  return end === '' || /[.!?…]$/.test(end) ? end : `${end}.`;
}

function choices(act: (name: 'retry' | 'discard') => void): TemplateResult {
  return html`<button class="link" type="button" @click=${() => act('retry')}>Retry</button>
    <button class="link" type="button" @click=${() => act('discard')}>Discard</button>`;
}
