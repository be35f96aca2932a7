/** Adds to a sanitized block what Markdown can't express: reading direction, code frames, scrolling tables. */
export function decorate(block: HTMLElement): void {
  for (const element of block.querySelectorAll('p,h1,h2,h3,h4,h5,h6,li,blockquote,td,th,dd,dt')) {
    element.setAttribute('dir', 'auto');
  }
  for (const pre of block.querySelectorAll('pre')) pre.replaceWith(framedCode(pre));
  for (const table of block.querySelectorAll('table')) table.replaceWith(scrolling(table));
}

function framedCode(pre: HTMLPreElement): HTMLElement {
  const code = pre.querySelector('code');
  const named = code?.className.replace(/^language-/, '') ?? '';
  const frame = made('figure', 'code');
  const head = made('figcaption', '');
  const label = made('span', '');
  label.textContent = named || 'Code';
  head.append(
    label,
    copyButton(() => pre.textContent ?? ''),
  );
  const body = pre.cloneNode(true) as HTMLPreElement;
  body.tabIndex = 0;
  frame.dir = 'ltr';
  frame.append(head, body);
  return frame;
}

function copyButton(text: () => string): HTMLButtonElement {
  const button = document.createElement('button');
  button.type = 'button';
  button.textContent = 'Copy';
  button.addEventListener('click', () => {
    void copyText(text()).then((copied) => {
      button.textContent = copied ? 'Copied' : 'Press Ctrl+C';
      setTimeout(() => {
        button.textContent = 'Copy';
      }, 1500);
    });
  });
  return button;
}

/** Returns false on pages without TLS, which have no access to the clipboard. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

function scrolling(table: HTMLTableElement): HTMLElement {
  const box = made('div', 'table');
  box.tabIndex = 0;
  box.append(table.cloneNode(true));
  return box;
}

function made(tag: string, className: string): HTMLElement {
  const element = document.createElement(tag);
  if (className) element.className = className;
  return element;
}
