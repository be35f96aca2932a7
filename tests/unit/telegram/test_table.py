"""The table of networks leads to what it names."""

import pytest

from channels.table import NETWORKS, _factory
from gateway.config import Settings, Telegram


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_can_be_built(name: str) -> None:
    """Its factory is where the table says."""
    assert callable(_factory(NETWORKS[name]))


def test_telegram_is_on_with_a_token_only() -> None:
    """Without settings there is no network to reach."""
    assert not NETWORKS["telegram"].is_on(Settings())
    assert NETWORKS["telegram"].is_on(Settings(telegram=Telegram.model_validate({"token": "777:secret"})))
