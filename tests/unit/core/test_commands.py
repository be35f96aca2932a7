"""Which texts are chat commands, and which go to the agent."""

from __future__ import annotations

import pytest

from gateway.core.commands import Command, parse_command
from gateway.core.inbound import InboundMessage
from gateway.core.model import WEB, AgentName, Route, UserId


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("/new", Command("new", "")),
        ("  /NEW  ", Command("new", "")),
        ("/new what is a heron?", Command("new", "what is a heron?")),
        ("/title Holiday plans", Command("title", "Holiday plans")),
        ("/title", Command("title", "")),
        ("/stop", Command("stop", "")),
        ("/stop that please", None),
        ("/status", Command("status", "")),
        ("/help", Command("help", "")),
        ("/new\nline", Command("new", "line")),
        ("/sessions", Command("sessions", "")),
        ("/resume 2", Command("resume", "2")),
        ("/fork", Command("fork", "")),
        ("/fork the pasta", None),
        ("/agent cook", Command("agent", "cook")),
        ("/link", Command("link", "")),
        ("/unlink 2", Command("unlink", "2")),
        ("/newspaper", None),
        ("/unknown", None),
        ("please /stop", None),
        ("", None),
    ],
)
def test_a_text_is_a_command_or_is_for_the_agent(text: str, command: Command | None) -> None:
    """Unknown commands, and known ones with text that they do not take, go to the agent."""
    assert parse_command(text) == command


@pytest.mark.parametrize(("text", "command"), [("/stop", Command("stop", "")), ("hello", None)])
def test_a_message_knows_which_command_it_is(text: str, command: Command | None) -> None:
    """Even if the channel has not parsed the text itself."""
    message = InboundMessage(UserId("ann"), WEB, AgentName("assistant"), text, "k1", Route("web:assistant"))
    assert message.command == command


def test_a_channel_can_say_that_a_text_is_no_command() -> None:
    """None means no command: the text is not parsed a second time. `/new /stop` sends `/stop` to the agent, for example."""
    message = InboundMessage(UserId("ann"), WEB, AgentName("assistant"), "/stop", "k1", Route("web:x"), command=None)
    assert message.command is None
