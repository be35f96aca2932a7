"""Each error of the Bot API means one of three things for a message."""

import httpx
import pytest
from telegram.error import (
    BadRequest,
    Conflict,
    EndPointNotFound,
    Forbidden,
    InvalidToken,
    NetworkError,
    TelegramError,
    TimedOut,
)

from channels.telegram.bot_api.answers import NotServed, Unreadable
from channels.telegram.bot_api.failures import delivery_error, refuses_formatting
from gateway.errors import DeliveryDeferred, DeliveryError, DeliveryRefused, DeliveryUnknown

REQUEST = httpx.Request("POST", "http://127.0.0.1/bot777:secret-token/sendMessage")


def caused(error: TelegramError, cause: Exception) -> TelegramError:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "meaning"),
    [
        (caused(NetworkError("x"), httpx.ConnectError("refused")), DeliveryDeferred),
        (caused(TimedOut(), httpx.ConnectTimeout("slow")), DeliveryDeferred),
        (caused(TimedOut(), httpx.PoolTimeout("busy")), DeliveryDeferred),
        (InvalidToken("Unauthorized"), DeliveryDeferred),
        (EndPointNotFound("Not Found"), DeliveryDeferred),
        (NotServed("HTTP status 404"), DeliveryDeferred),
        (Unreadable("HTTP status 200"), DeliveryUnknown),
        (caused(TimedOut(), httpx.ReadTimeout("slow")), DeliveryUnknown),
        (caused(NetworkError("x"), httpx.ReadError("cut")), DeliveryUnknown),
        (caused(NetworkError("x"), httpx.RemoteProtocolError("cut")), DeliveryUnknown),
        (NetworkError("Bad Gateway (502)"), DeliveryUnknown),
        (TelegramError("Invalid server response"), DeliveryUnknown),
        (Conflict("x"), DeliveryUnknown),
        (BadRequest("not enough rights"), DeliveryRefused),
        (Forbidden("bot was blocked by the user"), DeliveryRefused),
    ],
)
def test_each_error_has_its_meaning(error: TelegramError, meaning: type[DeliveryError]) -> None:
    """What was never sent is deferred, what was understood and refused is refused, and the rest is unknown."""
    assert type(delivery_error(error)) is meaning


@pytest.mark.parametrize(
    ("error", "dead"),
    [
        (Forbidden("bot was blocked by the user"), True),
        (BadRequest("Chat not found"), True),
        (BadRequest("Message thread not found"), True),
        (BadRequest("Message is too long"), False),
    ],
)
def test_some_addresses_are_dead_for_good(error: TelegramError, dead: bool) -> None:
    """Blocked, gone or deleted: nothing else needs to be tried there."""
    refused = delivery_error(error)
    assert isinstance(refused, DeliveryRefused)
    assert refused.address_dead is dead


def test_no_error_text_holds_the_token() -> None:
    """The token is in every URL of the Bot API, and so in some libraries' texts."""
    error = delivery_error(NetworkError(f"Unknown error for {REQUEST.url}"))
    assert "secret-token" not in str(error)


@pytest.mark.parametrize(
    ("error", "plain"),
    [
        (BadRequest("Can't parse entities: unsupported"), True),
        (BadRequest("ENTITY_BOUNDS_INVALID"), True),
        (BadRequest("Chat not found"), False),
        (NetworkError("can't parse"), False),
    ],
)
def test_only_refused_formatting_is_tried_again_without(error: TelegramError, plain: bool) -> None:
    """Any other retry would only repeat a message."""
    assert refuses_formatting(error) is plain
