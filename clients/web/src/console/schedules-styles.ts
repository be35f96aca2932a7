import { css } from 'lit';

export const schedulesStyles = css`
  :host {
    display: block;
    min-height: 0;
    overflow-y: auto;
    background: var(--turn-bg);
  }
  .page {
    display: grid;
    gap: var(--turn-4);
    width: 100%;
    max-width: 920px;
    margin-inline: auto;
    padding: var(--turn-6) var(--turn-5) var(--turn-7);
  }
  header {
    display: flex;
    flex-wrap: wrap;
    align-items: flex-start;
    justify-content: space-between;
    gap: var(--turn-3) var(--turn-5);
  }
  h1 {
    font-size: var(--turn-size-5);
    font-weight: 600;
    letter-spacing: -0.012em;
  }
  header p {
    color: var(--turn-text-soft);
  }
  .news:empty {
    display: none;
  }
  .news {
    padding: 8px 12px;
    border-radius: var(--turn-radius-1);
    background: var(--turn-accent-soft);
    font-size: var(--turn-size-2);
  }
  ul {
    margin: 0;
    padding: 0;
    list-style: none;
    border-top: 1px solid var(--turn-line);
  }
  li {
    display: grid;
    grid-template-columns: minmax(0, 1fr) auto auto;
    gap: var(--turn-2) var(--turn-5);
    align-items: center;
    padding-block: var(--turn-4);
    border-bottom: 1px solid var(--turn-line);
  }
  .off .what {
    opacity: 0.6;
  }
  h2 {
    font-weight: 600;
    overflow-wrap: anywhere;
  }
  .prompt {
    display: -webkit-box;
    -webkit-box-orient: vertical;
    -webkit-line-clamp: 2;
    overflow: hidden;
    color: var(--turn-text-soft);
    overflow-wrap: anywhere;
  }
  .facts {
    display: flex;
    flex-wrap: wrap;
    gap: 2px 14px;
    margin-top: 4px;
    font-size: var(--turn-size-1);
    color: var(--turn-text-faint);
  }
  .when {
    font-size: var(--turn-size-2);
    text-align: end;
    white-space: nowrap;
  }
  .faint {
    color: var(--turn-text-faint);
  }
  .empty {
    display: grid;
    justify-items: center;
    gap: var(--turn-3);
    padding: var(--turn-7) var(--turn-4);
    border: 1px dashed var(--turn-line-strong);
    border-radius: var(--turn-radius-2);
    text-align: center;
    color: var(--turn-text-soft);
  }
  .empty p {
    max-width: 46ch;
    text-wrap: pretty;
  }
  .ghosts {
    display: grid;
    gap: var(--turn-3);
  }
  .ghosts i {
    height: 72px;
    border-radius: var(--turn-radius-2);
  }
  @media (max-width: 699px) {
    .page {
      padding: var(--turn-5) var(--turn-4);
    }
    li {
      grid-template-columns: minmax(0, 1fr) auto;
    }
    .what {
      grid-column: 1 / -1;
    }
    .when {
      text-align: start;
    }
  }
`;
