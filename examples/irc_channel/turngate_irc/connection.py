"""One connection to an IRC server, by the library `irc`: who asks for a line to be sent learns what became of it."""

from __future__ import annotations

import asyncio
import itertools
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field

from irc.client import Event, InvalidCharacters, MessageTooLong, ServerNotConnectedError
from irc.client_aio import AioConnection, AioReactor
from irc.connection import AioFactory
from jaraco.stream import buffer

from turngate import DeliveryDeferred, DeliveryError, DeliveryRefused, DeliveryUnknown
from turngate_irc.settings import IrcSettings

SHORTLY_S = 2.0
REFUSALS = ("nosuchnick", "nosuchserver", "nosuchchannel", "cannotsendtochan", "norecipient", "notexttosend")
TAKEN = ("nicknameinuse", "nickcollision")
NO_ENTRY = (*TAKEN, "erroneusnickname", "passwdmismatch", "yourebannedcreep", "error")
TRIES = 3
"""How often the bot asks for its nick before it takes another: a connection that has just died may still hold it."""


class LenientConnection(AioConnection):
    """Text that is not UTF-8 is read as Latin-1, instead of ending the connection."""

    buffer_class = buffer.LenientDecodingLineBuffer


class Reactor(AioReactor):
    """Makes such connections."""

    connection_class = LenientConnection


@dataclass(slots=True)
class Sending:
    """A line on its way to `nick`; the server's answer to the PING behind it says that the line was read."""

    nick: str
    answered: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Connection:
    """`hear` is called with each line, in order; it must not block."""

    def __init__(self, settings: IrcSettings, hear: Callable[[str], None]) -> None:
        self._settings = settings
        self._hear = hear
        self._tokens = itertools.count(1)
        self._sending: dict[str, Sending] = {}
        self._server: AioConnection | None = None
        self._welcome: asyncio.Future[None] | None = None
        self._ended = asyncio.Event()
        self._taken = 0

    @property
    def nick(self) -> str:
        """Who the bot is on the server."""
        return self._server.get_nickname() if self._server is not None else self._settings.nick

    @property
    def may_have_another_nick(self) -> bool:
        """Whether the last attempt failed for its nick only."""
        return 0 < self._taken <= 2 * TRIES

    @property
    def is_open(self) -> bool:
        """Whether lines can be sent."""
        return self._server is not None and self._server.connected and not self._ended.is_set()

    async def opens(self) -> None:
        """Connects and signs on. Raises `OSError`, `TimeoutError`, or `ConnectionError` with the server's words."""
        self._ended.clear()
        reactor = Reactor(loop=asyncio.get_running_loop())
        reactor.add_global_handler("all_events", self._on_event)
        server = reactor.server()
        factory = AioFactory(ssl=ssl.create_default_context()) if self._settings.tls else AioFactory()
        try:
            await self._signs_on(server, factory)
        finally:
            self._welcome = None
        self._server = server

    async def _signs_on(self, server: AioConnection, factory: AioFactory) -> None:
        welcome = self._welcome = asyncio.get_running_loop().create_future()
        async with asyncio.timeout(self._settings.answer_s):
            await server.connect(
                self._settings.server,
                self._settings.port,
                self._wanted(),
                self._settings.password,
                connect_factory=factory,
            )
            try:
                await welcome
            except BaseException:
                server.disconnect()
                raise

    async def until_ended(self) -> None:
        """Returns when the connection is gone; asks now and then whether it still is there."""
        while not self._ended.is_set():
            try:
                async with asyncio.timeout(4 * self._settings.answer_s):
                    await self._ended.wait()
            except TimeoutError:
                await self._answered(Sending(""))
                self._reclaim()

    async def send(self, nick: str, text: str, may_leave: Callable[[], bool]) -> None:
        """Raises what `Network.deliver` does."""
        if not self.is_open or self._server is None:
            raise DeliveryDeferred("The IRC server is not connected.", SHORTLY_S)
        if not may_leave():
            raise DeliveryDeferred("Another replica may have sent this chunk.", SHORTLY_S)
        try:
            self._server.privmsg(nick, text)
        except (InvalidCharacters, MessageTooLong) as error:
            raise DeliveryRefused(f"IRC cannot carry this line: {error}") from error
        await self._answered(Sending(nick))

    def tell(self, nick: str, text: str) -> None:
        """Sends a line that nobody waits for."""
        if self.is_open and self._server is not None:
            self._server.notice(nick, text)

    @property
    def _is_signing_on(self) -> bool:
        return self._welcome is not None

    def close(self) -> None:
        """Says goodbye, if there is somebody to say it to."""
        if self._server is not None and self._server.connected:
            self._server.disconnect("The gateway stops.")
        self._end()

    def _wanted(self) -> str:
        nick = self._settings.nick
        return nick if self._taken < TRIES else f"{nick}_{self._taken - TRIES + 2}"

    def _reclaim(self) -> None:
        """Asks for the bot's own nick again, which may be free by now; the server says so if it isn't."""
        if self._server is not None and self.nick != self._settings.nick:
            self._server.nick(self._settings.nick)

    async def _answered(self, sending: Sending) -> None:
        token = f"turngate-{next(self._tokens)}"
        self._sending[token] = sending
        try:
            if self._server is not None:
                self._server.ping(token)
            async with asyncio.timeout(self._settings.answer_s):
                await sending.answered
        except (TimeoutError, ServerNotConnectedError) as error:
            self._end()
            raise DeliveryUnknown("The IRC server did not answer in time.") from error
        finally:
            self._sending.pop(token, None)

    def _on_event(self, _connection: AioConnection, event: Event) -> None:
        if event.type == "all_raw_messages":
            self._hear(event.arguments[0])
        elif event.type == "welcome":
            self._taken = 0
            self._settle(self._welcome, None)
        elif event.type == "pong":
            self._read(event.arguments[-1] if event.arguments else "")
        elif event.type in REFUSALS:
            self._refuse(event)
        elif event.type in NO_ENTRY and self._is_signing_on:
            self._taken += event.type in TAKEN
            words = " ".join(event.arguments) or event.target or event.type
            self._settle(self._welcome, ConnectionError(words))
        elif event.type == "disconnect":
            self._end()

    def _read(self, token: str) -> None:
        if (sending := self._sending.get(token)) is not None:
            self._settle(sending.answered, None)

    def _refuse(self, event: Event) -> None:
        nick, words = (event.arguments[0], " ".join(event.arguments[1:])) if event.arguments else ("", event.type)
        for sending in self._sending.values():
            if sending.nick.lower() == nick.lower():
                self._settle(sending.answered, DeliveryRefused(f"The IRC server refused a line for {nick}: {words}"))

    def _end(self) -> None:
        self._ended.set()
        self._settle(self._welcome, ConnectionError("The connection ended."))
        for sending in self._sending.values():
            gone: DeliveryError = DeliveryUnknown("The connection ended before the IRC server answered.")
            self._settle(sending.answered, gone)

    @staticmethod
    def _settle(future: asyncio.Future[None] | None, error: Exception | None) -> None:
        if future is None or future.done():
            return
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)
