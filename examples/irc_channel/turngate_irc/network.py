"""The network: connects, takes in, sends out."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from turngate import (
    Address,
    ChannelName,
    ChannelParts,
    ChannelState,
    ChannelStatus,
    CheckedCall,
    Chunk,
    DeliveryDeferred,
    DeliveryUnknown,
    GatewayError,
    InvalidInput,
    IsPolled,
    MayLeave,
)
from turngate_irc.connection import SHORTLY_S, Connection
from turngate_irc.normalize import normalize
from turngate_irc.place import IRC, nick_of
from turngate_irc.reception import Reception
from turngate_irc.render import render
from turngate_irc.settings import IrcSettings

log = logging.getLogger(__name__)
LONGEST_PAUSE_S = 30.0


class IrcNetwork:
    """One bot on one server. Each replica has a connection and a nick of its own: `housebot`, `housebot_2` and so on."""

    def __init__(self, settings: IrcSettings, parts: ChannelParts) -> None:
        self._settings = settings
        self._connection = Connection(settings, self._hear)
        self._reception = Reception(parts, settings.network, self._connection.tell)
        self._listening = False
        self._keeping: asyncio.Task[None] | None = None
        self._status = ChannelStatus("starting", "not connected yet")

    @property
    def name(self) -> ChannelName:
        return IRC

    @property
    def status(self) -> ChannelStatus:
        return self._status

    def render(self, content: str) -> Sequence[Chunk]:
        return render(content)

    async def ready(self, address: Address) -> None:
        nick_of(address, self._settings.network)
        if not self._connection.is_open:
            raise DeliveryDeferred(f"IRC is not connected: {self._status.detail}.", SHORTLY_S)

    async def deliver(self, address: Address, chunk: Chunk, may_leave: MayLeave) -> None:
        await self._connection.send(nick_of(address, self._settings.network), chunk.text, may_leave)

    async def typing(self, address: Address) -> None:
        """IRC has no sign for it."""

    async def run(self) -> None:
        """Listens until it is cancelled; the connection stays, for what is still to be sent, until `close`."""
        self._listening = True
        if self._keeping is None:
            self._keeping = asyncio.create_task(self._keep_connected())
        try:
            await asyncio.shield(self._keeping)
        finally:
            self._listening = False
            await self._reception.stop()

    async def close(self) -> None:
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.wait([self._keeping])
        self._connection.close()

    def _hear(self, line: str) -> None:
        if not self._listening:
            return
        try:
            incoming = normalize(line, self._connection.nick)
        except InvalidInput as error:
            log.warning("irc_line_ignored: %s", error)
            return
        if incoming is not None:
            self._reception.take(incoming)

    async def _keep_connected(self) -> None:
        pause = 0.2
        while True:
            try:
                await self._connection.opens()
                pause = 0.2
                self._become("ready", f"connected to {self._settings.server} as {self._connection.nick}")
                await self._connection.until_ended()
                self._become("failed", "the connection ended")
            except (OSError, TimeoutError) as error:
                self._become("failed", f"{self._settings.server}:{self._settings.port}: {error!r}")
            except DeliveryUnknown as error:
                self._become("failed", str(error))
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_S)

    def _become(self, state: ChannelState, detail: str) -> None:
        if (state, detail) != (self._status.state, self._status.detail):
            level = logging.WARNING if state == "failed" else logging.INFO
            log.log(level, "irc_connection: state=%s detail=%s", state, detail)
        self._status = ChannelStatus(state, detail)


async def check(settings: IrcSettings, _is_polled: IsPolled) -> Sequence[CheckedCall]:
    """What `turngate doctor` shows: connects once."""
    connection = Connection(settings, lambda _line: None)
    where = f"{settings.server}:{settings.port}"
    try:
        nick = await _first_nick(connection)
    except (OSError, TimeoutError) as error:
        raise GatewayError(f"The IRC server {where} cannot be used: {error!r}. Check [channels.irc].") from error
    finally:
        connection.close()
    return [CheckedCall("connect", essential=True, works=True, detail=f"as {nick}")]


async def _first_nick(connection: Connection) -> str:
    """Signs on, under another nick where a gateway has the bot's."""
    while True:
        try:
            await connection.opens()
        except ConnectionError:
            if not connection.may_have_another_nick:
                raise
        else:
            return connection.nick
