import type { ReactiveController, ReactiveControllerHost } from 'lit';

export type KeyMap = Readonly<Record<string, () => void>>;

/** Keyboard shortcuts of the page, inactive while the user types. Escape also leaves the field. */
export class Keys implements ReactiveController {
  constructor(
    host: ReactiveControllerHost,
    private readonly map: KeyMap,
  ) {
    host.addController(this);
  }

  hostConnected(): void {
    addEventListener('keydown', this.#pressed);
  }

  hostDisconnected(): void {
    removeEventListener('keydown', this.#pressed);
  }

  #pressed = (event: KeyboardEvent): void => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    const target = event.composedPath()[0];
    if (target instanceof HTMLElement && target.closest('dialog')) return;
    if (isField(target)) {
      if (event.key === 'Escape') target.blur();
      return;
    }
    const act = this.map[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  };
}

function isField(target: EventTarget | undefined): target is HTMLElement {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
  );
}
