import { html, nothing, type TemplateResult } from 'lit';
import { Brain, ChevronRight, ExternalLink, Paperclip } from 'lucide';
import type { LinkPart, ReasoningPart } from '../protocol/model.js';
import { icon } from '../styles/icon.js';

/** The model's reasoning as one line that expands. */
export function reasoningLine(part: ReasoningPart): TemplateResult {
  return html`<details class="tool">
    <summary>${icon(Brain, 14)}<span class="tool-name">Reasoning</span><span class="turns">${icon(ChevronRight, 14)}</span></summary>
    <pre class="tool-text" tabindex="0">${part.text}</pre>
  </details>`;
}

/** Pages that the answer relies on, and its files. Images are shown only if they are in the message itself: others tell their server who looks. */
export function links(parts: readonly LinkPart[]): TemplateResult | typeof nothing {
  const shown = parts.filter(isSafe);
  if (shown.length === 0) return nothing;
  return html`<ul class="links" aria-label="Sources and files">
    ${shown.map((part) => html`<li>${isInlineImage(part) ? picture(part) : link(part)}</li>`)}
  </ul>`;
}

export function isSafe({ type, url }: LinkPart): boolean {
  return /^https?:/i.test(url) || (type === 'file' && url.startsWith('data:'));
}

function isInlineImage({ url }: LinkPart): boolean {
  return /^data:image\/(png|jpeg|gif|webp|avif)[;,]/i.test(url);
}

function picture(part: LinkPart): TemplateResult {
  return html`<img src=${part.url} alt=${part.filename ?? 'Image'} />`;
}

function link(part: LinkPart): TemplateResult {
  const isFile = part.type === 'file';
  const name = part.title ?? part.filename ?? (part.url.startsWith('data:') ? 'File' : part.url);
  return html`<a href=${part.url} target="_blank" rel="noopener noreferrer" download=${isFile ? (part.filename ?? '') : nothing}
    >${icon(isFile ? Paperclip : ExternalLink, 14)}${name}</a
  >`;
}
