"""Which links Telegram gets, and where the others lead. Pure."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import accumulate, chain, pairwise, zip_longest
from urllib.parse import urlsplit

from telegramify_markdown.entity import MessageEntity, utf16_len

_LINKED = frozenset({"http", "https", "tg", "mailto"})
_HIDDEN = frozenset({"javascript", "vbscript", "data", "file"})
"""What could run something, or is nobody's business."""


def may_link(url: str) -> bool:
    """Whether people can follow it: on the web, in Telegram, by mail."""
    return _scheme(url) in _LINKED


def with_targets(text: str, entities: Sequence[MessageEntity]) -> tuple[str, list[MessageEntity]]:
    """Writes after the words of each link that Telegram does not get where it leads: `[notes](a.md)` is `notes (a.md)`."""
    units = text.encode("utf-16-le")
    targets = sorted(
        (entity.offset + entity.length, f" ({entity.url})") for entity in entities if _is_shown(entity, units)
    )
    ends = [end for end, _ in targets]
    added = [0, *accumulate(utf16_len(target) for _, target in targets)]
    pieces = (units[2 * begin : 2 * end].decode("utf-16-le") for begin, end in pairwise([0, *ends, len(units) // 2]))
    written = "".join(chain.from_iterable(zip_longest(pieces, (target for _, target in targets), fillvalue="")))

    def moved(entity: MessageEntity) -> MessageEntity:
        begin, end = entity.offset, entity.offset + entity.length
        begin, end = begin + added[bisect_right(ends, begin)], end + added[bisect_left(ends, end)]
        return entity.copy_with(offset=begin, length=end - begin)

    return written, [moved(entity) for entity in entities]


def _is_shown(entity: MessageEntity, units: bytes) -> bool:
    url = entity.url or ""
    if entity.type != "text_link" or _scheme(url) in _LINKED | _HIDDEN:
        return False
    return url.encode("utf-16-le") != units[2 * entity.offset : 2 * (entity.offset + entity.length)]


def _scheme(url: str) -> str:
    try:
        return urlsplit(url).scheme.lower()
    except ValueError:
        return ""
