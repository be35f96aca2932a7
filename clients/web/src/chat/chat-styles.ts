import { css } from 'lit';

export const chatStyles = css`
  :host {
    display: grid;
    grid-template-rows: auto minmax(0, 1fr) auto;
    position: relative;
    min-height: 0;
    min-width: 0;
    background: var(--turn-bg);
    container-type: inline-size;
  }
  .link-bar {
    display: flex;
    align-items: center;
    justify-content: center;
    gap: 8px;
    grid-row: 1;
    min-height: 30px;
    padding: 4px var(--turn-4);
    background: var(--turn-warning-soft);
    color: var(--turn-warning);
    font-size: var(--turn-size-2);
    animation: arrive var(--turn-slow) var(--turn-ease);
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
    scrollbar-color: var(--turn-line-strong) transparent;
    outline-offset: -2px;
  }
  .column {
    width: 100%;
    max-width: var(--turn-measure, calc(72ch + 48px));
    margin-inline: auto;
    padding-inline: var(--turn-chat-pad, var(--turn-5));
    font-size: var(--turn-message-size, var(--turn-size-4));
  }
  .content {
    display: flow-root;
    min-height: 100%;
    padding-bottom: var(--turn-5);
  }
  .older {
    display: grid;
    place-items: center;
    height: 48px;
    font-size: var(--turn-size-2);
    color: var(--turn-text-faint);
  }
  .day {
    display: flex;
    justify-content: center;
    padding-top: var(--turn-5);
    font-size: var(--turn-size-1);
    font-weight: 500;
    color: var(--turn-text-faint);
  }
  .notice {
    margin-top: var(--turn-4);
    padding: 10px 14px;
    border: 1px dashed var(--turn-line-strong);
    border-radius: var(--turn-radius-2);
    font-size: var(--turn-size-2);
    color: var(--turn-text-soft);
    animation: arrive var(--turn-slow) var(--turn-ease);
  }
  .notice code {
    display: block;
    margin-bottom: 2px;
    font-family: var(--turn-font-code);
    font-size: var(--turn-size-1);
    color: var(--turn-text-faint);
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
    gap: var(--turn-2);
    min-height: 100%;
    padding: var(--turn-5);
    text-align: center;
    font-size: var(--turn-size-3);
    color: var(--turn-text-soft);
  }
  .middle h2 {
    font-size: var(--turn-size-5);
    font-weight: 600;
    letter-spacing: -0.012em;
    color: var(--turn-text);
    text-wrap: balance;
  }
  .middle p {
    max-width: 44ch;
    text-wrap: pretty;
  }
  .middle .button {
    margin-top: var(--turn-2);
  }
  .skeleton {
    display: grid;
    gap: 10px;
    padding-top: var(--turn-6);
  }
  .skeleton .mine {
    width: 38%;
    height: 40px;
    justify-self: end;
    border-radius: var(--turn-radius-3);
    margin-block: var(--turn-4);
  }
  .foot {
    grid-row: 3;
    position: relative;
    padding-block: 0 max(var(--turn-4), env(safe-area-inset-bottom));
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
    border: 1px solid var(--turn-line);
    border-radius: 16px;
    background: var(--turn-bg-raised);
    box-shadow: var(--turn-shadow-2);
    font-size: var(--turn-size-2);
    font-weight: 500;
    white-space: nowrap;
    z-index: 2;
    animation: arrive var(--turn-slow) var(--turn-ease);
  }
  :dir(rtl) .pill {
    translate: 50%;
  }
  .pill.news {
    border-color: transparent;
    background: var(--turn-accent);
    color: var(--turn-on-accent);
  }
  .problem {
    display: flex;
    align-items: center;
    gap: 8px;
    margin-bottom: 8px;
    padding: 8px 12px;
    border-radius: var(--turn-radius-2);
    background: var(--turn-danger-soft);
    color: var(--turn-danger);
    font-size: var(--turn-size-2);
  }
  @keyframes arrive {
    from {
      opacity: 0;
      transform: translateY(4px);
    }
  }
  @container (max-width: 640px) {
    .column {
      padding-inline: var(--turn-chat-pad, var(--turn-4));
    }
  }
`;
