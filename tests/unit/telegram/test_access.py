"""Who may chat, and as which user."""

from typing import Literal

import pytest

from channels.table import USER_IDS
from channels.telegram.name import TELEGRAM
from channels.telegram.receiving.access import Admitted, TurnedAway, admit, unlinked_user
from channels.telegram.settings import Telegram
from gateway.core.model import UserId

Access = Literal["linked", "open", "allowlist"]


def settings(access: Access, *allow: str) -> Telegram:
    return Telegram(access=access, allow=allow)


@pytest.mark.parametrize(
    ("access", "allow", "user"),
    [
        ("open", (), "telegram:5"),
        ("open", ("5=ada",), "ada"),
        ("allowlist", ("5",), "telegram:5"),
        ("allowlist", ("5=ada",), "ada"),
        ("linked", ("5=ada",), "ada"),
    ],
)
def test_admitted_people_have_a_user(access: Access, allow: tuple[str, ...], user: str) -> None:
    """A mapping applies under every kind of access."""
    assert admit(settings(access, *allow), 5, None) == Admitted(UserId(user))


@pytest.mark.parametrize(("access", "allow"), [("allowlist", ("6",)), ("linked", ()), ("linked", ("5", "6=eve"))])
def test_others_are_turned_away_with_their_id(access: Access, allow: tuple[str, ...]) -> None:
    """The text contains what the bot's operator needs to know."""
    turned = admit(settings(access, *allow), 5, None)
    assert isinstance(turned, TurnedAway)
    assert "5" in turned.text


def test_unlinked_people_are_told_how_to_link() -> None:
    """With the default access, the text explains how to link."""
    turned = admit(settings("linked"), 5, None)
    assert isinstance(turned, TurnedAway)
    assert "console" in turned.text
    assert "link" in turned.text


def test_people_without_a_link_have_no_account() -> None:
    """The channel and the core agree on their ids, and no login may use one."""
    assert unlinked_user(5) == USER_IDS.unlinked(TELEGRAM, "5") == "telegram:5"
    assert not USER_IDS.may_name_account(unlinked_user(5))
