"""Every channel of ours passes the conformance suite, by its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pkgutil import iter_modules

import pytest

import channels
from tests.conformance.telegram import TelegramUnderTest
from tests.conformance.websocket import WebSocketUnderTest
from tests.world import World
from turngate.testing import ABILITIES, CASES, Case, ChannelUnderTest

ABLE: Mapping[str, frozenset[str]] = {
    "telegram": TelegramUnderTest.abilities,
    "websocket": WebSocketUnderTest.abilities,
}
UNDER_TEST: Mapping[str, Callable[[World], ChannelUnderTest]] = {
    "telegram": lambda world: TelegramUnderTest(),
    "websocket": WebSocketUnderTest,
}


def test_every_channel_is_under_test() -> None:
    """Each folder of `channels` has its name here, and together they can do whatever the suite asks for."""
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
    """What every channel has to do, and each as its network allows."""
    await case.run(UNDER_TEST[name](world))
