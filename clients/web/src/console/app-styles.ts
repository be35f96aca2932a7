import { css } from 'lit';

export const appStyles = css`
  :host {
    display: block;
    height: 100%;
  }
  .alone {
    display: grid;
    place-content: center;
    justify-items: center;
    gap: var(--tg-2);
    height: 100%;
    padding: var(--tg-5);
    text-align: center;
    color: var(--tg-text-soft);
  }
  .alone h1 {
    font-size: var(--tg-size-5);
    font-weight: 600;
    color: var(--tg-text);
  }
  .alone .button {
    margin-top: var(--tg-2);
  }
`;
