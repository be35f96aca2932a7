import DOMPurify from 'dompurify';
import { Marked, type Token, type TokensList } from 'marked';

/** A top-level block of a text: sanitized, and comparable, so that unchanged blocks aren't drawn again. */
export interface Block {
  readonly html: string;
}

const marked = new Marked({
  gfm: true,
  breaks: true,
  renderer: {
    // A message must not make the browser fetch anything, so an image is shown as a link.
    image({ href, text }) {
      return `<a href="${escaped(href)}" data-image>${escaped(text || href)}</a>`;
    },
    // Handlers never run, but a page with a content security policy would report each one that is parsed.
    html({ text }) {
      return text.replace(/<[^>]+>/g, withoutHandlers);
    },
    checkbox({ checked }) {
      return checked ? '☑ ' : '☐ ';
    },
  },
});

const purify = DOMPurify();
const safeLink = /^(?:https?:|mailto:|tel:)/i;
const language = /^language-[\w+#.-]+$/;

purify.addHook('uponSanitizeAttribute', (node, attribute) => {
  if (attribute.attrName === 'class') {
    attribute.keepAttr = node.nodeName === 'CODE' && language.test(attribute.attrValue);
  }
  if (attribute.attrName === 'href') attribute.keepAttr = safeLink.test(attribute.attrValue.trim());
});

purify.addHook('afterSanitizeAttributes', (node) => {
  if (node.nodeName !== 'A') return;
  node.setAttribute('target', '_blank');
  node.setAttribute('rel', 'noopener noreferrer');
});

const allowed = {
  ALLOWED_TAGS: (
    'a abbr b blockquote br code dd del dl dt em h1 h2 h3 h4 h5 h6 hr i ins kbd li mark ol p pre q s small span strong ' +
    'sub sup table tbody td tfoot th thead tr u ul'
  ).split(' '),
  ALLOWED_ATTR: ['href', 'title', 'class', 'align', 'start', 'colspan', 'rowspan', 'data-image'],
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
};

/** Renders Markdown as sanitized blocks. The text may be incomplete: a reply is rendered while it streams. */
export function renderBlocks(text: string): Block[] {
  const tokens = marked.lexer(text);
  return tokens
    .filter((token) => token.type !== 'space')
    .map((token) => ({ html: blockHtml(token, tokens.links) }));
}

function blockHtml(token: Token, links: TokensList['links']): string {
  const one = Object.assign([token], { links }) satisfies TokensList;
  return purify.sanitize(marked.parser(one), allowed);
}

/** The words of a text, for screen readers. */
export function plainText(text: string): string {
  const page = new DOMParser().parseFromString(
    renderBlocks(text)
      .map((block) => block.html)
      .join(' '),
    'text/html',
  );
  return (page.body.textContent ?? '').replace(/\s+/g, ' ').trim();
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (letter) => `&#${letter.charCodeAt(0)};`);
}

/** Renames event handlers in a tag to attributes without meaning, which are then dropped with the others. */
function withoutHandlers(tag: string): string {
  return tag.replace(/([\s/"'])on(?=[a-z]+\s*=)/gi, '$1no-');
}
