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
    gap: var(--turn-2);
    height: 100%;
    padding: var(--turn-5);
    text-align: center;
    color: var(--turn-text-soft);
  }
  .alone h1 {
    font-size: var(--turn-size-5);
    font-weight: 600;
    color: var(--turn-text);
  }
  .alone .button {
    margin-top: var(--turn-2);
  }
`;
