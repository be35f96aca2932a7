"""Agents of kind `http`: everything a server, a name or an address can do wrong."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from gateway.core.events import AgentEvent, TextDelta
from gateway.errors import AgentError, SettingsError
from tests.integration.agents.certificates import certificate_for
from tests.integration.agents.http_server import (
    SECRET,
    STREAM,
    TOKEN,
    Handler,
    Names,
    Peer,
    agent_of,
    cut,
    cut_now,
    event,
    forever,
    hang,
    refuses,
    says,
    serving,
    streams,
)
from tests.unit.agents.turns import hear, text_of, turn

BEGUN = {"type": "text-delta", "id": "1", "delta": "Half"}


@pytest_asyncio.fixture
async def peer() -> AsyncIterator[Peer]:
    async with serving() as running:
        yield running


async def failure(peer: Peer, *handlers: Handler, timeout_s: float = 30, **keys: Any) -> AgentError:
    """What a turn fails with."""
    peer.answers(*handlers)
    agent = agent_of(peer.url, timeout_s, **keys)
    with pytest.raises(AgentError) as caught:
        await text_of(agent.run(turn("hello")))
    await agent.aclose()
    assert str(caught.value).startswith("agents.assistant: http://127.0.0.1:")
    return caught.value


@pytest.mark.parametrize(
    ("handler", "words", "error_class", "retryable"),
    [
        (refuses(302, Location="http://other.example/"), r"redirects \(302\).*`url`", "misconfigured", False),
        (refuses(401, "who are you?"), r"\(401\).*`secret`.*who are you", "misconfigured", False),
        (refuses(404), r"path \(404\).*`url`", "misconfigured", False),
        (refuses(422, "what?"), "answered 422. It said: what", "agent_error", False),
        (refuses(429, Retry_After="86400"), "answered 429", "rate_limited", True),
        (refuses(503, Retry_After="86400"), "answered 503", "unavailable", True),
        (says("<html>", "text/html"), "content type 'text/html'", "agent_error", False),
        (says(b"", ""), "content type", "agent_error", False),
        (says(gzip.compress(b"{}"), **{"Content-Encoding": "gzip"}), "encoding 'gzip'", "agent_error", False),
        (says("{no json"), "malformed JSON", "agent_error", False),
        (says({"txet": "hi"}), "either `text` or `parts`", "agent_error", False),
        (says({"text": "hi", "usage": {"cost": -1}}), r"usage\.cost", "agent_error", False),
        (says({"text": 7}), "text: Input should be a valid string", "agent_error", False),
        (streams(b"data: {no json\n\n"), "malformed JSON", "agent_error", False),
        (streams({"type": "text-delta", "id": "1"}), "delta: Field required", "agent_error", False),
        (streams({"type": "error", "errorText": "out of luck"}), "out of luck", "agent_error", True),
        (streams({"type": "abort"}), "failed: abort", "agent_error", True),
        (streams(BEGUN), "without its last event", "unavailable", True),
        (streams(BEGUN, then=cut_now), "cut its answer off", "unavailable", True),
    ],
)  # fmt: skip
async def test_what_a_server_does_wrong(
    peer: Peer, handler: Handler, words: str, error_class: str, *, retryable: bool
) -> None:
    """Each fault is named, and asked for once only."""
    error = await failure(peer, handler)
    assert (error.error_class, error.retryable) == (error_class, retryable)
    with pytest.raises(AgentError, match=words):
        raise error
    assert len(peer.requests) == 1


async def test_what_was_said_before_a_cut_is_passed_on(peer: Peer) -> None:
    """People have seen it, so the attempt ends: it is not repeated in silence."""
    peer.answers(streams(BEGUN, then=cut_now))
    agent = agent_of(peer.url)
    heard: list[AgentEvent] = []
    with pytest.raises(AgentError):
        await hear(agent.run(turn("hello")), heard)
    await agent.aclose()
    assert heard == [TextDelta("Half")]
    assert len(peer.requests) == 1


async def test_gives_up_before_the_turn_is_over(peer: Peer) -> None:
    """A server that stays away is not asked beyond the turn's time."""
    error = await failure(peer, cut, timeout_s=0.4)
    assert "closed the connection before its answer" in str(error)


async def test_nobody_listens(peer: Peer, unused_tcp_port: int) -> None:
    """The text names the setting."""
    peer.url = f"http://127.0.0.1:{unused_tcp_port}/turn"
    error = await failure(peer, timeout_s=0.4)
    assert "cannot be reached" in str(error)
    assert "`url`" in str(error)


async def test_a_slow_first_byte(peer: Peer) -> None:
    """Neither silence nor headers alone are an answer."""
    for handler in (hang, streams(then=forever)):
        error = await failure(peer, handler, first_byte_s=0.05)
        assert error.error_class == "timeout"
        assert "did not begin its answer" in str(error)


async def test_a_stalled_stream(peer: Peer) -> None:
    """A pause in the middle of an answer has a limit, too."""
    error = await failure(peer, streams(BEGUN, then=forever), idle_s=0.05)
    assert error.error_class == "timeout"
    assert "sent nothing for 0.05 s" in str(error)


