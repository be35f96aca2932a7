import { html, nothing, type TemplateResult } from 'lit';
import { CloudOff } from 'lucide';
import type { LinkState } from '../protocol/connection.js';
import { icon } from '../styles/icon.js';

/** The thin bar that is shown while there is no connection. */
export function linkBar(link: LinkState, slow: boolean, hurry: () => void): TemplateResult | typeof nothing {
  if (link === 'waiting' && !navigator.onLine)
    return bar('You are offline. What you write is kept.', nothing);
  if (link === 'waiting' || (link === 'connecting' && slow)) {
    const now = html`<button class="link" type="button" @click=${hurry}>Try now</button>`;
    return bar('Reconnecting. What you write is kept.', link === 'waiting' ? now : nothing);
  }
  return nothing;
}

function bar(text: string, action: TemplateResult | typeof nothing): TemplateResult {
  return html`<div class="link-bar" role="status">${icon(CloudOff, 14)}<span>${text}</span>${action}</div>`;
}
