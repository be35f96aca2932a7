import { css } from 'lit';

export const schedulesStyles = css`
  :host {
    display: block;
    min-height: 0;
    overflow-y: auto;
    background: var(--tg-bg);
  }
  .page {
    display: grid;
    gap: var(--tg-4);
    width: 100%;
    max-width: 920px;
    margin-inline: auto;
    padding: var(--tg-6) var(--tg-5) var(--tg-7);
  }
  header {
    display: flex;
    flex-wrap: wrap;
    align-items: flex-start;
    justify-content: space-between;
    gap: var(--tg-3) var(--tg-5);
  }
  h1 {
    font-size: var(--tg-size-5);
    font-weight: 600;
    letter-spacing: -0.012em;
  }
  header p {
    color: var(--tg-text-soft);
  }
  .news:empty {
    display: none;
  }
  .news {
    padding: 8px 12px;
    border-radius: var(--tg-radius-1);
    background: var(--tg-accent-soft);
    font-size: var(--tg-size-2);
  }
  ul {
    margin: 0;
    padding: 0;
    list-style: none;
    border-top: 1px solid var(--tg-line);
  }
  li {
    display: grid;
    grid-template-columns: minmax(0, 1fr) auto auto;
    gap: var(--tg-2) var(--tg-5);
    align-items: center;
    padding-block: var(--tg-4);
    border-bottom: 1px solid var(--tg-line);
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
    color: var(--tg-text-soft);
    overflow-wrap: anywhere;
  }
  .facts {
    display: flex;
    flex-wrap: wrap;
    gap: 2px 14px;
    margin-top: 4px;
    font-size: var(--tg-size-1);
    color: var(--tg-text-faint);
  }
  .when {
    font-size: var(--tg-size-2);
    text-align: end;
    white-space: nowrap;
  }
  .faint {
    color: var(--tg-text-faint);
  }
  .empty {
    display: grid;
    justify-items: center;
    gap: var(--tg-3);
    padding: var(--tg-7) var(--tg-4);
    border: 1px dashed var(--tg-line-strong);
    border-radius: var(--tg-radius-2);
    text-align: center;
    color: var(--tg-text-soft);
  }
  .empty p {
    max-width: 46ch;
    text-wrap: pretty;
  }
  .ghosts {
    display: grid;
    gap: var(--tg-3);
  }
  .ghosts i {
    height: 72px;
    border-radius: var(--tg-radius-2);
  }
  @media (max-width: 699px) {
    .page {
      padding: var(--tg-5) var(--tg-4);
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
