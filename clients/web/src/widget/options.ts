/** The options in the script tag. */
export interface WidgetOptions {
  /** The gateway's URL, from which the script was loaded. */
  readonly base: string;
  readonly agent: string | null;
  readonly token: string | null;
  readonly title: string | null;
  readonly accent: string | null;
}

/** Reads the tag; null if its source is unknown. */
export function optionsOf(script: HTMLScriptElement | null): WidgetOptions | null {
  if (!script?.src) return null;
  const { agent, token, title, accent } = script.dataset;
  return {
    base: new URL(script.src).origin,
    agent: agent || null,
    token: token || null,
    title: title || null,
    accent: accent || null,
  };
}
