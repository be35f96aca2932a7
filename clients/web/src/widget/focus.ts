const stops = 'button:not(:disabled), a[href], textarea, [tabindex="0"]';

/** Keeps Tab inside the panel while it covers the page. */
export function keepFocusInside(panel: HTMLElement, event: KeyboardEvent): void {
  const all = stopsIn(panel);
  const active = event.composedPath()[0];
  const edge = event.shiftKey ? all[0] : all.at(-1);
  if (active !== edge) return;
  event.preventDefault();
  (event.shiftKey ? all.at(-1) : all[0])?.focus();
}

function stopsIn(root: ParentNode): HTMLElement[] {
  return [...root.querySelectorAll<HTMLElement>('*')].flatMap((element) => {
    const inner = element.shadowRoot ? stopsIn(element.shadowRoot) : [];
    return element.matches(stops) && element.offsetParent !== null ? [element, ...inner] : inner;
  });
}
