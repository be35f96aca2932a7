import { css } from 'lit';

export const consoleStyles = css`
  :host {
    display: block;
    height: 100%;
  }
  .console {
    display: grid;
    grid-template-columns: 56px 320px minmax(0, 1fr);
    grid-template-rows: minmax(0, 1fr);
    height: 100%;
    position: relative;
    overflow: hidden;
  }
  .console[data-place="schedules"] {
    grid-template-columns: 56px minmax(0, 1fr);
  }
  .console[data-details] {
    grid-template-columns: 56px 320px minmax(0, 1fr) 300px;
  }
  turn-session-list {
    border-inline-end: 1px solid var(--turn-line);
  }
  .conversation {
    display: grid;
    grid-template: auto minmax(0, 1fr) / minmax(0, 1fr);
    min-width: 0;
    min-height: 0;
  }
  header {
    display: flex;
    align-items: center;
    gap: var(--turn-2);
    height: 52px;
    padding-inline: var(--turn-5) var(--turn-3);
    border-bottom: 1px solid var(--turn-line);
  }
  h1 {
    flex: 1;
    min-width: 0;
    overflow: hidden;
    text-overflow: ellipsis;
    white-space: nowrap;
    font-weight: 600;
    text-align: start;
  }
  .back {
    display: none;
  }
  .blank {
    display: grid;
    justify-items: center;
    gap: var(--turn-2);
  }
  .blank h2 {
    margin-top: var(--turn-3);
    font-size: var(--turn-size-5);
    font-weight: 600;
    letter-spacing: -0.012em;
    color: var(--turn-text);
  }
  .blank p {
    max-width: 40ch;
    text-wrap: balance;
  }
  .agent {
    display: flex;
    align-items: center;
    gap: var(--turn-2);
    margin-top: var(--turn-3);
    font-size: var(--turn-size-2);
  }
  @media (max-width: 1099px) {
    .console,
    .console[data-details] {
      grid-template-columns: 56px 296px minmax(0, 1fr);
    }
    turn-details {
      position: absolute;
      inset-block: 0;
      inset-inline-end: 0;
      width: min(320px, 100%);
      z-index: 10;
      box-shadow: var(--turn-shadow-3);
    }
  }
  @media (max-width: 699px) {
    .console,
    .console[data-details],
    .console[data-place="schedules"] {
      grid-template-columns: minmax(0, 1fr);
      grid-template-rows: minmax(0, 1fr) auto;
    }
    turn-rail {
      grid-row: 2;
    }
    turn-session-list,
    turn-schedules {
      grid-row: 1;
      border: 0;
    }
    [data-place="home"] .conversation,
    [data-place="new"] turn-session-list,
    [data-place="session"] turn-session-list,
    [data-place="new"] turn-rail,
    [data-place="session"] turn-rail {
      display: none;
    }
    .conversation {
      grid-row: 1 / -1;
    }
    header {
      padding-inline: var(--turn-2);
    }
    .back {
      display: grid;
      color: var(--turn-text);
    }
    turn-details {
      width: 100%;
    }
  }
`;
