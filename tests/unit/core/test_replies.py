"""What is sent of a reply that its channel cannot format."""

from __future__ import annotations

from dataclasses import replace

import structlog

from gateway.core.model import Chunk
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
