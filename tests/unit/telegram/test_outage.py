"""The channel's status while a server accepts no messages."""

import pytest
from telegram.error import BadRequest, ChatMigrated, EndPointNotFound, Forbidden, TelegramError, TimedOut

from channels.telegram.sending.outage import Outage


def test_an_outage_lasts_until_a_message_is_taken() -> None:
    """A missing response doesn't end it."""
    outage = Outage()
    outage.note(EndPointNotFound("Not Found"), "no sendMessage")
    outage.note(TimedOut(), "no answer")
    assert outage.reason == "no sendMessage"
    outage.end()
    assert not outage.reason


@pytest.mark.parametrize("refusal", [ChatMigrated(-7), BadRequest("chat not found"), Forbidden("bot was blocked")])
def test_any_other_refusal_ends_an_outage(refusal: TelegramError) -> None:
    """The server supports the method."""
    outage = Outage()
    outage.note(EndPointNotFound("Not Found"), "no sendMessage")
    outage.note(refusal, "refused")
    assert not outage.reason


def test_an_outage_that_nothing_confirms_ends() -> None:
    """Nothing is left to send, and readiness must not depend on it."""
    outage = Outage(lasts=0.0)
    outage.note(EndPointNotFound("Not Found"), "no sendMessage")
    assert not outage.reason
