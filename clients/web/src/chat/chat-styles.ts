import { css } from 'lit';

export const chatStyles = css`
  :host {
    display: grid;
    grid-template-rows: auto minmax(0, 1fr) auto;
    position: relative;
    min-height: 0;
    min-width: 0;
    background: var(--tg-bg);
    container-type: inline-size;
  }
  .link-bar {
    display: flex;
    align-items: center;
    justify-content: center;
    gap: 8px;
    grid-row: 1;
    min-height: 30px;
    padding: 4px var(--tg-4);
    background: var(--tg-warning-soft);
    color: var(--tg-warning);
    font-size: var(--tg-size-2);
    animation: arrive var(--tg-slow) var(--tg-ease);
  }
  .link-bar .link {
    color: inherit;
  }
  .scroller {
    grid-row: 2;
    overflow-y: auto;
    overflow-x: hidden;
    overflow-anchor: none;
    overscroll-behavior: contain;
    scrollbar-width: thin;
    scrollbar-color: var(--tg-line-strong) transparent;
    outline-offset: -2px;
  }
  .column {
    width: 100%;
    max-width: var(--tg-measure, calc(72ch + 48px));
    margin-inline: auto;
    padding-inline: var(--tg-chat-pad, var(--tg-5));
    font-size: var(--tg-message-size, var(--tg-size-4));
  }
  .content {
    display: flow-root;
    min-height: 100%;
    padding-bottom: var(--tg-5);
  }
  .older {
    display: grid;
    place-items: center;
    height: 48px;
    font-size: var(--tg-size-2);
    color: var(--tg-text-faint);
  }
  .day {
    display: flex;
    justify-content: center;
    padding-top: var(--tg-5);
    font-size: var(--tg-size-1);
    font-weight: 500;
    color: var(--tg-text-faint);
  }
  .notice {
    margin-top: var(--tg-4);
    padding: 10px 14px;
    border: 1px dashed var(--tg-line-strong);
    border-radius: var(--tg-radius-2);
    font-size: var(--tg-size-2);
    color: var(--tg-text-soft);
    animation: arrive var(--tg-slow) var(--tg-ease);
  }
  .notice code {
    display: block;
    margin-bottom: 2px;
    font-family: var(--tg-font-code);
    font-size: var(--tg-size-1);
    color: var(--tg-text-faint);
    overflow-wrap: anywhere;
  }
  .notice span {
    white-space: pre-wrap;
    overflow-wrap: anywhere;
  }
  .middle {
    display: grid;
    place-content: center;
    justify-items: center;
    gap: var(--tg-2);
    min-height: 100%;
    padding: var(--tg-5);
    text-align: center;
    font-size: var(--tg-size-3);
    color: var(--tg-text-soft);
  }
  .middle h2 {
    font-size: var(--tg-size-5);
    font-weight: 600;
    letter-spacing: -0.012em;
    color: var(--tg-text);
    text-wrap: balance;
  }
  .middle p {
    max-width: 44ch;
    text-wrap: pretty;
  }
  .middle .button {
    margin-top: var(--tg-2);
  }
  .skeleton {
    display: grid;
    gap: 10px;
    padding-top: var(--tg-6);
  }
  .skeleton .mine {
    width: 38%;
    height: 40px;
    justify-self: end;
    border-radius: var(--tg-radius-3);
    margin-block: var(--tg-4);
  }
  .foot {
    grid-row: 3;
    position: relative;
    padding-block: 0 max(var(--tg-4), env(safe-area-inset-bottom));
  }
  .pill {
    position: absolute;
    inset-block-end: calc(100% + 8px);
    inset-inline-start: 50%;
    translate: -50%;
    display: flex;
    align-items: center;
    gap: 6px;
    height: 32px;
    padding-inline: 10px 14px;
    border: 1px solid var(--tg-line);
    border-radius: 16px;
    background: var(--tg-bg-raised);
    box-shadow: var(--tg-shadow-2);
    font-size: var(--tg-size-2);
    font-weight: 500;
    white-space: nowrap;
    z-index: 2;
    animation: arrive var(--tg-slow) var(--tg-ease);
  }
  :dir(rtl) .pill {
    translate: 50%;
  }
  .pill.news {
    border-color: transparent;
    background: var(--tg-accent);
    color: var(--tg-on-accent);
  }
  .problem {
    display: flex;
    align-items: center;
    gap: 8px;
    margin-bottom: 8px;
    padding: 8px 12px;
    border-radius: var(--tg-radius-2);
    background: var(--tg-danger-soft);
    color: var(--tg-danger);
    font-size: var(--tg-size-2);
  }
  @keyframes arrive {
    from {
      opacity: 0;
      transform: translateY(4px);
    }
  }
  @container (max-width: 640px) {
    .column {
      padding-inline: var(--tg-chat-pad, var(--tg-4));
    }
  }
`;
