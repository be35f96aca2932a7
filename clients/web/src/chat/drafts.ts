import { keep, type Store } from '../platform/storage.js';

/** Unsent text per place; survives a reload. */
export class Drafts {
  constructor(
    private readonly store: Store,
    private readonly scope: string,
  ) {}

  at(place: string): string {
    return this.store.getItem(this.#key(place)) ?? '';
  }

  keep(place: string, text: string): void {
    if (text) keep(this.store, this.#key(place), text);
    else this.store.removeItem(this.#key(place));
  }

  move(from: string, to: string): void {
    const text = this.at(from);
    if (!text) return;
    this.keep(to, text);
    this.keep(from, '');
  }

  #key(place: string): string {
    return `turngate:draft:${this.scope}:${place}`;
  }
}
