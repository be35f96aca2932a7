"""IRC as a channel of Turngate."""

from __future__ import annotations

from turngate import ChannelKind
from turngate_irc.network import IrcNetwork, check
from turngate_irc.settings import IrcSettings

__all__ = ["KIND", "IrcNetwork", "IrcSettings"]

KIND = ChannelKind(IrcSettings, IrcNetwork, check)
