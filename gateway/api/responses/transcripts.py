"""Formats a transcript as Markdown for people; pure. Texts of people and agents are data: none of them can end its message."""

from __future__ import annotations

import re
from collections.abc import Iterator

import orjson

from gateway.core.model import JsonObject, JsonValue, Message, Session
from gateway.core.shapes import speaker

MARKUP = re.compile(r"([\\`*_{}\[\]<>#|~&!])")
OPENING = re.compile(r"(`{3,})[^`]*|(~{3,}).*")
TAG = re.compile(r"<(?=[A-Za-z/!?])")
LONGEST_RUN = re.compile(r"`+")


def head(session: Session) -> str:
    """The title and the session's owner."""
    facts = (session.user_id, session.channel, session.agent_name)
    begun = f"begun {session.created_at:%Y-%m-%d %H:%M} UTC"
    return f"# {inline(session.title or 'Untitled')}\n\n{', '.join(map(inline, facts))}, {begun}\n"


def paragraph(message: Message) -> str:
    """A message: author and time, then the text, quoted, and the tools that were used."""
    pieces = [f"\n## {speaker(message)}, {message.created_at:%Y-%m-%d %H:%M} UTC\n"]
    parts = [piece for part in message.parts if (piece := _part(part))]
    return "\n".join([*pieces, *(parts or [quoted(message.content)])])


def inline(text: str) -> str:
    """Escapes a line of text for Markdown."""
    return MARKUP.sub(r"\\\1", " ".join(text.split()))


def quoted(text: str) -> str:
    """Quotes a text so that nothing in it can end the quotation. Tags are shown, not interpreted."""
    return "".join(f"> {line}".rstrip() + "\n" for line in _shown(text))


def _shown(text: str) -> Iterator[str]:
    """Yields lines with their tags escaped; code between fences is left as it is.

    Only fences at the start of a line count: others may end with the list that contains them (CommonMark 0.31, 4.5 and 5.2).
    """
    fence = ""
    for line in text.splitlines():
        if fence:
            closing = line.removeprefix("   ").lstrip(" ").rstrip()
            if len(closing) >= len(fence) and set(closing) == {fence[0]}:
                fence = ""
            yield line
            continue
        if (found := OPENING.fullmatch(line)) is not None:
            fence = found[1] or found[2]
            yield line
            continue
        yield TAG.sub(r"\\<", line)


def _part(part: JsonObject) -> str:
    kind = str(part.get("type", ""))
    if kind == "text":
        text = part.get("text")
        return quoted(text) if isinstance(text, str) and text else ""
    if kind.startswith("tool-"):
        return _tool(kind.removeprefix("tool-"), part)
    return f"**{inline(kind or 'data')}**\n\n{_code(part)}"


def _tool(name: str, part: JsonObject) -> str:
    told = [f"**Tool {inline(name)}**\n\n{_code(part.get('input'))}"]
    if "errorText" in part:
        told.append(f"failed:\n\n{_code(part['errorText'])}")
    elif "output" in part:
        told.append(f"answered:\n\n{_code(part['output'])}")
    return "\n".join(told)


def _code(value: JsonValue) -> str:
    text = value if isinstance(value, str) else orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
    longest = max((len(run) for run in LONGEST_RUN.findall(text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{text}\n{fence}\n"
