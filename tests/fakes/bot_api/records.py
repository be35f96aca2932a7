"""Records of a bot's calls and messages; `at` is Unix time in seconds."""

from dataclasses import dataclass
from typing import Literal

from tests.fakes.bot_api.wire import JsonObject


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a known method, even if it was refused."""

    method: str
    chat_id: int | None
    at: float


@dataclass(frozen=True, slots=True)
class ChatAction:
    """One `sendChatAction`, such as typing."""

    chat_id: int
    thread_id: int | None
    action: str
    at: float


@dataclass(frozen=True, slots=True)
class Sent:
    """An attempt to send or edit a message.

    `delivered`: the person sees it. `answered`: the bot was told; a delivered message without it is a lost response.
    `peer`: the network address that the call came from.
    """

    method: str
    chat_id: int | None
    thread_id: int | None
    text: str
    entities: list[JsonObject]
    message_id: int | None
    reply_to: int | None
    link_preview_disabled: bool
    at: float
    outcome: Literal["delivered", "refused"]
    delivered: bool
    answered: bool
    peer: str
    error_code: int | None = None
    description: str | None = None


@dataclass(frozen=True, slots=True)
class Injected:
    """The ids of a person's action in a test."""

    update_id: int
    message_id: int


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where updates are POSTed; no URL means none is set."""

    url: str = ""
    secret_token: str = ""
    max_connections: int = 40
    last_error_date: int | None = None
    last_error_message: str | None = None
