import { css } from 'lit';

/** Styles of rendered Markdown. */
export const prose = css`
  .prose {
    overflow-wrap: anywhere;
  }
  .block + .block {
    margin-top: 0.75em;
  }
  .block > :first-child {
    margin-top: 0;
  }
  .block > :last-child {
    margin-bottom: 0;
  }
  h1,
  h2,
  h3,
  h4,
  h5,
  h6 {
    margin: 1.1em 0 0;
    font-weight: 600;
    line-height: 1.3;
    letter-spacing: -0.006em;
    font-size: 1em;
  }
  h1 {
    font-size: 1.25em;
  }
  h2 {
    font-size: 1.125em;
  }
  ul,
  ol {
    margin: 0;
    padding-inline-start: 1.5em;
  }
  li + li,
  li > ul,
  li > ol {
    margin-top: 0.3em;
  }
  li::marker {
    color: var(--turn-text-faint);
  }
  li > p {
    margin: 0;
  }
  blockquote {
    margin: 0;
    padding-inline-start: 0.9em;
    border-inline-start: 3px solid var(--turn-line-strong);
    color: var(--turn-text-soft);
  }
  blockquote > p + p {
    margin-top: 0.6em;
  }
  hr {
    border: 0;
    border-top: 1px solid var(--turn-line);
    margin: 1.25em 0;
  }
  a {
    color: var(--turn-accent);
    text-underline-offset: 2px;
    text-decoration-color: color-mix(in oklab, currentcolor 40%, transparent);
    border-radius: 3px;
  }
  a:hover {
    text-decoration-color: currentcolor;
  }
  a[data-image]::before {
    content: "Image: ";
    color: var(--turn-text-faint);
  }
  code,
  kbd {
    font-family: var(--turn-font-code);
    font-size: 0.875em;
    padding: 0.12em 0.36em;
    border-radius: 5px;
    background: var(--turn-bg-soft);
  }
  mark {
    background: var(--turn-warning-soft);
    color: inherit;
  }
  figure.code {
    margin: 0;
    border: 1px solid var(--turn-line);
    border-radius: var(--turn-radius-2);
    background: var(--turn-bg-side);
    overflow: hidden;
    text-align: left;
  }
  li figure.code {
    margin-top: 0.5em;
  }
  figcaption {
    display: flex;
    align-items: center;
    justify-content: space-between;
    padding-inline: 14px 6px;
    height: 34px;
    font-size: var(--turn-size-1);
    color: var(--turn-text-faint);
    border-bottom: 1px solid var(--turn-line);
  }
  figcaption button {
    padding: 3px 8px;
    border-radius: var(--turn-radius-1);
    color: var(--turn-text-soft);
    font-weight: 500;
  }
  figcaption button:hover {
    background: var(--turn-bg-soft);
    color: var(--turn-text);
  }
  pre {
    margin: 0;
    padding: 12px 14px;
    overflow-x: auto;
    overflow-wrap: normal;
    font-size: var(--turn-size-2);
    line-height: 1.55;
    tab-size: 4;
  }
  pre:focus-visible,
  .table:focus-visible {
    outline-offset: -2px;
  }
  pre code {
    padding: 0;
    background: none;
    font-size: inherit;
    white-space: pre;
  }
  .table {
    overflow-x: auto;
    border: 1px solid var(--turn-line);
    border-radius: var(--turn-radius-2);
    font-size: 0.9375em;
  }
  table {
    border-collapse: collapse;
    min-width: 100%;
    overflow-wrap: normal;
  }
  th,
  td {
    padding: 8px 14px;
    text-align: start;
    vertical-align: top;
    border-bottom: 1px solid var(--turn-line);
    min-width: 6em;
    max-width: 28em;
  }
  th {
    font-weight: 600;
    font-size: 0.9375em;
    color: var(--turn-text-soft);
    background: var(--turn-bg-side);
    white-space: nowrap;
  }
  [align="right"] {
    text-align: end;
  }
  [align="center"] {
    text-align: center;
  }
  tr:last-child > td {
    border-bottom: 0;
  }
`;
