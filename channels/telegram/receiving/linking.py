"""Links as people make and end them in Telegram: `/start <code>`, `/link` and `/unlink`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, assert_never

from channels.telegram.bot_identity import BotIdentity
from channels.telegram.name import TELEGRAM
from channels.telegram.receiving.access import GREETING, HOW_TO_LINK, Admitted, admit, is_mapped, may_link
from channels.telegram.receiving.normalize import Incoming
from channels.telegram.settings import Telegram
from gateway.core.model import UserId
from gateway.core.ports.users.links import Person
from gateway.core.users.links import LIFETIME, NOT_GOOD, Links, staying_text
from gateway.errors import Conflict, TooManyRequests

DEEP_LINK = "https://t.me/{username}?start="
MINUTES = int(LIFETIME.total_seconds() / 60)
MAPPED = "The administrator of this bot has already assigned your account to a user (telegram.allow), which takes precedence over links."
NOT_HERE = "Link your account in a private chat with this bot, where nobody else can see the code."
SEEN = "Others in this chat could read that code, so it is no longer valid. " + NOT_HERE
HOW_TO_REDEEM = "Write /link followed by the code, and nothing else."
NONE_TO_END = "Your Telegram account is not linked to any user."
STANDS_ALONE = "Nothing was unlinked. Send /unlink on its own here: it unlinks the account you are writing from."


@dataclass(frozen=True, slots=True)
class LinkRequest:
    """What a person wants to do about their link. `code`: the text after the command; None: none."""

    action: Literal["link", "unlink"]
    code: str | None


class Linking:
    """Answers messages about links, for people with and without one; a link is the sender's, never a chat's."""

    def __init__(self, settings: Telegram, links: Links) -> None:
        self._settings = settings
        self._links = links

    def announce_bot(self, bot: BotIdentity) -> None:
        """Points deep links to the bot, once its name is known."""
        self._links.set_deep_link(TELEGRAM, DEEP_LINK.format(username=bot.username))

    async def user_of(self, sender_id: int) -> UserId | None:
        """The user that the person is linked to."""
        return await self._links.user_of(TELEGRAM, str(sender_id))

    def guess(self, sender_id: int) -> UserId | None:
        """The user that the person was last known to be linked to; the message is refused if that has changed."""
        return self._links.guess(TELEGRAM, str(sender_id))

    def forget(self, sender_id: int) -> None:
        """Discards a wrong guess."""
        self._links.forget(TELEGRAM, str(sender_id))

    def account(self, sender_id: int) -> str | None:
        """The account that decides which user the person is; None if an entry `id=user` does."""
        return None if is_mapped(self._settings, sender_id) else str(sender_id)

    async def answer(self, incoming: Incoming) -> str | None:
        """Returns the answer; None if the message is not about links, or from somebody whom no link would admit."""
        request = request_of(incoming)
        if request is None or not may_link(self._settings, incoming.sender_id):
            return None
        if is_mapped(self._settings, incoming.sender_id):
            return MAPPED
        try:
            return await self._grant(request, incoming)
        except (Conflict, TooManyRequests) as error:
            return str(error)

    async def _grant(self, request: LinkRequest, incoming: Incoming) -> str:
        person = Person(TELEGRAM, str(incoming.sender_id), incoming.sender_name)
        match request.action:
            case "unlink":
                return await self._unlink(person) if request.code is None else STANDS_ALONE
            case "link":
                if request.code is None:
                    return await self._tell_how(incoming, person)
                return await self._redeem(request.code, incoming, person)
            case _:
                assert_never(request.action)

    async def _redeem(self, code: str, incoming: Incoming, person: Person) -> str:
        if len(code.split()) > 1:
            return HOW_TO_REDEEM
        if not incoming.private:
            await self._links.void(code, person)
            return SEEN
        linked = await self._links.redeem(code, person)
        if linked is None:
            return await self._not_good(incoming)
        return (
            f"Linked: from now on you chat as {linked.link.user_id}. {staying_text(linked)} Send /unlink to undo this."
        )

    async def _not_good(self, incoming: Incoming) -> str:
        """Deep links may carry other payloads than a code: a person with access is greeted all the same."""
        admission = admit(self._settings, incoming.sender_id, await self.user_of(incoming.sender_id))
        greeted = incoming.start is not None and isinstance(admission, Admitted)
        return f"{NOT_GOOD}\n{GREETING}" if greeted else NOT_GOOD

    async def _tell_how(self, incoming: Incoming, person: Person) -> str:
        if not incoming.private:
            return NOT_HERE
        linked = await self._links.user_of(person.channel, person.external_id)
        if linked is not None:
            return f"You are linked: you chat as {linked}. Send /unlink to undo this."
        if self._settings.access == "linked":
            return HOW_TO_LINK.format(sender_id=incoming.sender_id)
        code = await self._links.own_code(person)
        return (
            f"Within {MINUTES} minutes, send this in the web chat of the account you want to link this one to:\n"
            f"/link {code}\n"
            "It works once; do not share it. Or write /link there and open the link you get."
        )

    async def _unlink(self, person: Person) -> str:
        ended = await self._links.unlink_person(person)
        if ended is None:
            return NONE_TO_END
        after = (
            "This bot only answers linked accounts."
            if self._settings.access == "linked"
            else f"You chat as {self._links.unlinked_user(person.channel, person.external_id)} again."
        )
        return f"Your account is unlinked. {after} Earlier conversations stay with the user it was linked to."


def request_of(incoming: Incoming) -> LinkRequest | None:
    """Returns what a message asks for about its sender's link, if it is about that."""
    if incoming.start:
        return LinkRequest("link", incoming.start)
    command = incoming.command
    if command is None or command.name not in {"link", "unlink"}:
        return None
    return LinkRequest("link" if command.name == "link" else "unlink", command.rest or None)
