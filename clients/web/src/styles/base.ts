import { css } from 'lit';

/** The base styles of all elements: box sizing, buttons, fields, focus. */
export const base = css`
  *,
  *::before,
  *::after {
    box-sizing: border-box;
  }
  [hidden] {
    display: none !important;
  }
  :host {
    font-family: var(--turn-font);
    font-size: var(--turn-size-3);
    line-height: 1.45;
    color: var(--turn-text);
    -webkit-font-smoothing: antialiased;
  }
  h1,
  h2,
  h3,
  p {
    margin: 0;
    font-weight: inherit;
    font-size: inherit;
  }
  button,
  input,
  select,
  textarea {
    font: inherit;
    color: inherit;
    letter-spacing: inherit;
    margin: 0;
  }
  button {
    border: 0;
    background: none;
    padding: 0;
    cursor: pointer;
    text-align: inherit;
  }
  button:disabled {
    cursor: default;
  }
  :focus-visible {
    outline: 2px solid var(--turn-focus);
    outline-offset: 1px;
  }
  svg.icon {
    display: block;
    flex: none;
  }
  .sr {
    position: absolute;
    width: 1px;
    height: 1px;
    overflow: hidden;
    clip-path: inset(50%);
    white-space: nowrap;
  }
  @media (prefers-reduced-motion: reduce) {
    *,
    *::before,
    *::after {
      animation-duration: 0s !important;
      transition-duration: 0s !important;
    }
  }
`;

/** Buttons: plain, primary, quiet (text only) and icon (square). */
export const buttons = css`
  .button {
    display: inline-flex;
    align-items: center;
    justify-content: center;
    gap: 6px;
    height: 32px;
    padding: 0 var(--turn-3);
    border-radius: var(--turn-radius-1);
    border: 1px solid var(--turn-line-strong);
    background: var(--turn-bg-raised);
    font-size: var(--turn-size-2);
    font-weight: 500;
    white-space: nowrap;
    transition: background var(--turn-fast) var(--turn-ease);
  }
  .button:hover:not(:disabled) {
    background: var(--turn-bg-hover);
  }
  .button.primary {
    border-color: transparent;
    background: var(--turn-accent);
    color: var(--turn-on-accent);
  }
  .button.primary:hover:not(:disabled) {
    background: var(--turn-accent-strong);
  }
  .button:disabled {
    opacity: 0.5;
  }
  .link {
    color: var(--turn-accent);
    font-weight: 500;
    border-radius: 4px;
    text-decoration: underline;
    text-decoration-color: color-mix(in oklab, currentcolor 35%, transparent);
    text-underline-offset: 2px;
  }
  .link:hover {
    text-decoration-color: currentcolor;
  }
  .square {
    display: grid;
    place-items: center;
    width: 32px;
    height: 32px;
    border-radius: var(--turn-radius-1);
    color: var(--turn-text-soft);
    transition: background var(--turn-fast) var(--turn-ease), color var(--turn-fast) var(--turn-ease);
  }
  .square:hover {
    background: var(--turn-bg-hover);
    color: var(--turn-text);
  }
  @media (pointer: coarse) {
    .square {
      width: 40px;
      height: 40px;
    }
    .button {
      height: 40px;
    }
  }
`;

/** Labels and inputs of forms. */
export const fields = css`
  .field {
    display: grid;
    gap: 6px;
  }
  .field > span,
  .field > label {
    font-size: var(--turn-size-2);
    font-weight: 500;
    color: var(--turn-text-soft);
  }
  .input {
    width: 100%;
    height: 36px;
    padding: 0 var(--turn-3);
    border: 1px solid var(--turn-line-strong);
    border-radius: var(--turn-radius-1);
    background: var(--turn-bg-raised);
    font-size: var(--turn-size-3);
  }
  textarea.input {
    height: auto;
    min-height: 84px;
    padding-block: var(--turn-2);
    resize: vertical;
    line-height: 1.5;
  }
  .input:focus-visible {
    outline-offset: -1px;
  }
  .input::placeholder {
    color: var(--turn-text-faint);
  }
  .hint {
    font-size: var(--turn-size-1);
    color: var(--turn-text-faint);
  }
  @media (pointer: coarse) {
    .input {
      font-size: 16px;
      min-height: 44px;
    }
  }
`;

/** Grey placeholder bars while content loads; invisible for the first 150 ms. */
export const skeleton = css`
  .skeleton {
    animation: skeleton-appear 1ms 150ms both;
  }
  .skeleton i {
    display: block;
    height: 12px;
    border-radius: 4px;
    background: var(--turn-bg-soft);
  }
  @keyframes skeleton-appear {
    from {
      visibility: hidden;
    }
    to {
      visibility: visible;
    }
  }
`;
