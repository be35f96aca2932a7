"""Addresses and routes of chats in Telegram."""

import pytest

from channels.telegram.target import Target
from gateway.core.model import Address
from gateway.errors import DeliveryRefused


@pytest.mark.parametrize("target", [Target(42, 5), Target(42, -1_000_000_000_123, 9)])
def test_an_address_leads_back_to_its_place(target: Target) -> None:
    """Formatted and parsed, it is the same."""
    assert Target.parse(target.address) == target


def test_an_address_equals_its_route() -> None:
    """Replies go where the conversation takes place."""
    assert str(Target(42, 5).route) == str(Target(42, 5).address) == "telegram:42:5:0"


@pytest.mark.parametrize("address", ["", "telegram:42:5", "web:42:5:0", "telegram:42:5:0:1", "telegram:a:5:0"])
def test_anything_else_is_refused(address: str) -> None:
    """It can never be delivered, and the error says so."""
    with pytest.raises(DeliveryRefused, match="not a Telegram address"):
        Target.parse(Address(address))
