import { css } from 'lit';

// Important declarations of a shadow root win over any of the page's (CSS Cascade 5, section 6.4.4).
export const widgetStyles = css`
  :host {
    all: initial !important;
    position: fixed !important;
    inset: auto 0 0 auto !important;
    z-index: 2147483000 !important;
    display: block !important;
    width: 0 !important;
    height: 0 !important;
  }
  .root {
    --turn-message-size: var(--turn-size-3);
    --turn-chat-pad: var(--turn-4);
    --turn-channel-display: none;
    --edge: 20px;
    font-family: var(--turn-font);
    font-size: var(--turn-size-3);
    line-height: 1.45;
    color: var(--turn-text);
    text-align: start;
    -webkit-font-smoothing: antialiased;
  }
  .launcher {
    position: fixed;
    inset-block-end: calc(var(--edge) + env(safe-area-inset-bottom));
    inset-inline-end: calc(var(--edge) + env(safe-area-inset-right));
    display: grid;
    place-items: center;
    width: 56px;
    height: 56px;
    border-radius: 28px;
    background: var(--turn-accent);
    color: var(--turn-on-accent);
    box-shadow: var(--turn-shadow-2), 0 0 0 1px var(--turn-shadow);
    transition: background var(--turn-fast) var(--turn-ease), transform var(--turn-fast) var(--turn-ease);
    animation: rise var(--turn-slow) var(--turn-ease);
  }
  .launcher:hover {
    background: var(--turn-accent-strong);
  }
  .launcher:active {
    transform: scale(0.96);
  }
  .launcher:focus-visible {
    outline: 3px solid var(--turn-focus);
    outline-offset: 3px;
  }
  .badge {
    position: absolute;
    inset-block-start: -3px;
    inset-inline-end: -3px;
    min-width: 22px;
    height: 22px;
    padding-inline: 6px;
    border: 2px solid var(--turn-bg);
    border-radius: 11px;
    background: light-dark(oklch(0.53 0.19 27), oklch(0.62 0.19 27));
    color: #fff;
    font-size: var(--turn-size-1);
    font-weight: 600;
    line-height: 18px;
    text-align: center;
  }
  .panel {
    position: fixed;
    inset-block-end: calc(var(--edge) + 56px + 12px + env(safe-area-inset-bottom));
    inset-inline-end: calc(var(--edge) + env(safe-area-inset-right));
    display: grid;
    grid-template-rows: auto minmax(0, 1fr);
    width: 400px;
    height: min(640px, calc(100dvh - 56px - 12px - 2 * var(--edge)));
    border-radius: var(--turn-radius-3);
    background: var(--turn-bg);
    box-shadow: var(--turn-shadow-3), 0 0 0 1px var(--turn-line);
    overflow: hidden;
    outline: 0;
    transform-origin: 100% 100%;
    animation: rise var(--turn-slow) var(--turn-ease);
  }
  @keyframes rise {
    from {
      opacity: 0;
      transform: translateY(8px) scale(0.985);
    }
  }
  header {
    display: flex;
    align-items: center;
    gap: var(--turn-2);
    padding: 12px 10px 12px var(--turn-4);
    border-bottom: 1px solid var(--turn-line);
  }
  .name {
    flex: 1;
    min-width: 0;
  }
  h2 {
    overflow: hidden;
    text-overflow: ellipsis;
    white-space: nowrap;
    font-size: var(--turn-size-4);
    font-weight: 600;
    line-height: 22px;
    letter-spacing: -0.008em;
  }
  .state {
    display: flex;
    align-items: center;
    gap: 6px;
    font-size: var(--turn-size-1);
    line-height: 18px;
    color: var(--turn-text-faint);
  }
  .state i {
    width: 7px;
    height: 7px;
    border-radius: 4px;
    background: var(--turn-line-strong);
  }
  .state[data-link="ready"] i {
    background: light-dark(oklch(0.6 0.14 150), oklch(0.75 0.15 150));
  }
  .state[data-link="away"] i {
    background: light-dark(oklch(0.68 0.14 70), oklch(0.8 0.13 75));
  }
  .blank,
  .away {
    display: grid;
    justify-items: center;
    gap: 6px;
  }
  .away {
    place-content: center;
    padding: var(--turn-5);
    text-align: center;
    color: var(--turn-text-soft);
  }
  h3 {
    font-size: var(--turn-size-4);
    font-weight: 600;
    color: var(--turn-text);
  }
  .blank p,
  .away p {
    max-width: 32ch;
    text-wrap: balance;
  }
  @media (max-width: 480px) {
    .panel {
      inset: 0;
      width: auto;
      height: 100dvh;
      border-radius: 0;
      padding-top: env(safe-area-inset-top);
    }
    .launcher[aria-expanded="true"] {
      display: none;
    }
    .root {
      --turn-message-size: var(--turn-size-4);
    }
  }
`;
