"""What the id of a user says: whether they have an account, or are a visitor or a person on a network."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gateway.core.model import ChannelName, UserId

VISITOR = "visitor:"
LONGEST_ACCOUNT = 255


def is_visitor(user_id: UserId) -> bool:
    """Whether the id is an anonymous visitor's."""
    return user_id.startswith(VISITOR)


@dataclass(frozen=True, slots=True)
class UserIds:
    """Tells accounts from people who have none. `reserved`: the prefixes of the latter, which no account may have."""

    reserved: tuple[str, ...] = (VISITOR,)

    @classmethod
    def reserving(cls, networks: Iterable[ChannelName]) -> UserIds:
        """People on these networks are `<network>:<id>` until a link says who they are; on all others, `visitor:<network>:<id>`."""
        return cls((*(f"{network}:" for network in networks), VISITOR))

    def unlinked(self, channel: ChannelName, external_id: str) -> UserId:
        """Returns the user that a person on a network is without a link."""
        own = f"{channel}:{external_id}"
        return UserId(own if own.startswith(self.reserved) else VISITOR + own)

    def has_account(self, user_id: str) -> bool:
        """Whether accounts on networks can be linked to the user."""
        return not user_id.lower().startswith(self.reserved)

    def may_name_account(self, name: str) -> bool:
        """Whether an account may have this name, from a login or for an API token: `account_rule` in words."""
        if not 0 < len(name) <= LONGEST_ACCOUNT or not name.isprintable() or name != name.strip():
            return False
        return self.has_account(name)

    @property
    def account_rule(self) -> str:
        """What the name of an account should be, for error messages."""
        return (
            f"a printable name of 1 to {LONGEST_ACCOUNT} characters, without surrounding spaces, that does not begin with "
            f"{' or '.join(self.reserved)}"
        )
