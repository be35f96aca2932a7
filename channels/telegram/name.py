"""The channel's name in routes, addresses and the database."""

from __future__ import annotations

from gateway.core.model import ChannelName

TELEGRAM = ChannelName("telegram")
