"""What is sent of a reply that its channel cannot format."""

from __future__ import annotations

from dataclasses import replace

import structlog

from gateway.core.events import Citation, FilePart, TextDelta
from gateway.core.outbound import Chunk
from gateway.core.turns.draft import Draft
from gateway.core.turns.replies import APOLOGY, Replies
from tests.unit.agents.turns import turn
from tests.unit.core.networks import DESK, PAPER, Paper


def test_a_text_that_cannot_be_formatted_is_sent_as_it_is() -> None:
    """A fault in a renderer loses no reply, and operators read which address it was for."""
    asked = replace(turn("hello"), deliver_to=(DESK,))
    with structlog.testing.capture_logs() as logged:
        reply = Replies({PAPER: Paper(unable=True)}).apology(asked, None, "no model")
    assert reply.chunks == ((DESK, Chunk(APOLOGY)),)
    assert [(entry["event"], entry["address"]) for entry in logged] == [("rendering_failed", DESK)]


def test_a_text_for_a_channel_that_is_off_is_kept() -> None:
    """The outbox holds it until the channel is on again, or says that it never is."""
    reply = Replies({}).apology(replace(turn("hello"), deliver_to=(DESK,)), None, "no model")
    assert reply.chunks == ((DESK, Chunk(APOLOGY)),)


def test_networks_get_links_to_what_clients_show_beside_the_text() -> None:
    """Pages and files are named; content that is in the URL itself has no link."""
    asked, draft = replace(turn("hello"), deliver_to=(DESK,)), Draft(1000)
    for event in (
        TextDelta("Herons wade."),
        Citation("https://example.com/heron", "Heron"),
        FilePart("https://example.com/a.png", "image/png"),
        FilePart("data:image/png;base64,AA==", "image/png"),
    ):
        draft.add(event)
    reply = Replies({}).of(asked, draft, cancelled=False)
    assert reply.content == "Herons wade."
    assert [chunk.text.split("\n\n") for _, chunk in reply.chunks] == [
        [
            "Herons wade.",
            "[https://example.com/a.png](https://example.com/a.png)",
            "- [Heron](https://example.com/heron)",
        ]
    ]
