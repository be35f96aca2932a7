"""The bots that a server hosts: the state, polling and webhook courier of each."""

import asyncio
import hmac
from collections.abc import Iterator, Sequence

from tests.fakes.bot_api.courier import Courier
from tests.fakes.bot_api.polling import Polling
from tests.fakes.bot_api.state import BotState
from tests.fakes.bot_api.wire import RefusedError

DEFAULT_BOT_ID = 42


class HostedBot:
    """A bot with everything that runs for it."""

    def __init__(self, bot_id: int, conflict_penalty_s: float, webhook_backoff_s: float) -> None:
        self.state = BotState(bot_id, on_change=self._changed)
        self.polling = Polling(self.state, conflict_penalty_s)
        self.courier = Courier(self.state, webhook_backoff_s)
        self._change = asyncio.Event()

    def reset(self) -> None:
        """Forgets everything; a waiting poll continues to wait."""
        self.state.reset()
        self.courier.readdress()
        self._changed()

    def webhook_changed(self) -> None:
        if self.state.webhook.url:
            self.polling.stop_for_webhook()
        self.courier.readdress()

    async def next_change(self) -> None:
        """Returns when the next update is queued or confirmed, or the next record is made."""
        await self._change.wait()

    async def close(self) -> None:
        self.polling.close()
        await self.courier.close()

    def _changed(self) -> None:
        self._change.set()
        self._change = asyncio.Event()
        self.polling.wake()
        self.courier.wake()


class Bots:
    """Finds bots by token and id.

    With no tokens given any well-formed one is accepted. What is done to the default bot before any bot has called
    waits for the first that does.
    """

    def __init__(self, tokens: Sequence[str], conflict_penalty_s: float, webhook_backoff_s: float) -> None:
        self._tokens = tuple(tokens)
        self._timing = (conflict_penalty_s, webhook_backoff_s)
        self._hosted: dict[int, HostedBot] = {}
        self._unclaimed: HostedBot | None = None
        for token in tokens:
            self._host(_bot_id(token))

    def __iter__(self) -> Iterator[HostedBot]:
        return iter([*self._hosted.values(), *([self._unclaimed] if self._unclaimed else [])])

    def by_token(self, token: str) -> HostedBot:
        """Raises `RefusedError` 401 for a token that isn't accepted."""
        if self._tokens and not any(hmac.compare_digest(token.encode(), known.encode()) for known in self._tokens):
            raise RefusedError(401, "Unauthorized")
        return self._host(_bot_id(token))

    def by_id(self, bot_id: int | None) -> HostedBot:
        """The named bot, or the first one; `KeyError` for a bot that the server doesn't host."""
        if bot_id is not None:
            return self._hosted[bot_id]
        if self._hosted:
            return next(iter(self._hosted.values()))
        if self._unclaimed is None:
            self._unclaimed = HostedBot(DEFAULT_BOT_ID, *self._timing)
        return self._unclaimed

    def _host(self, bot_id: int) -> HostedBot:
        if bot_id not in self._hosted:
            bot, self._unclaimed = self._unclaimed or HostedBot(bot_id, *self._timing), None
            bot.state.bot_id = bot_id
            self._hosted[bot_id] = bot
        return self._hosted[bot_id]


def _bot_id(token: str) -> int:
    digits, colon, secret = token.partition(":")
    if not (digits.isdecimal() and digits.isascii() and colon and secret):
        raise RefusedError(401, "Unauthorized: invalid token specified")
    return int(digits)
