"""The table of networks names existing kinds."""

import pytest

from channels.table import NETWORKS, _kind
from channels.telegram.name import TELEGRAM
from channels.telegram.settings import Telegram
from gateway.config import Settings
from gateway.core.model import ChannelName
from gateway.core.networks import ChannelKind


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_can_be_built(name: ChannelName) -> None:
    """Its kind is where the table says."""
    assert isinstance(_kind(NETWORKS[name]), ChannelKind)


def test_telegram_is_on_with_a_token_only() -> None:
    """Without settings, there is no network."""
    given = Telegram.model_validate({"token": "777:secret"})
    assert NETWORKS[TELEGRAM].settings(Settings()) is None
    assert NETWORKS[TELEGRAM].settings(Settings(telegram=given)) == given
