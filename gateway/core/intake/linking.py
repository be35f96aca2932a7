"""`/link` and `/unlink` for signed-in users. People on a network are answered by their channel."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.core.model import UserId
from gateway.core.ports.users.links import Link
from gateway.core.service import Notice
from gateway.core.user_ids import UserIds
from gateway.core.users.links import LIFETIME, NOT_GOOD, Linked, Links, staying_text
from gateway.errors import Conflict, TooManyRequests

NO_ACCOUNT_HERE = "You are not signed in, so there is no account to link to. Sign in first."
HOW_TO_LINK = "Write /link for a new code, or /link followed by the code from the bot, and nothing else."


class LinkCommands:
    """What a signed-in user can do about linked accounts in a chat."""

    def __init__(self, links: Links, user_ids: UserIds) -> None:
        self._links = links
        self._user_ids = user_ids

    async def link(self, user_id: UserId, code: str) -> Notice:
        """Without a code, creates one for the bot; with a code from the bot, redeems it."""
        if not self._user_ids.has_account(user_id):
            return Notice(NO_ACCOUNT_HERE)
        if len(code.split()) > 1:
            return Notice(HOW_TO_LINK)
        try:
            return await self._redeem(user_id, code) if code else await self._invite(user_id)
        except (Conflict, TooManyRequests) as error:
            return Notice(str(error))

    async def unlink(self, user_id: UserId, which: str) -> Notice:
        """Ends the user's only link, or the one with that number in the list."""
        if not self._user_ids.has_account(user_id):
            return Notice(NO_ACCOUNT_HERE)
        links = await self._links.list(user_id)
        if not links:
            return Notice("No account is linked. Send /link to link one.")
        chosen = links if len(links) == 1 and not which else _numbered(links, which)
        if not chosen:
            return Notice(_which(links))
        link = await self._links.unlink(chosen[0].id, user_id)
        return Notice(f"{_name(link)} is no longer linked to you. You keep your conversations.")

    async def _invite(self, user_id: UserId) -> Notice:
        made = await self._links.invite_anywhere(user_id)
        minutes = int(LIFETIME.total_seconds() / 60)
        return Notice(
            f"Open {made.url} within {minutes} minutes, or send the bot /link {made.code} in a private chat. "
            "The code works once; whoever uses it chats as you, so do not share it."
        )

    async def _redeem(self, user_id: UserId, code: str) -> Notice:
        linked = await self._links.redeem_for(code, user_id)
        return Notice(NOT_GOOD if linked is None else _welcome(linked))


def _welcome(linked: Linked) -> str:
    return (
        f"{_name(linked.link)} is linked: from now on, messages from there are yours. "
        f"{staying_text(linked)} Send /unlink to undo this."
    )


def _numbered(links: Sequence[Link], which: str) -> Sequence[Link]:
    number = int(which) if which.isascii() and which.isdigit() and len(which) < 4 else 0
    return links[number - 1 : number] if number else ()


def _which(links: Sequence[Link]) -> str:
    lines = [f"{number}. {_name(link)}" for number, link in enumerate(links, 1)]
    return "\n".join(["Which one? Write /unlink followed by its number.", *lines])


def _name(link: Link) -> str:
    person = link.person
    own = f"{person.channel}:{person.external_id}"
    return f"{person.display_name} ({own})" if person.display_name else own
