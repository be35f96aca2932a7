"""Parsing client frames."""

from __future__ import annotations

import json
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.websocket.client_frames import (
    READERS,
    Cancel,
    ClientFrame,
    Hello,
    Ping,
    Send,
    Typing,
    Unwatch,
    Watch,
    parse,
)
from channels.websocket.faults import BadFrame, BrokenText
from gateway.core.model import TERMINAL, WEB

TURN = "6f1f3c0e-6d0c-4d7d-9d0a-0f5c3a1b2c3d"


def frame(**fields: object) -> bytes:
    """A client frame as sent over the wire."""
    return json.dumps(fields).encode()


def outcome(data: bytes) -> ClientFrame | BadFrame:
    """The parsed frame or the error."""
    try:
        return parse(data)
    except BadFrame as error:
        return error


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        (frame(type="hello", token="t"), Hello("t", None, None, None, WEB)),
        (
            frame(type="hello", token="t", session_id="s", agent="a", after=7, channel="terminal"),
            Hello("t", "s", "a", 7, TERMINAL),  # type: ignore[arg-type] # ids are texts
        ),
        (frame(type="hello", token="t", session_id=None, after=None), Hello("t", None, None, None, WEB)),
        (frame(type="send", id="k", text="hi"), Send("k", "hi", None)),
        (frame(type="send", id="k", text="hi", session_id="s"), Send("k", "hi", "s")),  # type: ignore[arg-type] # as above
        (frame(type="watch"), Watch(None, None)),
        (frame(type="watch", session_id="s", after=0, id="w"), Watch("s", 0, "w")),  # type: ignore[arg-type] # as above
        (frame(type="unwatch"), Unwatch()),
        (frame(type="cancel", turn_id=TURN), Cancel(UUID(TURN))),  # type: ignore[arg-type] # as above
        (frame(type="typing"), Typing()),
        (frame(type="ping", whatever=[1, {"x": 2}]), Ping()),
    ],
)
def test_frames_are_read(data: bytes, wanted: object) -> None:
    """Each type becomes its value; unknown fields are ignored."""
    assert parse(data) == wanted


@pytest.mark.parametrize(
    ("data", "code", "says"),
    [
        (b"", "invalid", "not JSON"),
        (b"hello", "invalid", "not JSON"),
        (b"[]", "invalid", "JSON object"),
        (b"null", "invalid", "JSON object"),
        (b"[" * 5000, "invalid", "not JSON"),
        (b'{"type":"send","id":"k","text":"\\ud800"}', "invalid", "surrogate"),
        (frame(), "invalid", "type"),
        (frame(type=5), "invalid", "type"),
        (frame(type="dance"), "invalid", "no frame of type 'dance'"),
        (frame(type="hello"), "invalid", "token"),
        (frame(type="hello", token="t", channel="telegram"), "invalid", "web or terminal"),
        (frame(type="hello", token="t", after="7"), "invalid", "after"),
        (frame(type="hello", token="t", after=True), "invalid", "after"),
        (frame(type="hello", token="t", after=-1), "invalid", "after"),
        (frame(type="hello", token="t", after=2**63), "invalid", "after"),
        (frame(type="send", text="hi"), "invalid", "id"),
        (frame(type="send", id="", text="hi"), "invalid", "empty"),
        (frame(type="send", id="k" * 129, text="hi"), "invalid", "128"),
        (frame(type="send", id="k", text=""), "invalid", "empty"),
        (frame(type="send", id="k", text=None), "invalid", "text"),
        (frame(type="send", id="k", text="a\0b"), "invalid", "NUL"),
        (frame(type="send", id="k", text="hi", session_id="\0"), "invalid", "NUL"),
        (frame(type="cancel", turn_id="nobody"), "not_found", "turn"),
    ],
)
def test_each_bad_frame_has_its_own_error(data: bytes, code: str, says: str) -> None:
    """Each fault has its own code and message."""
    with pytest.raises(BadFrame, match=says) as raised:
        parse(data)
    assert raised.value.code == code


def test_an_error_repeats_the_clients_id() -> None:
    """A client that sent several frames knows which one was bad."""
    with pytest.raises(BadFrame) as raised:
        parse(frame(type="send", id="k", text=5))
    assert raised.value.reply_to == "k"


def test_text_that_is_not_utf8_is_the_sockets_fault() -> None:
    """RFC 6455, 8.1: such a connection is closed."""
    with pytest.raises(BrokenText, match="UTF-8"):
        parse(b'{"type":"send","id":"k","text":"\xff"}')


@given(st.one_of(st.binary(), st.dictionaries(st.text(), st.text() | st.integers()).map(json.dumps).map(str.encode)))
def test_any_bytes_are_a_frame_or_a_bad_frame(data: bytes) -> None:
    """Nothing else is ever raised."""
    assert str(outcome(data))


@given(
    st.sampled_from(sorted(READERS)),
    st.dictionaries(
        st.sampled_from(["id", "text", "token", "session_id", "after", "channel", "agent", "turn_id"]),
        st.none() | st.booleans() | st.integers() | st.text(max_size=200) | st.lists(st.integers(), max_size=2),
    ),
)
def test_any_fields_are_a_frame_or_a_bad_frame(kind: str, fields: dict[str, object]) -> None:
    """Known types with unexpected fields included."""
    assert str(outcome(frame(type=kind, **fields)))
