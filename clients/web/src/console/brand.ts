import { html, type TemplateResult } from 'lit';

/** The gate of the page's icon. */
export function brand(size: number): TemplateResult {
  return html`<svg width=${size} height=${size} viewBox="0 0 32 32" aria-hidden="true" style="display: block; flex: none">
    <rect width="32" height="32" rx="8" fill="var(--turn-accent)" />
    <path d="M9 24V14.5a7 7 0 0 1 14 0V24" fill="none" stroke="var(--turn-on-accent)" stroke-width="3" stroke-linecap="round" />
    <circle cx="16" cy="19.5" r="2.6" fill="var(--turn-on-accent)" />
  </svg>`;
}
