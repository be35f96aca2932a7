import { applyAccent } from './accent.js';
import { optionsOf, type WidgetOptions } from './options.js';
import './turngate-widget.js';
import type { TurngateWidget } from './turngate-widget.js';

declare global {
  interface Window {
    turngate?: { open(): void; close(): void };
  }
}

// The script's tag is known only while the script runs.
const options = optionsOf(document.currentScript as HTMLScriptElement | null);

function mount(options: WidgetOptions): void {
  const widget = document.createElement('turngate-widget') as TurngateWidget;
  widget.options = options;
  if (options.accent) applyAccent(widget, options.accent);
  document.body.append(widget);
  window.turngate = { open: () => widget.open(), close: () => widget.close() };
}

if (!options) console.warn('Turngate: load widget.js by a script tag with a src, not as a module.');
else if (!window.turngate) {
  window.turngate = { open: () => undefined, close: () => undefined };
  if (document.body) mount(options);
  else addEventListener('DOMContentLoaded', () => mount(options), { once: true });
}
