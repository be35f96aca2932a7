"""The Telegram channel: one bot, receiving and sending."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog
from telegram.error import EndPointNotFound, InvalidToken, TelegramError

from channels.telegram.backoff import Backoff
from channels.telegram.bot_api.calls import BotApi
from channels.telegram.bot_identity import BotIdentity
from channels.telegram.checks import NOT_THERE, REFUSED, check_bot
from channels.telegram.name import TELEGRAM
from channels.telegram.receiving.linking import Linking
from channels.telegram.receiving.poller import Poller
from channels.telegram.receiving.updates import Updates
from channels.telegram.receiving.watch import Watch
from channels.telegram.receiving.webhook import PATH, UpdatesWebhook
from channels.telegram.sending.notices import Notices
from channels.telegram.sending.pace import Pace
from channels.telegram.sending.render import render
from channels.telegram.sending.sender import Sender
from channels.telegram.settings import Telegram
from gateway.core.model import Address, ChannelName
from gateway.core.networks import ChannelKind, ChannelParts, ChannelState, ChannelStatus
from gateway.core.outbound import Chunk
from gateway.core.ports.channels import MayLeave
from gateway.core.ports.webhooks import Webhook
from gateway.errors import SettingsError
from gateway.log import redact


class TelegramChannel:
    """Passes a bot's updates to `parts.intake`; sends replies through `deliver`.

    Raises `SettingsError` for webhook mode without a public URL.
    """

    def __init__(self, settings: Telegram, parts: ChannelParts) -> None:
        self._settings = settings
        self._parts = parts
        self._webhook_url = _webhook_url(settings, parts.public_url)
        self._api = BotApi(settings)
        self._sender = Sender(self._api, Pace(), parts.moves)
        self._notices = Notices(self._sender)
        self._linking = Linking(settings, parts.links)
        secret = settings.webhook_secret
        self._secret = secret.get_secret_value() if secret is not None else ""
        self._webhook = UpdatesWebhook(self._secret)
        self._status = ChannelStatus("starting", "asking Telegram who the bot is")
        self._log = structlog.get_logger().bind(bot=self._api.bot_id)

    @property
    def name(self) -> ChannelName:
        return TELEGRAM

    @property
    def status(self) -> ChannelStatus:
        outage = self._sender.outage if self._status.state in {"ready", "standby"} else ""
        return ChannelStatus("failed", outage) if outage else self._status

    def webhooks(self) -> Sequence[Webhook]:
        """One, in webhook mode only."""
        return [self._webhook.declared] if self._webhook_url is not None else []

    def render(self, content: str) -> Sequence[Chunk]:
        return render(content)

    async def ready(self, address: Address) -> None:
        await self._sender.ready(address)

    async def deliver(self, address: Address, chunk: Chunk, may_leave: MayLeave) -> None:
        await self._sender.deliver(address, chunk, may_leave)

    async def typing(self, address: Address) -> None:
        await self._sender.typing(address)

    async def run(self) -> None:
        """Receives updates until cancelled; `deliver` continues to work until `close`.

        Waits while the network is unavailable. Returns when Telegram rejects the token, or the server lacks a required
        method: the rest of the gateway continues.
        """
        try:
            bot = await self._until_known()
            self._linking.announce_bot(bot)
            updates = Updates(bot, self._settings, self._parts, self._linking, self._notices)
            await (self._run_polling(updates) if self._webhook_url is None else self._run_webhook(updates))
        except InvalidToken:
            self._become("failed", REFUSED)
            self._log.error("telegram_token_refused", remedy=REFUSED)
        except EndPointNotFound:
            self._become("failed", NOT_THERE)
            self._log.error("telegram_method_missing", remedy=NOT_THERE)

    async def close(self) -> None:
        """Drops waiting notices, and closes all connections."""
        await self._notices.close()
        await self._api.close()

    async def _until_known(self) -> BotIdentity:
        backoff = Backoff()
        while True:
            try:
                bot = await self._api.identity()
            except (InvalidToken, EndPointNotFound):
                raise
            except TelegramError as error:
                await self._wait_out(error, backoff)
            else:
                self._log.info("telegram_bot_known", username=bot.username)
                return bot

    async def _run_polling(self, updates: Updates) -> None:
        await Watch(self._api.account, self._parts.leases, Poller(self._api, updates), self._become).run()

    async def _run_webhook(self, updates: Updates) -> None:
        self._webhook.updates = updates
        await self._until_webhook_set()
        self._become("ready", f"webhook at {self._webhook_url}")
        await asyncio.Event().wait()

    async def _until_webhook_set(self) -> None:
        backoff = Backoff()
        while True:
            try:
                return await self._api.begin_webhook(self._webhook_url or "", self._secret)
            except (InvalidToken, EndPointNotFound):
                raise
            except TelegramError as error:
                await self._wait_out(error, backoff)

    async def _wait_out(self, error: TelegramError, backoff: Backoff) -> None:
        text = redact(str(error))
        if backoff.tries == 0:
            self._log.warning("telegram_unreachable", error=text)
        self._become("starting", f"Telegram returned an unexpected response: {text}")
        await asyncio.sleep(backoff.next())

    def _become(self, state: ChannelState, detail: str) -> None:
        self._status = ChannelStatus(state, detail)


def _webhook_url(settings: Telegram, public_url: str | None) -> str | None:
    if settings.mode == "polling":
        return None
    if public_url is None:
        raise SettingsError('telegram.mode = "webhook" needs public_url, so that Telegram can reach this gateway.')
    return public_url.rstrip("/") + PATH


KIND = ChannelKind(Telegram, TelegramChannel, check_bot)
