import { describe, expect, test } from 'vitest';
import { plainText, renderBlocks } from './render.js';

function page(text: string): HTMLElement {
  const root = document.createElement('div');
  root.innerHTML = renderBlocks(text)
    .map(({ html }) => html)
    .join('');
  return root;
}

/** From OWASP's XSS filter evasion cheat sheet, with additions for Markdown. */
const attacks = [
  '<script>alert(1)</script>',
  '<img src=x onerror=alert(1)>',
  '<img src="javascript:alert(1)">',
  '<svg onload=alert(1)><script>alert(1)</script></svg>',
  '<iframe src="javascript:alert(1)"></iframe>',
  '<iframe srcdoc="<script>alert(1)</script>"></iframe>',
  '<object data="javascript:alert(1)"></object>',
  '<embed src="data:text/html,<script>alert(1)</script>">',
  '<a href="javascript:alert(1)">x</a>',
  '<a href="jAvAsCrIpT:alert(1)">x</a>',
  '<a href="java&#09;script:alert(1)">x</a>',
  '<a href="&#x6A;avascript:alert(1)">x</a>',
  '<a href=" &#14; javascript:alert(1)">x</a>',
  '<a href="vbscript:msgbox(1)">x</a>',
  '<a href="data:text/html,<script>alert(1)</script>">x</a>',
  '<a href="https://example.org" onclick="alert(1)">x</a>',
  '<form action="javascript:alert(1)"><input type=submit></form>',
  '<form id="attributes"><input name="attributes"></form>',
  '<math><mi//xlink:href="data:x,<script>alert(1)</script>">',
  '<style>@import "https://evil.example/x.css"; * { background: url(https://evil.example) }</style>',
  '<div style="background:url(javascript:alert(1))">x</div>',
  '<link rel=stylesheet href="https://evil.example/x.css">',
  '<meta http-equiv="refresh" content="0;url=javascript:alert(1)">',
  '<base href="https://evil.example/">',
  '<body onload=alert(1)>',
  '<input autofocus onfocus=alert(1)>',
  '<details open ontoggle=alert(1)>x</details>',
  '<video><source onerror="alert(1)"></video>',
  '<audio src=x onerror=alert(1)>',
  '<noscript><p title="</noscript><img src=x onerror=alert(1)>">',
  '<mglyph><style><img src=x onerror=alert(1)></style></mglyph>',
  '<template><script>alert(1)</script></template>',
  '[x](javascript:alert(1))',
  '[x](JaVaScRiPt:alert(1))',
  '[x](javascript&colon;alert(1))',
  '[x](data:text/html;base64,PHNjcmlwdD4=)',
  '[x]: javascript:alert(1)\n\n[x]',
  '![x](javascript:alert(1))',
  '![x"onerror="alert(1)](y)',
  '![](https://evil.example/a.png"onload="alert(1))',
  '<javascript:alert(1)>',
  '```html"onmouseover="alert(1)\nx\n```',
  '`<img src=x onerror=alert(1)>`',
];

describe('renderBlocks', () => {
  test.each(attacks)('makes %s inert', (attack) => {
    for (const element of page(attack).querySelectorAll('*')) {
      expect(element.tagName).not.toMatch(
        /^(SCRIPT|IFRAME|OBJECT|EMBED|STYLE|LINK|META|BASE|FORM|INPUT|SVG|MATH|IMG|VIDEO|AUDIO|SOURCE|TEMPLATE)$/i,
      );
      for (const { name, value } of element.attributes) {
        expect(name).not.toMatch(/^on|^style$|^src|^id$|^name$/);
        if (name === 'href') expect(value).toMatch(/^(https?:|mailto:|tel:)/);
      }
    }
  });

  test('a remote image is a link, and nothing that loads', () => {
    const root = page('![A cat](https://example.org/cat.png) and <img src="https://example.org/dog.png">');
    expect(root.querySelector('img')).toBeNull();
    expect(root.querySelector('a')?.outerHTML).toContain('https://example.org/cat.png');
    expect(root.querySelector('a')?.textContent).toBe('A cat');
  });

  test('links open elsewhere and tell nothing', () => {
    const link = page('[here](https://example.org)').querySelector('a');
    expect(link?.rel).toBe('noopener noreferrer');
    expect(link?.target).toBe('_blank');
  });

  test('code keeps its language', () => {
    expect(page('```python\nprint(1)\n```').querySelector('code')?.className).toBe('language-python');
  });

  test('tables and task lists are kept', () => {
    expect(page('| a | b |\n|---|--:|\n| 1 | 2 |').querySelectorAll('td')).toHaveLength(2);
    expect(page('- [x] done\n- [ ] open').textContent).toContain('☑ done');
  });

  test('finished blocks stay equal while the text grows', () => {
    const before = renderBlocks('One.\n\nTwo');
    const after = renderBlocks('One.\n\nTwo and\n\n```js\nlet a');
    expect(after[0]).toEqual(before[0]);
    expect(after).toHaveLength(3);
  });

  test('a reference is found wherever it stands', () => {
    expect(page('[a][1] text\n\nmore\n\n[1]: https://example.org').querySelector('a')?.href).toBe(
      'https://example.org/',
    );
  });

  test('a screen reader hears the words', () => {
    expect(plainText('# Hi\n\n**bold** `code`')).toBe('Hi bold code');
  });
});
