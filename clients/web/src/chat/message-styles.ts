import { css } from 'lit';

export const messageStyles = css`
  :host {
    display: block;
    font-size: var(--turn-message-size, var(--turn-size-4));
    line-height: 1.6;
  }
  article {
    display: flex;
    flex-direction: column;
    position: relative;
    padding-top: 6px;
  }
  article.first {
    padding-top: var(--turn-5);
  }
  .user {
    align-items: flex-end;
  }
  .meta {
    display: flex;
    align-items: center;
    gap: 6px;
    min-height: 20px;
    margin-bottom: 4px;
    font-size: var(--turn-size-2);
    line-height: 20px;
    color: var(--turn-text-faint);
    max-width: 100%;
  }
  .author {
    font-weight: 600;
    color: var(--turn-text);
    overflow: hidden;
    text-overflow: ellipsis;
    white-space: nowrap;
  }
  .user .author {
    font-weight: 500;
    color: var(--turn-text-soft);
  }
  .meta .channel {
    display: var(--turn-channel-display, inline-grid);
  }
  time {
    border-radius: 4px;
    font-variant-numeric: tabular-nums;
    white-space: nowrap;
  }
  .meta .long,
  article:hover .meta .short,
  .meta time:focus .short {
    display: none;
  }
  article:hover .meta .long,
  .meta time:focus .long {
    display: inline;
  }
  .aside {
    position: absolute;
    inset-block-start: 100%;
    z-index: 1;
    padding: 2px 8px;
    border-radius: var(--turn-radius-1);
    background: var(--turn-bg-raised);
    box-shadow: var(--turn-shadow-2);
    font-size: var(--turn-size-1);
    line-height: 18px;
    color: var(--turn-text-soft);
    opacity: 0;
    pointer-events: none;
    transition: opacity var(--turn-fast) var(--turn-ease) 0s;
  }
  article:hover .aside,
  .aside:focus {
    opacity: 1;
    transition-delay: var(--turn-slow);
  }
  .bubble {
    max-width: min(85%, 60ch);
    padding: 9px 14px;
    border-radius: var(--turn-radius-3);
    border-end-end-radius: var(--turn-radius-1);
    background: var(--turn-bg-soft);
    white-space: pre-wrap;
    overflow-wrap: anywhere;
    line-height: 1.5;
  }
  [data-unsent] .bubble {
    background: none;
    box-shadow: inset 0 0 0 1px var(--turn-line-strong);
  }
  .answer {
    display: grid;
    grid-template-columns: minmax(0, 1fr);
    gap: 10px;
    min-width: 0;
    width: 100%;
  }
  .links {
    display: flex;
    flex-wrap: wrap;
    gap: 6px 14px;
    margin: 0;
    padding: 0;
    list-style: none;
    font-size: var(--turn-size-2);
    line-height: 20px;
  }
  .links a {
    display: inline-flex;
    align-items: center;
    gap: 5px;
    overflow-wrap: anywhere;
  }
  .links img {
    display: block;
    max-width: min(100%, 420px);
    max-height: 320px;
    border-radius: var(--turn-radius-2);
  }
  .handoff {
    font-size: var(--turn-size-2);
    color: var(--turn-text-soft);
  }
  .choices {
    display: flex;
    flex-wrap: wrap;
    gap: 8px;
    margin-top: 8px;
  }
  .outcome {
    font-size: var(--turn-size-2);
    color: var(--turn-text-soft);
  }
  .gone {
    font-size: var(--turn-size-2);
    font-style: italic;
    color: var(--turn-text-faint);
  }
  .state {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 2px 6px;
    min-height: 20px;
    margin-top: 4px;
    font-size: var(--turn-size-1);
    line-height: 18px;
    color: var(--turn-text-faint);
  }
  .state[data-state="failed"] {
    color: var(--turn-danger);
  }
  .state[data-state="apology"] {
    color: var(--turn-text-soft);
  }
  .state[data-state="waiting"] {
    color: var(--turn-warning);
  }
  .state[data-state="running"] svg {
    animation: spin 1.1s linear infinite;
  }
  .state .link {
    padding: 2px 4px;
  }
  @keyframes spin {
    to {
      rotate: 360deg;
    }
  }
  .copy {
    display: flex;
    align-items: center;
    gap: 5px;
    margin: 4px 0 -6px -7px;
    padding: 3px 7px;
    width: fit-content;
    border-radius: var(--turn-radius-1);
    font-size: var(--turn-size-1);
    line-height: 18px;
    color: var(--turn-text-faint);
    opacity: 0;
    transition: opacity var(--turn-fast) var(--turn-ease);
  }
  .copy:hover {
    background: var(--turn-bg-hover);
    color: var(--turn-text);
  }
  article:hover .copy,
  .copy:focus-visible {
    opacity: 1;
  }
  @media (hover: none) {
    .copy {
      opacity: 1;
    }
  }
  .tool {
    border: 1px solid var(--turn-line);
    border-radius: var(--turn-radius-1);
    font-size: var(--turn-size-2);
    width: fit-content;
    max-width: 100%;
    min-width: min(240px, 100%);
  }
  .tool summary {
    display: flex;
    align-items: center;
    gap: 8px;
    padding: 5px 10px;
    color: var(--turn-text-soft);
    list-style: none;
    cursor: pointer;
    border-radius: var(--turn-radius-1);
  }
  .tool summary::-webkit-details-marker {
    display: none;
  }
  .tool summary:hover {
    background: var(--turn-bg-hover);
  }
  .tool-name {
    font-family: var(--turn-font-code);
    font-size: var(--turn-size-1);
    overflow: hidden;
    text-overflow: ellipsis;
  }
  .tool-state {
    color: var(--turn-text-faint);
    font-size: var(--turn-size-1);
  }
  .turns {
    margin-inline-start: auto;
    transition: rotate var(--turn-fast) var(--turn-ease);
  }
  .tool[open] .turns {
    rotate: 90deg;
  }
  .tool-label {
    padding: 4px 10px 0;
    font-size: var(--turn-size-1);
    color: var(--turn-text-faint);
  }
  .tool-text {
    margin: 0;
    padding: 2px 10px 8px;
    max-height: 240px;
    overflow: auto;
    font-family: var(--turn-font-code);
    font-size: var(--turn-size-1);
    line-height: 1.5;
    white-space: pre-wrap;
    overflow-wrap: anywhere;
    direction: ltr;
    text-align: left;
  }
`;
