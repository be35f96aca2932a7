import { html, nothing, type TemplateResult } from 'lit';
import { ChevronRight, Wrench } from 'lucide';
import type { ToolPart } from '../protocol/model.js';
import { icon } from '../styles/icon.js';

/** A tool call as one line that expands to show its input and output. */
export function toolLine(part: ToolPart): TemplateResult {
  return html`<details class="tool">
    <summary>
      ${icon(Wrench, 14)}<span class="tool-name">${part.type.slice('tool-'.length)}</span
      ><span class="tool-state">${stateOf(part)}</span><span class="turns">${icon(ChevronRight, 14)}</span>
    </summary>
    ${shown('Input', part.input)} ${shown('Output', part.output ?? part.errorText)}
  </details>`;
}

function stateOf(part: ToolPart): string {
  if (part.errorText !== undefined || part.state === 'output-error') return 'failed';
  if (part.output !== undefined || part.state === 'output-available') return 'done';
  return 'running';
}

function shown(name: string, value: unknown): TemplateResult | typeof nothing {
  if (value === undefined || value === null) return nothing;
  const text = typeof value === 'string' ? value : JSON.stringify(value, null, 2);
  return html`<p class="tool-label">${name}</p>
    <pre class="tool-text" tabindex="0">${text}</pre>`;
}
