"""Interprets responses of a Bot API server. Pure.

The envelope decides (Bot API, section Making requests), not the shape of `result`: a server that responds `ok` has done what
it was asked, and a response that is not an envelope says nothing.
"""

from __future__ import annotations

import json
import math
from http import HTTPStatus

from telegram.error import EndPointNotFound, NetworkError

from gateway.core.model import JsonObject, JsonValue

LONGEST_WAIT_S = 86_400
"""Maximum seconds that a chat waits before Telegram accepts its messages again, whatever a server asks for."""
_SHORTLY_S = 2
_NOT_SERVED = {HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND, HTTPStatus.PROXY_AUTHENTICATION_REQUIRED}
_DECODER = json.JSONDecoder()


class Unreadable(NetworkError):
    """A 2xx or 3xx response that is not a Bot API envelope: something in front of the server may have written it."""


class NotServed(NetworkError):
    """A proxy's 401, 404 or 407: the Bot API server never saw the request."""


def read_answer(status: int, body: bytes) -> tuple[int, bytes]:
    """Returns status and body as python-telegram-bot expects them: 200 for every `ok`, otherwise the error's own code.

    Raises `Unreadable`, `NotServed`, and `EndPointNotFound` for a method that the server does not support.
    """
    envelope = _envelope(body)
    if envelope is None:
        return _unspoken(status)
    if envelope["ok"] is True:
        return HTTPStatus.OK, _encoded({"ok": True, "result": envelope.get("result", True)})
    return _refusal(_error_code(status, envelope), envelope)


def _envelope(body: bytes) -> JsonObject | None:
    """Returns the object at the start of the body, if it has a plain `ok`; ignores what follows."""
    try:
        found: JsonValue
        found, _ = _DECODER.raw_decode(body.decode("utf-8-sig", "replace").lstrip())
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and isinstance(found.get("ok"), bool) else None


def _unspoken(status: int) -> tuple[int, bytes]:
    """Without an envelope there is only the status, which a proxy may have set."""
    told = f"HTTP status {status} without a Bot API response"
    if status < HTTPStatus.MULTIPLE_CHOICES:
        raise Unreadable(told)
    if status < HTTPStatus.BAD_REQUEST:
        raise Unreadable(
            f"{told}: a redirect, which is not followed. Set TURNGATE_TELEGRAM__API_URL to where it leads."
        )
    if status in _NOT_SERVED:
        raise NotServed(told)
    # A proxy's 403 concerns this request; Telegram's would end the whole chat.
    return _refusal(HTTPStatus.BAD_REQUEST if status == HTTPStatus.FORBIDDEN else status, {"description": told})


def _error_code(status: int, envelope: JsonObject) -> int:
    code = envelope.get("error_code")
    codes = (number for number in (code, status) if type(number) is int and 400 <= number <= 599)
    return next(codes, HTTPStatus.BAD_REQUEST)


def _refusal(code: int, envelope: JsonObject) -> tuple[int, bytes]:
    said = envelope.get("description")
    description = said if isinstance(said, str) and said else f"HTTP status {code}"
    if code == HTTPStatus.NOT_FOUND:
        raise EndPointNotFound(description)
    return code, _encoded({"ok": False, "description": description, "parameters": _parameters(code, envelope)})


def _parameters(code: int, envelope: JsonObject) -> JsonObject:
    given = envelope.get("parameters")
    parameters = given if isinstance(given, dict) else {}
    if code == HTTPStatus.TOO_MANY_REQUESTS:
        return {"retry_after": _wait(parameters.get("retry_after"))}
    chat = parameters.get("migrate_to_chat_id")
    return {"migrate_to_chat_id": chat} if type(chat) is int else {}


def _wait(asked: JsonValue) -> int:
    """Whole seconds, at least one."""
    if isinstance(asked, bool) or not isinstance(asked, int | float) or math.isnan(asked):
        return _SHORTLY_S
    return math.ceil(max(1, min(asked, LONGEST_WAIT_S)))


def _encoded(answer: JsonObject) -> bytes:
    return json.dumps(answer).encode()
