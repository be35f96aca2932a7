"""Who may chat, and as which user."""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from channels.telegram.name import TELEGRAM
from channels.telegram.settings import Telegram
from gateway.core.model import UserId

NOT_INVITED = "This bot only answers people who were invited. Ask whoever runs it to add your Telegram id, {sender_id}."
HOW_TO_LINK = (
    "This bot only answers linked accounts, and yours is not linked yet. Sign in to the console or web chat of this "
    "gateway, write /link there, and open the link it gives you; or ask whoever runs it to link your Telegram id, "
    "{sender_id}. Your message was not saved."
)
GREETING = "You are connected. Write a message and it will be answered; /help lists what else you can do."


@dataclass(frozen=True, slots=True)
class Admitted:
    user_id: UserId


@dataclass(frozen=True, slots=True)
class TurnedAway:
    """Turned away; `text` tells the person what to do."""

    text: str


def admit(settings: Telegram, sender_id: int, linked: UserId | None) -> Admitted | TurnedAway:
    """An entry `id=user` in `allow` maps a person to a user under every kind of access, whatever they are `linked` to.

    An allowlist remains one: a link only decides as which user somebody on it chats, and admits nobody else.
    """
    listed = _listed(settings.allow)
    own = unlinked_user(sender_id)
    user = listed.get(sender_id)
    if user is not None:
        return Admitted(user)
    match settings.access:
        case "open":
            return Admitted(linked or own)
        case "allowlist":
            known = sender_id in listed
            return Admitted(linked or own) if known else TurnedAway(NOT_INVITED.format(sender_id=sender_id))
        case "linked":
            return Admitted(linked) if linked is not None else TurnedAway(HOW_TO_LINK.format(sender_id=sender_id))
        case _:
            assert_never(settings.access)


def unlinked_user(sender_id: int) -> UserId:
    """The user that a person is without a link, as in `gateway.core.user_ids`."""
    return UserId(f"{TELEGRAM}:{sender_id}")


def is_mapped(settings: Telegram, sender_id: int) -> bool:
    """Whether an entry `id=user` maps the person."""
    return _listed(settings.allow).get(sender_id) is not None


def may_link(settings: Telegram, sender_id: int) -> bool:
    """Whether a link would let the person chat."""
    return settings.access != "allowlist" or sender_id in _listed(settings.allow)


def _listed(allow: tuple[str, ...]) -> dict[int, UserId | None]:
    entries = (entry.partition("=") for entry in allow)
    return {int(number): UserId(user) if user else None for number, _, user in entries}
