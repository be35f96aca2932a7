"""The conformance suite for channels: docs/channels.md shows how a package runs it."""

from __future__ import annotations

from turngate.testing.channels.doubles import RecordingIntake, RecordingMoves, channel_parts
from turngate.testing.channels.subject import ABILITIES, Ability, ChannelUnderTest, Peer
from turngate.testing.channels.suite import CASES, Case, cases_of

__all__ = [
    "ABILITIES",
    "CASES",
    "Ability",
    "Case",
    "ChannelUnderTest",
    "Peer",
    "RecordingIntake",
    "RecordingMoves",
    "cases_of",
    "channel_parts",
]
