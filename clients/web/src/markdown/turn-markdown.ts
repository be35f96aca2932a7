import { css, html, LitElement, type PropertyValues } from 'lit';
import { property } from 'lit/decorators.js';
import { base } from '../styles/base.js';
import { define } from '../styles/define.js';
import { decorate } from './decorate.js';
import { prose } from './prose.js';
import { type Block, renderBlocks } from './render.js';

/** Sanitized Markdown. While a text grows, finished blocks keep their nodes, so nothing flickers. */
@define('turn-markdown')
export class TurnMarkdown extends LitElement {
  static override styles = [
    base,
    prose,
    css`
      :host {
        display: block;
        font-size: inherit;
        line-height: inherit;
      }
    `,
  ];

  @property() text = '';
  #drawn: Block[] = [];

  override render() {
    return html`<div class="prose"></div>`;
  }

  override updated(changed: PropertyValues<this>): void {
    if (changed.has('text')) this.#draw(renderBlocks(this.text));
  }

  #draw(blocks: Block[]): void {
    const root = this.renderRoot.querySelector('.prose');
    if (!root) return;
    blocks.forEach((block, at) => {
      if (this.#drawn[at]?.html === block.html) return;
      const node = drawnBlock(block);
      const old = root.children[at];
      if (old) old.replaceWith(node);
      else root.append(node);
    });
    while (root.children.length > blocks.length) root.lastElementChild?.remove();
    this.#drawn = blocks;
  }
}

function drawnBlock(block: Block): HTMLElement {
  const node = document.createElement('div');
  node.className = 'block';
  node.innerHTML = block.html;
  decorate(node);
  return node;
}
