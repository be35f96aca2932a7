"""Rules for message text and entities; offsets and lengths are in UTF-16 code units (Bot API, MessageEntity)."""

import re

from tests.fakes.bot_api.wire import Json, JsonObject, Parameters, RefusedError

MAX_TEXT_UNITS = 4096
MAX_ENTITIES = 100
_COMMAND = re.compile(r"(?<![\w/])/[A-Za-z0-9_]{1,32}(?:@\w{3,32})?(?!\w)")
_LOW_SURROGATES = range(0xDC00, 0xE000)
_SURROGATE = re.compile(r"[\ud800-\udfff]")


def utf16_length(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def checked_text(text: str) -> str:
    """Returns the text; raises `RefusedError` 400 if Telegram would not accept it."""
    if not text:
        raise RefusedError(400, "Bad Request: message text is empty")
    if _SURROGATE.search(text):
        raise RefusedError(400, "Bad Request: strings must be encoded in UTF-8")
    if not text.strip():
        raise RefusedError(400, "Bad Request: text must be non-empty")
    if utf16_length(text) > MAX_TEXT_UNITS:
        raise RefusedError(400, "Bad Request: message is too long")
    return text


def checked_entities(text: str, parameters: Parameters) -> list[JsonObject]:
    """The first 100 entities; the real server drops the others silently. Malformed ones are a `RefusedError` 400."""
    try:
        entities = parameters.value("entities") or []
    except RefusedError:
        raise _unparsable("entities is not JSON") from None
    if not isinstance(entities, list):
        raise _unparsable("entities is not an array")
    return [_checked_entity(text, entity) for entity in entities][:MAX_ENTITIES]


def _checked_entity(text: str, entity: Json) -> JsonObject:
    if not isinstance(entity, dict) or not isinstance(entity.get("type"), str):
        raise _unparsable("entity has no type")
    offset, length = entity.get("offset"), entity.get("length")
    if not isinstance(offset, int) or not isinstance(length, int) or offset < 0 or length <= 0:
        raise _unparsable(f"entity has incorrect offset {offset} or length {length}")
    if offset + length > utf16_length(text):
        raise _unparsable(f"entity ends after the end of the text at offset {offset}")
    if _splits_symbol(text, offset) or _splits_symbol(text, offset + length):
        raise _unparsable(f"entity begins or ends in a middle of a UTF-16 symbol at offset {offset}")
    return entity


def _splits_symbol(text: str, offset: int) -> bool:
    unit = text.encode("utf-16-le")[2 * offset : 2 * offset + 2]
    return int.from_bytes(unit, "little") in _LOW_SURROGATES


def _unparsable(reason: str) -> RefusedError:
    return RefusedError(400, f"Bad Request: can't parse entities: {reason}")


def command_entities(text: str) -> list[JsonObject]:
    """The entities that the server finds in a user's text itself: `bot_command` entities."""
    return [
        {"type": "bot_command", "offset": utf16_length(text[: found.start()]), "length": utf16_length(found.group())}
        for found in _COMMAND.finditer(text)
    ]
