"""The fake server, and the words tests use with it: `fake.says(…)`, `await fake.hears(…)`."""

import asyncio
import ssl
from collections import Counter
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from aiohttp import web

from tests.fakes.bot_api.bot_face import BotFace
from tests.fakes.bot_api.bots import Bots
from tests.fakes.bot_api.chats import UserMessage
from tests.fakes.bot_api.control_face import ControlFace
from tests.fakes.bot_api.faults import Fault
from tests.fakes.bot_api.records import Injected, Sent
from tests.fakes.bot_api.state import BotState
from tests.fakes.bot_api.wire import Json

_MAX_BODY_BYTES = 64 * 1024 * 1024


class FakeBotApi:
    """A Bot API server on a local port; `port` 0 takes a free one, kept over `stop` and `start`.

    No `tokens` means any is accepted. Waits are in seconds: `conflict_penalty_s` as on the real server 3,
    `webhook_backoff_s` the first delay between webhook retries. `certificate`: speaks TLS, and presents this one.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        tokens: Sequence[str] = (),
        conflict_penalty_s: float = 3.0,
        webhook_backoff_s: float = 1.0,
        certificate: ssl.SSLContext | None = None,
    ) -> None:
        self.host = host
        self.port = port
        self._certificate = certificate
        self._bots = Bots(tokens, conflict_penalty_s, webhook_backoff_s)
        self._runner: web.AppRunner | None = None
        self._heard: Counter[int] = Counter()

    @property
    def url(self) -> str:
        """The Bot API URL for a gateway; `/bot<token>/<method>` follows."""
        return f"{'http' if self._certificate is None else 'https'}://{self.host}:{self.port}"

    async def start(self) -> None:
        app = web.Application(client_max_size=_MAX_BODY_BYTES)
        BotFace(self._bots).add_routes(app)
        ControlFace(self._bots).add_routes(app)
        runner = self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, self.host, self.port, ssl_context=self._certificate)
        await site.start()
        self.port = site.port

    async def stop(self) -> None:
        """Refuses connections from now on; queue and records are kept for the next `start`."""
        for bot in self._bots:
            await bot.close()
        if self._runner is not None:
            await self._runner.cleanup()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def bot(self, bot_id: int | None = None) -> BotState:
        """The state of a bot; the first one if none is named."""
        return self._bots.by_id(bot_id).state

    def says(self, chat_id: int, text: str, *, from_id: int | None = None, thread_id: int | None = None) -> Injected:
        """A person writes in a chat, private when the id is positive."""
        return self.does(UserMessage(chat_id, text, from_id=from_id, thread_id=thread_id))

    def edits(self, chat_id: int, message_id: int, text: str) -> Injected:
        """A person edits their message."""
        return self.does(UserMessage(chat_id, text, edit_of=message_id))

    def does(self, message: UserMessage, bot_id: int | None = None) -> Injected:
        """A person does anything else a message can be."""
        return self.bot(bot_id).user_says(message)

    def injects(self, update: Json, *, verbatim: bool = False) -> int:
        """Telegram sends any JSON as an update, with an id filled in unless `verbatim`."""
        return self.bot().inject(update, verbatim=verbatim)

    def redelivers(self, update_id: int) -> None:
        """Telegram delivers an update again, confirmed or not."""
        self.bot().redeliver(update_id)

    def restarts_ids(self, next_update_id: int) -> None:
        """Telegram continues with other update ids; `ValueError` while updates wait."""
        self.bot().queue.restart(next_update_id)

    def blocks(self, chat_id: int, blocked: bool = True) -> None:
        """A person blocks or unblocks the bot."""
        self.bot().chat(chat_id).blocked = blocked

    def migrates(self, chat_id: int, new_chat_id: int, *, from_id: int | None = None) -> None:
        """A person turns a group into a supergroup, which has another id."""
        self.bot().migrate(UserMessage(chat_id, from_id=from_id), new_chat_id)

    def fails(self, fault: Fault) -> None:
        """The next matching calls fail as planned."""
        self.bot().faults.add(fault)

    def recovers(self) -> None:
        """Clears all planned faults."""
        self.bot().faults.clear()

    def resets(self) -> None:
        """Resets the first bot's state."""
        self._bots.by_id(None).reset()
        self._heard.clear()

    def sent(self, chat_id: int | None = None) -> list[Sent]:
        """Every attempt to send or edit a message, including refused ones, in order."""
        return [sent for sent in self.bot().sent if chat_id in (None, sent.chat_id)]

    @property
    def confirmed_offset(self) -> int:
        """The offset below which updates are confirmed, 0 at first."""
        return self.bot().queue.confirmed_offset

    def calls(self, method: str) -> list[float]:
        """The times, in Unix seconds, at which a method was called."""
        return [call.at for call in self.bot().calls if call.method == method]

    async def hears(self, chat_id: int, count: int = 1, within: float = 5.0) -> list[Sent]:
        """The next messages of a chat that no earlier call returned; `AssertionError` when too few come in time."""
        begin = self._heard[chat_id]
        try:
            await self.until(lambda: len(self.bot().delivered_to(chat_id)) >= begin + count, within)
        except TimeoutError:
            heard = [sent.text for sent in self.bot().delivered_to(chat_id)[begin:]]
            raise AssertionError(f"chat {chat_id} heard {heard} within {within} s, not {count} messages") from None
        self._heard[chat_id] = begin + count
        return self.bot().delivered_to(chat_id)[begin : begin + count]

    async def until(self, condition: Callable[[], bool], within: float = 5.0) -> None:
        """Waits for a condition on the first bot's records; raises `TimeoutError` after the deadline."""
        async with asyncio.timeout(within):
            while not condition():
                await self._bots.by_id(None).next_change()
