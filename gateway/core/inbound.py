"""What comes in: a message as a channel passes it on."""

from __future__ import annotations

from dataclasses import field

from gateway.core.commands import Command, parse_command
from gateway.core.model import Address, AgentName, ChannelName, JsonObject, Route, SessionId, UserId
from gateway.core.values import value

UNPARSED = Command("help", "")
"""The default of `InboundMessage.command`, recognized by identity: the message parses its own text. No message keeps it."""


@value
class InboundMessage:
    """What a channel's normalizer produces, in the same form for all channels.

    `key`: the channel's own id of the message, 1–128 characters; a message with a known key is a duplicate.
    `session_id`: a session named by the sender, which always continues; without it, the current session of `route`
    continues within the resume window, otherwise a new one starts.
    `deliver_to`: addresses that the reply goes to besides live followers of the session.
    `command`: the chat command that `text` contains; None: it contains none. Parsed here if the channel does not pass it.
    """

    user_id: UserId
    channel: ChannelName
    agent: AgentName
    text: str
    key: str
    route: Route
    session_id: SessionId | None = None
    deliver_to: tuple[Address, ...] = ()
    always_new: bool = False
    """A scheduled run: starts a session of its own, regardless of the resume window …"""
    ends_session: bool = False
    """… and ends it with its turn."""
    begins_session: bool = False
    """`/new` with a text: ends the route's current session, unless the message is a duplicate."""
    title: str | None = None
    data: tuple[JsonObject, ...] = ()
    """Parts that precede the text in its row."""
    metadata: JsonObject = field(default_factory=dict)
    """The sender's own data about this message; checked by `gateway.core.content.metadata`."""
    account: str | None = None
    """The sender's id on `channel`, where a link decides who the user is: the message is stored only if that is still `user_id`."""
    command: Command | None = UNPARSED

    def __post_init__(self) -> None:
        if self.command is UNPARSED:
            object.__setattr__(self, "command", parse_command(self.text))
