"""Parts of a reply for the events that are one part each."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from gateway.core.content.cleaning import clean, clean_object
from gateway.core.events import Citation, DataPart, FilePart, Handoff, WholePart
from gateway.core.model import JsonObject
from gateway.errors import AgentError

NAME = re.compile(r"[A-Za-z0-9_-]{1,100}")
MEDIA_TYPE = re.compile(r"[\w.+-]{1,100}/[\w.+-]{1,100}(;[^\r\n]{0,200})?", re.ASCII)


def part_of(event: WholePart) -> JsonObject:
    """Returns the part. Raises `AgentError` for a name, a URL or a media type that clients cannot use."""
    match event:
        case DataPart(name, data, key):
            if NAME.fullmatch(name) is None:
                raise _unusable(f"a DataPart named {name!r}; a name has 1 to 100 letters, digits, - and _")
            part = clean_object({"type": f"data-{name}", "data": data})
            return part | {"id": clean(key)} if key else part
        case Citation(url, title):
            _check_url(url, "http", "https")
            part = {"type": "source-url", "sourceId": url, "url": url}
            return part | {"title": clean(title)} if title else part
        case FilePart(url, media_type, name):
            _check_url(url, "http", "https", "data")
            if MEDIA_TYPE.fullmatch(media_type) is None:
                raise _unusable(f"a FilePart with the media type {media_type!r}; it should be like image/png")
            part = {"type": "file", "url": url, "mediaType": media_type}
            return part | {"filename": clean(name)} if name else part
        case Handoff(reason):
            return {"type": "data-handoff", "data": {"reason": clean(reason)}}


def replaces(later: JsonObject, part: JsonObject) -> bool:
    """Whether a later part takes this one's place: the same key, or the same page or file."""
    key = "id" if str(part["type"]).startswith("data-") else "url"
    return later["type"] == part["type"] and key in part and later.get(key) == part[key]


def _check_url(url: str, *schemes: str) -> None:
    """Any other scheme could run code where the answer is shown."""
    try:
        fits = urlsplit(url).scheme in schemes and url == clean(url) and not re.search(r"[\s\x00-\x1f]", url)
    except ValueError:
        fits = False
    if not fits:
        raise _unusable(
            f"the URL {url[:200]!r}; it should begin with {' or '.join(f'{scheme}:' for scheme in schemes)}"
        )


def _unusable(what: str) -> AgentError:
    return AgentError(f"The agent yielded {what}.", retryable=False)
