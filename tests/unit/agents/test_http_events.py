"""Server-sent events, cut anywhere."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis.strategies import integers, lists

from gateway.agents.http.faults import Unusable
from gateway.agents.http.sse import EventStream

STREAM = b"\xef\xbb\xbfdata: one\n\n: comment\n\nevent: x\ndata:two\rdata:  lines\r\rid: 1\r\ndata: three\r\n\r\ndata\n\ndata: unfinished\n"
EVENTS = [b"one", b"two\n lines", b"three", b""]


@given(lists(integers(0, len(STREAM)), max_size=20))
def test_events_do_not_depend_on_how_the_bytes_arrive(cuts: list[int]) -> None:
    """Line ends of all three kinds, comments, other fields, a byte order mark; what is unfinished is no event."""
    stream = EventStream(1_000)
    edges = [0, *sorted(cuts), len(STREAM)]
    pieces = [STREAM[begin:end] for begin, end in pairwise(edges) if begin < end]
    assert [data for piece in pieces for data in stream.feed(piece)] == EVENTS


@pytest.mark.parametrize("piece", [b"data: " + b"x" * 20, b"x" * 21 + b"\n", b"data: 12345\n" * 4, b": " + b"x" * 20])
def test_an_event_has_a_limit(piece: bytes) -> None:
    """A line without an end, a long line, and many short ones."""
    stream = EventStream(20)
    fed = (list(stream.feed(bytes([byte]))) for byte in piece)
    with pytest.raises(Unusable, match="more than 20 bytes"):
        list(fed)
