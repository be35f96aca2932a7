"""Each of our channels passes the conformance suite."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pkgutil import iter_modules

import pytest

import channels
from tests.conformance.channels.telegram import TelegramUnderTest
from tests.conformance.channels.websocket import WebSocketUnderTest
from tests.world import World
from turngate.testing.channels import ABILITIES, CASES, Case, ChannelUnderTest

ABLE: Mapping[str, frozenset[str]] = {
    "telegram": TelegramUnderTest.abilities,
    "websocket": WebSocketUnderTest.abilities,
}
UNDER_TEST: Mapping[str, Callable[[World], ChannelUnderTest]] = {
    "telegram": lambda world: TelegramUnderTest(),
    "websocket": WebSocketUnderTest,
}


def test_every_channel_is_under_test() -> None:
    """Each folder of `channels` is listed here, and together they support everything that the suite requires."""
    assert set(UNDER_TEST) == {module.name for module in iter_modules(channels.__path__) if module.ispkg}
    assert frozenset().union(*ABLE.values()) == set(ABILITIES)


@pytest.mark.parametrize(
    ("name", "case"),
    [
        pytest.param(name, case, id=f"{name}-{case}")
        for name, abilities in ABLE.items()
        for case in CASES
        if case.needs <= abilities
    ],
)
async def test_conformance(world: World, name: str, case: Case) -> None:
    """Each case holds for every channel whose network supports it."""
    await case.run(UNDER_TEST[name](world))
