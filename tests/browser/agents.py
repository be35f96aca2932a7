"""Agents whose answers the tests choose."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from gateway.core.model import Turn

EVIL = """<img src="https://evil.example/pixel.png" onerror="document.title = 'taken'">
<script>document.title = 'taken'</script>
<style>* { display: none !important }</style>
<form action="https://evil.example"><button>Free money</button></form>
<iframe src="https://evil.example"></iframe>
<a href="#" onclick="document.title = 'taken'">a trap</a>

[a script](javascript:document.title='taken') and [data](data:text/html,<script>1</script>)

![a picture from elsewhere](https://evil.example/remote.png) and [a link](https://evil.example/page)

The end."""

LONG_WORD = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft" * 6
HEBREW = "שלום לכולם. זוהי תשובה בעברית, עם מספרים 12345 ומילה English באמצע המשפט."
WIDE = f"""{LONG_WORD}

https://example.com/{"path/" * 80}

{HEBREW}

| {" | ".join(f"column {n}" for n in range(14))} |
|{"---|" * 14}
| {" | ".join(f"value-{n}-{n}" for n in range(14))} |

```python
value = "{"x" * 300}"
```"""


async def evil(_turn: Turn) -> str:
    """Markup that tries to run scripts and load resources."""
    return EVIL


async def wide(_turn: Turn) -> str:
    """Text that does not fit."""
    return WIDE


async def slow(turn: Turn) -> AsyncIterator[str]:
    """One word after another."""
    for number, word in enumerate(f"One word after the other: {turn.text} and that is all".split()):
        await asyncio.sleep(0.06 if number else 0)
        yield f"{word} "
