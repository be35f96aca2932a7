"""The style of `/docs`: the colours and sizes of `clients/web/src/tokens.css`, inlined."""

STYLE = """
:root {
  color-scheme: light dark;
  --bg: light-dark(oklch(0.994 0.002 180), oklch(0.185 0.006 200));
  --side: light-dark(oklch(0.977 0.003 180), oklch(0.16 0.006 200));
  --soft: light-dark(oklch(0.958 0.005 185), oklch(0.25 0.008 200));
  --line: light-dark(oklch(0.915 0.005 185), oklch(0.29 0.008 200));
  --text: light-dark(oklch(0.24 0.012 200), oklch(0.935 0.005 190));
  --faint: light-dark(oklch(0.485 0.011 200), oklch(0.7 0.009 195));
  --accent: light-dark(oklch(0.475 0.085 182), oklch(0.765 0.105 180));
  --focus: light-dark(oklch(0.56 0.11 185), oklch(0.74 0.11 182));
  --danger: light-dark(oklch(0.505 0.175 27), oklch(0.75 0.13 25));
  --code: ui-monospace, "SF Mono", "Cascadia Code", Menlo, Consolas, "Liberation Mono", monospace;
}
* { box-sizing: border-box }
html { scroll-behavior: smooth; scroll-padding-top: 24px }
body {
  margin: 0; background: var(--bg); color: var(--text); overflow-wrap: anywhere;
  font: 14px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif;
}
a { color: var(--accent); text-underline-offset: 3px }
:focus-visible { outline: 2px solid var(--focus); outline-offset: 2px; border-radius: 6px }
main:focus { outline: none }
code, pre { font-family: var(--code); font-size: 13px }
small { font-size: 12px; color: var(--faint) }
.skip { position: absolute; left: -999px } .skip:focus { left: 16px; top: 12px; z-index: 1; background: var(--bg); padding: 4px 8px }
nav { background: var(--side); border-bottom: 1px solid var(--line); padding: 12px 16px }
nav ul { list-style: none; margin: 0; padding: 0; display: flex; flex-wrap: wrap; gap: 4px 16px }
nav a { color: var(--text); text-decoration: none; display: inline-block; padding: 4px 0 } nav a:hover { color: var(--accent) }
.home { font-weight: 600 }
main { padding: 24px 16px 48px; max-width: 56rem }
h1 { font-size: 28px; line-height: 1.2; margin: 0 0 12px } h2 { font-size: 20px; margin: 32px 0 8px }
h3 { font-size: 13px; margin: 16px 0 4px; color: var(--faint); font-weight: 600 }
p { margin: 0 0 8px }
details { border-top: 1px solid var(--line); padding: 0 } section details:last-child { border-bottom: 1px solid var(--line) }
summary { cursor: pointer; padding: 12px 4px; list-style-position: outside; margin-left: 16px }
summary:hover { background: var(--soft); border-radius: 6px }
summary small { display: block; font-size: 13px; margin: 4px 0 0 }
details[open] { padding-bottom: 16px } details > :not(summary) { margin-left: 20px }
details[open] > summary small { display: none }
.method { font: 600 12px/1 var(--code); color: var(--accent); display: inline-block; min-width: 3.6rem }
.DELETE { color: var(--danger) }
.open { font-size: 12px; color: var(--faint); margin-left: 8px }
table { border-collapse: collapse; width: calc(100% - 20px) }
th, td { text-align: left; vertical-align: top; padding: 6px 16px 6px 0; border-top: 1px solid var(--line); font-weight: 400 }
th { width: 26% } td:nth-child(2) { width: 24%; color: var(--faint) }
pre { background: var(--soft); border-radius: 10px; padding: 12px 16px; overflow-x: auto; white-space: pre-wrap }
@media (min-width: 70rem) {
  body { display: grid; grid-template-columns: 220px minmax(0, 1fr) }
  nav { border: 0; border-right: 1px solid var(--line); padding: 32px 24px; position: sticky; top: 0; height: 100vh; overflow: auto }
  nav ul { display: block; margin-top: 12px } main { padding: 32px 48px 96px }
}
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto } }
"""