@pytest.mark.parametrize(
    "handler",
    [says({"text": "x" * 2_000}), streams(*[BEGUN] * 50, {"type": "finish"}), says("x" * 2_000, STREAM)],
)
async def test_too_long_an_answer(peer: Peer, handler: Handler) -> None:
    """JSON, many events, or one that never ends."""
    error = await failure(peer, handler, max_answer=1_024)
    assert "more than 1,024 bytes" in str(error)
    assert not error.retryable


async def test_too_long_an_event(peer: Peer) -> None:
    """An event has a limit of its own, however it is cut into lines."""
    for data in (b"data: " + b"x" * 1_100_000, b"data: xxxxxxxxx\n" * 110_000):
        assert "an event of more than" in str(await failure(peer, streams(data)))


async def test_secrets_are_not_repeated(peer: Peer) -> None:
    """A server that quotes the request reveals nothing in the gateway's log."""
    peer.url += f"?key={TOKEN}"
    error = await failure(peer, refuses(400, f"bad header: Bearer {TOKEN}, {SECRET}"))
    assert TOKEN not in str(error)
    assert SECRET not in str(error)
    agent = agent_of(peer.url)
    await agent.aclose()
    assert TOKEN not in repr(agent)
    assert SECRET not in repr(agent)


async def test_a_name_with_an_internal_address(peer: Peer) -> None:
    """No request goes there, neither at once nor after a change of the name's address."""
    port = peer.url.rpartition(":")[2]
    for addresses in ([["127.0.0.1"]], [["203.0.114.1", "127.0.0.1"]], [["::ffff:127.0.0.1"]]):
        names = Names(addresses)
        agent = agent_of(f"http://agent.example:{port}", resolver=names, allow_private=False)
        with pytest.raises(AgentError, match=r"which is not public.*allow_private") as caught:
            await text_of(agent.run(turn("hello")))
        await agent.aclose()
        assert caught.value.error_class == "misconfigured"
        assert names.asked == ["agent.example"]
    assert peer.requests == []


async def test_a_name_is_looked_up_once(peer: Peer) -> None:
    """The connection goes to the address that was checked; a later answer of the resolver plays no part."""
    port = peer.url.rpartition(":")[2]
    peer.answers(says({"text": "hi"}))
    names = Names([["127.0.0.1"], ["192.0.2.1"]])
    agent = agent_of(f"http://agent.example:{port}", resolver=names)
    assert await text_of(agent.run(turn("hello"))) == "hi"
    assert await text_of(agent.run(turn("hello"))) == "hi"
    await agent.aclose()
    assert names.asked == ["agent.example"]
    assert peer.requests[0].host == f"agent.example:{port.partition('/')[0]}"


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "169.254.169.254", "[::ffff:10.0.0.1]", "100.64.0.1"])
def test_an_internal_address_stops_the_start(host: str) -> None:
    """It is known before the first turn."""
    with pytest.raises(SettingsError, match=r"agents\.assistant\.url.*allow_private"):
        agent_of(f"http://{host}:8000/turn", allow_private=False)


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "127.1"])
async def test_odd_spellings_of_an_address(host: str) -> None:
    """What the system would take for 127.0.0.1 is refused, however it is written."""
    agent = agent_of(f"http://{host}:9/turn", allow_private=False, timeout_s=0.3)
    with pytest.raises(AgentError, match=r"not public|not HTTP|cannot be reached|canonical"):
        await text_of(agent.run(turn("hello")))
    await agent.aclose()


async def test_check_tells_whether_the_server_is_there(peer: Peer, unused_tcp_port: int) -> None:
    """Any answer will do, for `turngate doctor`."""
    peer.answers(refuses(405))
    agent = agent_of(peer.url)
    assert (await agent.check()).endswith("answers")
    await agent.aclose()
    agent = agent_of(f"http://127.0.0.1:{unused_tcp_port}/turn")
    with pytest.raises(AgentError, match="cannot be reached"):
        await agent.check()
    await agent.aclose()


async def test_comments_and_keep_alives_are_no_events(peer: Peer) -> None:
    """Neither are other fields, other line ends, or a byte order mark."""
    peer.answers(
        streams(
            b"\xef\xbb\xbf: hello\r\n\r\n",
            b"event: message\r\nid: 7\r\nretry: 5\r",
            b"\ndata: " + event(BEGUN)[6:-2] + b"\r\n\r\n",
            b"\n\n:\n\ndata:\n\n",
            b"data: [DONE]\n\n",
        )
    )
    agent = agent_of(peer.url)
    assert await text_of(agent.run(turn("hello"))) == "Half"
    await agent.aclose()


async def test_the_certificate_is_for_the_name(tmp_path: Path) -> None:
    """Although the connection goes to an address that was looked up before."""
    server_side, client_side = certificate_for("agent.example", tmp_path)
    async with serving(server_side) as peer:
        peer.answers(says({"text": "hi"}))
        port = peer.url.rpartition(":")[2]
        agent = agent_of(f"https://agent.example:{port}", resolver=Names([["127.0.0.1"]]), tls=client_side)
        assert await text_of(agent.run(turn("hello"))) == "hi"
        await agent.aclose()
        agent = agent_of(f"https://other.example:{port}", resolver=Names([["127.0.0.1"]]), tls=client_side)
        with pytest.raises(AgentError, match="no valid certificate for this name") as caught:
            await text_of(agent.run(turn("hello")))
        await agent.aclose()
    assert caught.value.error_class == "misconfigured"
    assert len(peer.requests) == 1
