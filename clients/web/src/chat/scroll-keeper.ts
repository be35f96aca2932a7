import type { ReactiveController, ReactiveControllerHost } from 'lit';

const near = 48;

/** Keeps the end in view while the reader is there; otherwise keeps what they are reading in place. */
export class ScrollKeeper implements ReactiveController {
  atEnd = true;
  #scroller: HTMLElement | null = null;
  #content: Element | null = null;
  #top = 0;
  #anchor: { readonly element: HTMLElement; readonly top: number } | null = null;
  readonly #resized = new ResizeObserver(() => this.#settle());

  constructor(
    private readonly host: ReactiveControllerHost,
    private readonly find: () => HTMLElement | null,
    private readonly reachedStart: () => void,
  ) {
    host.addController(this);
  }

  hostUpdated(): void {
    const scroller = this.find();
    if (scroller !== this.#scroller || scroller?.firstElementChild !== this.#content) this.#watch(scroller);
    this.#settle();
  }

  hostDisconnected(): void {
    this.#watch(null);
  }

  /** Starts again at the end, for another conversation. */
  reset(): void {
    this.atEnd = true;
    this.#anchor = null;
  }

  toEnd(): void {
    const motion = matchMedia('(prefers-reduced-motion: reduce)').matches ? 'auto' : 'smooth';
    this.#scroller?.scrollTo({ top: this.#scroller.scrollHeight, behavior: motion });
  }

  #watch(scroller: HTMLElement | null): void {
    this.#resized.disconnect();
    this.#scroller?.removeEventListener('scroll', this.#scrolled);
    this.#scroller = scroller;
    this.#content = scroller?.firstElementChild ?? null;
    if (!scroller) return;
    scroller.addEventListener('scroll', this.#scrolled, { passive: true });
    this.#resized.observe(scroller);
    if (this.#content) this.#resized.observe(this.#content);
  }

  #settle(): void {
    const scroller = this.#scroller;
    if (!scroller) return;
    if (this.atEnd) {
      scroller.scrollTop = scroller.scrollHeight;
      this.#top = scroller.scrollTop;
    } else if (this.#anchor?.element.isConnected) {
      scroller.scrollTop += this.#anchor.element.getBoundingClientRect().top - this.#anchor.top;
    }
    this.#hold(scroller);
  }

  #scrolled = (): void => {
    const scroller = this.#scroller;
    if (!scroller) return;
    const was = this.atEnd;
    const close = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < near;
    // Growing content doesn't mean that the reader left the end; only scrolling up does.
    this.atEnd = close || (was && scroller.scrollTop >= this.#top);
    this.#top = scroller.scrollTop;
    this.#hold(scroller);
    if (scroller.scrollTop < 400) this.reachedStart();
    if (was !== this.atEnd) this.host.requestUpdate();
  };

  /** Remembers the position of the topmost visible item. */
  #hold(scroller: HTMLElement): void {
    const top = scroller.getBoundingClientRect().top;
    const items = scroller.querySelectorAll<HTMLElement>('[data-item]');
    for (const element of items) {
      const box = element.getBoundingClientRect();
      if (box.bottom <= top) continue;
      this.#anchor = { element, top: box.top };
      return;
    }
  }
}
