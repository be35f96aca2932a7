"""Interpreting responses of a Bot API server."""

import json

import pytest
from telegram.error import EndPointNotFound

from channels.telegram.bot_api.answers import LONGEST_WAIT_S, NotServed, Unreadable, read_answer

HTML = b"<html>not what you hoped for"


def refused(**envelope: object) -> bytes:
    return json.dumps({"ok": False, **envelope}).encode()


@pytest.mark.parametrize(
    ("status", "body", "result"),
    [
        (200, b'{"ok": true, "result": {"message_id": 7}}', {"message_id": 7}),
        (200, b'\n {"ok": true, "result": 7} <!-- proxy -->', 7),
        (200, b'\xef\xbb\xbf{"ok": true, "result": 7}', 7),
        (200, b'{"ok": true, "result": "\xff"}', "\ufffd"),
        (201, b'{"ok": true}', True),
        (500, b'{"ok": true, "result": 7}', 7),
    ],
)
def test_ok_is_done(status: int, body: bytes, result: object) -> None:
    """Whatever surrounds it, and whatever the result is."""
    code, rewritten = read_answer(status, body)
    assert (code, json.loads(rewritten)) == (200, {"ok": True, "result": result})


@pytest.mark.parametrize(
    ("status", "body", "code", "description", "parameters"),
    [
        (200, refused(error_code=403, description="blocked"), 403, "blocked", {}),
        (500, refused(error_code=400, description="x"), 400, "x", {}),
        (200, refused(), 400, "HTTP status 400", {}),
        (502, refused(error_code="?", description=5), 502, "HTTP status 502", {}),
        (200, refused(error_code=200), 400, "HTTP status 400", {}),
        (400, refused(parameters={"migrate_to_chat_id": -5}), 400, "HTTP status 400", {"migrate_to_chat_id": -5}),
        (400, refused(parameters={"migrate_to_chat_id": "x"}), 400, "HTTP status 400", {}),
        (400, refused(parameters=[]), 400, "HTTP status 400", {}),
        (429, refused(description="x", parameters={"retry_after": 7}), 429, "x", {"retry_after": 7}),
        (429, refused(description="x", parameters={"retry_after": 0}), 429, "x", {"retry_after": 1}),
        (429, refused(description="x", parameters={"retry_after": "long"}), 429, "x", {"retry_after": 2}),
        (429, refused(description="x", parameters={"retry_after": 1e12}), 429, "x", {"retry_after": LONGEST_WAIT_S}),
        (429, HTML, 429, "HTTP status 429 without a Bot API response", {"retry_after": 2}),
        (403, HTML, 400, "HTTP status 403 without a Bot API response", {}),
        (502, HTML, 502, "HTTP status 502 without a Bot API response", {}),
    ],
)
def test_a_refusal_has_a_code_of_its_own(
    status: int, body: bytes, code: int, description: str, parameters: dict[str, object]
) -> None:
    """The envelope's code takes precedence over the status, and fields that can't be parsed are left out."""
    answered, rewritten = read_answer(status, body)
    assert (answered, json.loads(rewritten)) == (
        code,
        {"ok": False, "description": description, "parameters": parameters},
    )


@pytest.mark.parametrize("body", [b"", HTML, b"[]", b"null", b'{"ok": "true"}', b'{"ok": true, "res', b"[" * 100_000])
def test_a_2xx_that_says_nothing_is_unreadable(body: bytes) -> None:
    """A proxy may have responded, before or after the server did anything."""
    with pytest.raises(Unreadable):
        read_answer(200, body)


def test_a_redirect_is_not_followed() -> None:
    """The error says which setting to change."""
    with pytest.raises(Unreadable, match="TURNGATE_TELEGRAM__API_URL"):
        read_answer(302, HTML)


def test_a_method_that_is_not_there_is_told_from_a_wrong_token() -> None:
    """Some servers support fewer methods than Telegram's."""
    with pytest.raises(EndPointNotFound):
        read_answer(404, refused(error_code=404, description="Not Found"))


@pytest.mark.parametrize("status", [401, 404, 407])
def test_a_proxy_that_lets_nothing_through_says_nothing_of_the_bot(status: int) -> None:
    """Its page neither rejects the token nor lacks a method: a later try may succeed."""
    with pytest.raises(NotServed):
        read_answer(status, HTML)
