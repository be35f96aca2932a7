"""Makes of a line what the gateway can use; pure. RFC 2812, section 2.3.1."""

from __future__ import annotations

import re
from dataclasses import dataclass

from turngate import InvalidInput

_LINE = re.compile(
    r"(?:@\S+ +)?(?::(?P<source>\S+) +)?(?P<command>[A-Za-z]+|\d{3})(?: +(?P<middle>[^: ][^ ]*))?(?: +:(?P<text>.*))?"
)
_COMMAND = re.compile(r"!([a-z]+)(?=\s|$)")


@dataclass(frozen=True, slots=True)
class Incoming:
    """What somebody wrote to the bot in private."""

    nick: str
    text: str


def normalize(line: str, me: str) -> Incoming | None:
    """None for a line that is no private message. Raises `InvalidInput` for what is no line of IRC.

    `!new` stands for `/new`: programs for IRC keep what begins with a slash for themselves.
    """
    found = _LINE.match(line)
    if found is None:
        raise InvalidInput(f"{line[:80]!r} is not a line of IRC")
    nick = (found["source"] or "").partition("!")[0]
    text = (found["text"] or "").strip("\r\n")
    private = found["command"].upper() == "PRIVMSG" and (found["middle"] or "").lower() == me.lower()
    if not private or not nick or nick.lower() == me.lower() or not text.strip() or text.startswith("\x01"):
        return None
    return Incoming(nick, _COMMAND.sub(r"/\1", text, count=1) if text.startswith("!") else text)
