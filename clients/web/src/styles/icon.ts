import { html, type TemplateResult } from 'lit';
import { unsafeSVG } from 'lit/directives/unsafe-svg.js';
import type { IconNode } from 'lucide';

const drawn = new Map<IconNode, string>();

/** A Lucide icon, hidden from assistive technology: there is text next to it or in the button's label. */
export function icon(node: IconNode, size = 16): TemplateResult {
  return html`<svg class="icon" width=${size} height=${size} viewBox="0 0 24 24" fill="none" stroke="currentColor"
    stroke-width=${size < 20 ? 2 : 1.75} stroke-linecap="round" stroke-linejoin="round" aria-hidden="true"
    >${unsafeSVG(markup(node))}</svg>`;
}

function markup(node: IconNode): string {
  const known = drawn.get(node);
  if (known !== undefined) return known;
  const made = node.map(([tag, attributes]) => `<${tag} ${written(attributes)}/>`).join('');
  drawn.set(node, made);
  return made;
}

function written(attributes: Record<string, string | number | undefined>): string {
  return Object.entries(attributes)
    .filter(([name]) => name !== 'key')
    .map(([name, value]) => `${name}="${value}"`)
    .join(' ');
}
