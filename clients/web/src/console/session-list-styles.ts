import { css } from 'lit';

export const sessionListStyles = css`
  :host {
    display: flex;
    flex-direction: column;
    min-height: 0;
    min-width: 0;
    background: var(--turn-bg-side);
  }
  header {
    display: flex;
    align-items: center;
    justify-content: space-between;
    height: 52px;
    padding-inline: var(--turn-4) var(--turn-2);
    flex: none;
  }
  h1 {
    font-size: var(--turn-size-4);
    font-weight: 600;
    letter-spacing: -0.008em;
  }
  .search {
    display: flex;
    align-items: center;
    gap: 8px;
    flex: none;
    height: 34px;
    margin-inline: var(--turn-3);
    padding-inline: 10px 6px;
    border: 1px solid var(--turn-line);
    border-radius: var(--turn-radius-1);
    background: var(--turn-bg-raised);
    color: var(--turn-text-faint);
  }
  .search:focus-within {
    border-color: var(--turn-focus);
    box-shadow: 0 0 0 1px var(--turn-focus);
  }
  .search input {
    flex: 1;
    min-width: 0;
    height: 100%;
    border: 0;
    background: none;
    font-size: var(--turn-size-2);
    color: var(--turn-text);
  }
  .search input:focus-visible {
    outline: none;
  }
  .search input::placeholder {
    color: var(--turn-text-faint);
    opacity: 1;
  }
  input::-webkit-search-cancel-button {
    display: none;
  }
  kbd {
    width: 20px;
    border: 1px solid var(--turn-line);
    border-radius: 4px;
    font: inherit;
    font-size: var(--turn-size-1);
    line-height: 18px;
    text-align: center;
  }
  @media (pointer: coarse) {
    kbd {
      display: none;
    }
    .chip {
      height: 32px;
    }
  }
  .search:focus-within kbd {
    visibility: hidden;
  }
  .filters {
    display: grid;
    grid-template-columns: repeat(3, auto);
    justify-content: space-between;
    gap: 2px;
    flex: none;
    padding: 10px;
    border-bottom: 1px solid var(--turn-line);
  }
  .chip {
    display: flex;
    align-items: center;
    gap: 5px;
    flex: none;
    height: 26px;
    padding-inline: 7px;
    border-radius: 13px;
    white-space: nowrap;
    font-size: var(--turn-size-1);
    color: var(--turn-text-soft);
    transition: background var(--turn-fast) var(--turn-ease);
  }
  .chip:hover {
    background: var(--turn-bg-hover);
  }
  .chip[aria-pressed="true"] {
    background: var(--turn-bg-selected);
    color: var(--turn-text);
    font-weight: 500;
  }
  .chip:focus-visible {
    outline-offset: -2px;
  }
  .total {
    color: var(--turn-text-soft);
    font-weight: 400;
    font-variant-numeric: tabular-nums;
  }
  .rows {
    flex: 1;
    min-height: 0;
    padding: 6px;
    overflow-y: auto;
    scrollbar-width: thin;
    scrollbar-color: var(--turn-line-strong) transparent;
  }
  .item {
    content-visibility: auto;
    contain-intrinsic-size: auto 58px;
  }
  .row {
    display: grid;
    grid-template-columns: auto minmax(0, 1fr) auto;
    align-items: center;
    gap: 1px 8px;
    height: 58px;
    padding: 0 10px;
    border-radius: var(--turn-radius-1);
    color: inherit;
    text-decoration: none;
    align-content: center;
  }
  .row:hover {
    background: var(--turn-bg-hover);
  }
  .row[aria-current] {
    background: var(--turn-bg-selected);
  }
  .row:focus-visible {
    outline-offset: -2px;
  }
  .title {
    overflow: hidden;
    text-overflow: ellipsis;
    white-space: nowrap;
    font-weight: 500;
    text-align: start;
  }
  .row time,
  .running {
    font-size: var(--turn-size-1);
    color: var(--turn-text-faint);
    font-variant-numeric: tabular-nums;
    white-space: nowrap;
  }
  .running svg {
    animation: spin 1.1s linear infinite;
    color: var(--turn-accent);
  }
  @keyframes spin {
    to {
      rotate: 360deg;
    }
  }
  .line {
    grid-column: 2;
    overflow: hidden;
    text-overflow: ellipsis;
    white-space: nowrap;
    font-size: var(--turn-size-2);
    color: var(--turn-text-faint);
  }
  .unread .title {
    font-weight: 650;
  }
  .unread .line {
    color: var(--turn-text-soft);
  }
  .dot {
    justify-self: end;
    width: 8px;
    height: 8px;
    border-radius: 4px;
    background: var(--turn-accent);
  }
  .ghost {
    display: grid;
    align-content: center;
    gap: 8px;
    height: 58px;
    padding-inline: 34px 10px;
  }
  .aside {
    display: grid;
    justify-items: start;
    gap: var(--turn-3);
    padding: var(--turn-4) 10px;
    font-size: var(--turn-size-2);
    color: var(--turn-text-soft);
    overflow-wrap: anywhere;
  }
`;
