"""Renders Markdown as chunks of text and entities that Telegram accepts. Pure; what can't be formatted becomes plain text."""

from __future__ import annotations

import html
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise

import pyromark
import structlog
from telegramify_markdown import RenderConfig, convert
from telegramify_markdown.converter import STANDARD_OPTIONS
from telegramify_markdown.entity import MessageEntity, split_entities, utf16_len

from channels.telegram.sending.link_targets import may_link, with_targets
from gateway.core.content.cleaning import clean
from gateway.core.outbound import Chunk

MAX_TEXT = 4096
"""UTF-16 code units (Bot API, sendMessage: characters after entities parsing; units are the stricter count)."""
MAX_ENTITIES = 100
"""The server silently drops any others."""
NOTHING_SAID = "(The answer was empty.)"

_FORMATTED_UP_TO = 40_000
"""Characters of a reply; nobody reads ten formatted screens in a chat."""
_LANGUAGE_UP_TO = 64
_WORD = re.compile(r"[^\W_]+")
_REWRITTEN = re.compile(
    r"\\\[.*?\\\]|\\\(.*?\\\)|\$\$.*?\$\$|\$[^$\n]*\$"  # formulas become Unicode
    r"|^[\s>*+-]*\d{1,9}[.)](?=\s)"  # ordered lists are renumbered
    r"|\[[ xX]\]",  # checkboxes of task lists
    re.DOTALL | re.MULTILINE,
)


def render(content: str) -> Sequence[Chunk]:
    """Renders at least one chunk for any content, in order, each within Telegram's limits; no word is lost."""
    text = clean(content)
    formatted = _format(text) if len(text) <= _FORMATTED_UP_TO else None
    return _chunks(*formatted) if formatted is not None else plain(text)


def plain(text: str) -> Sequence[Chunk]:
    """Like `render`, without any formatting."""
    return _chunks(clean(text), [])


def entities_of(chunk: Chunk) -> list[MessageEntity]:
    """Returns the entities that `render` wrote into a chunk's markup."""
    return [MessageEntity(**entity) for entity in json.loads(chunk.markup)] if chunk.markup else []


def _format(markdown: str) -> tuple[str, list[MessageEntity]] | None:
    """Returns text and entities; None if formatting would lose a word."""
    try:
        text, entities = convert(_with_literal_html(markdown), config=_plain_symbols())
    except Exception as error:  # noqa: BLE001 - a fault of the formatting library must not cost the answer
        structlog.get_logger().warning("telegram_formatting_failed", error=type(error).__name__)
        return None
    links, languages = (
        (entity.url for entity in entities),
        (entity.language for entity in entities if _safe(entity) == entity),
    )
    kept = " ".join([text, *filter(None, links), *filter(None, languages)])
    if _words(_REWRITTEN.sub(" ", html.unescape(markdown))) - _words(kept):
        return None
    text, entities = with_targets(text, entities)
    return text, [entity for entity in map(_safe, entities) if entity is not None]


def _plain_symbols() -> RenderConfig:
    """Headings without the library's pictograms."""
    config = RenderConfig.isolated()
    symbols = config.markdown_symbol
    symbols.heading_level_1 = symbols.heading_level_2 = symbols.heading_level_3 = symbols.heading_level_4 = ""
    symbols.unordered_list_item = "•"
    return config


def _with_literal_html(markdown: str) -> str:
    """Escapes each tag so that it is shown: the converter drops HTML. A tag may hide others, so it repeats."""
    while offsets := _html_offsets(markdown):
        source = markdown.encode()
        bounds = pairwise([0, *offsets, len(source)])
        markdown = b"\\".join(source[begin:end] for begin, end in bounds).decode()
    return markdown


def _html_offsets(markdown: str) -> list[int]:
    """UTF-8 offsets of the first `<` of each piece that Markdown treats as HTML."""
    if "<" not in markdown:
        return []
    source = markdown.encode()
    found = (
        source.find(b"<", span["start"], span["end"])
        for event, span in pyromark.events_with_range(markdown, options=STANDARD_OPTIONS)
        if isinstance(event, dict) and ("InlineHtml" in event or "Html" in event)
    )
    return [offset for offset in found if offset >= 0]


def _words(text: str) -> Counter[str]:
    return Counter(_WORD.findall(text))


def _safe(entity: MessageEntity) -> MessageEntity | None:
    """Returns the entity as it may be sent: no links that run something, no emoji a bot may not use, no overlong language name."""
    if entity.type == "custom_emoji" or (entity.type == "text_link" and not may_link(entity.url or "")):
        return None
    return entity if len(entity.language or "") <= _LANGUAGE_UP_TO else entity.copy_with(language=None)


def _chunks(text: str, entities: list[MessageEntity]) -> Sequence[Chunk]:
    if entities:
        parts = _bounded(text, entities, MAX_TEXT)
    else:
        parts = [part for piece in _pieces(text) for part in split_entities(piece, [], MAX_TEXT)]
    chunks = [Chunk(part, _markup(own)) for part, own in parts if _is_visible(part)]
    return chunks or [Chunk(NOTHING_SAID)]


def _markup(entities: Sequence[MessageEntity]) -> str:
    return json.dumps([entity.to_dict() for entity in entities]) if entities else ""


def _is_visible(text: str) -> bool:
    return any(character.isprintable() and not character.isspace() for character in text)


def _pieces(text: str) -> Iterator[str]:
    """Cuts a long text, at line ends if possible: the time for splitting grows with the square of the length."""
    begin = 0
    while begin < len(text):
        end = begin + _FORMATTED_UP_TO
        if end < len(text):
            end = text.rfind("\n", begin, end) + 1 or end
        yield text[begin:end]
        begin = end


def _bounded(text: str, entities: list[MessageEntity], units: int) -> list[tuple[str, list[MessageEntity]]]:
    """Splits by length, and again in halves where there are too many entities."""
    bounded: list[tuple[str, list[MessageEntity]]] = []
    for part, own in split_entities(text, entities, units):
        length = utf16_len(part)
        if len(own) <= MAX_ENTITIES or length <= 2:
            bounded.append((part, own[:MAX_ENTITIES]))
        else:
            bounded += _bounded(part, own, length // 2 + 1)
    return bounded
