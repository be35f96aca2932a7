"""Which messages are about links, and whom a link admits."""

from __future__ import annotations

import pytest

from channels.telegram.bot_identity import BotIdentity
from channels.telegram.receiving.access import Admitted, TurnedAway, admit, may_link
from channels.telegram.receiving.linking import LinkRequest, request_of
from channels.telegram.receiving.normalize import Incoming, normalize
from channels.telegram.settings import Telegram
from gateway.core.model import JsonObject, UserId

ANN = UserId("ann")
BOT = BotIdentity(42, "gate_bot")


def incoming(text: str, chat: str = "private") -> Incoming:
    """A normalized message."""
    message: JsonObject = {
        "message_id": 7,
        "chat": {"id": 5, "type": chat},
        "from": {"id": 5, "first_name": "A\0da"},
        "text": text,
    }
    result = normalize({"update_id": 1, "message": message}, BOT)
    assert isinstance(result, Incoming)
    return result


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("/start", None),
        ("/start abc", LinkRequest("link", "abc")),
        ("/link", LinkRequest("link", None)),
        ("/link@gate_bot abc", LinkRequest("link", "abc")),
        ("/LINK abc", LinkRequest("link", "abc")),
        ("/link two words", LinkRequest("link", "two words")),
        ("/unlink", LinkRequest("unlink", None)),
        ("/linkage", None),
        ("please /link", None),
    ],
)
def test_what_is_about_links(text: str, wanted: LinkRequest | None) -> None:
    """`/start` with a payload counts as well: deep links send it."""
    assert request_of(incoming(text)) == wanted


def test_a_group_is_not_private() -> None:
    """A name is kept as far as possible."""
    assert incoming("hello").private
    assert not incoming("hello", "supergroup").private
    assert incoming("hello").sender_name == "Ada"


@pytest.mark.parametrize(
    ("settings", "admission"),
    [
        (Telegram(), Admitted(ANN)),
        (Telegram(access="open"), Admitted(ANN)),
        (Telegram(access="allowlist", allow=("5",)), Admitted(ANN)),
        (Telegram(allow=("5=ada",)), Admitted(UserId("ada"))),
    ],
    ids=["linked", "open", "listed", "mapped"],
)
def test_a_link_says_who_somebody_is(settings: Telegram, admission: Admitted) -> None:
    """Unless the bot's operator has mapped them."""
    assert admit(settings, 5, ANN) == admission
    assert may_link(settings, 5)


def test_a_link_opens_no_allowlist() -> None:
    """Only the bot's operator decides who is on it."""
    settings = Telegram(access="allowlist", allow=("6",))
    assert isinstance(admit(settings, 5, ANN), TurnedAway)
    assert not may_link(settings, 5)
