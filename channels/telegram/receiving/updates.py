"""Settles updates one by one, however they arrived: accepted, answered by a notice, ignored or quarantined."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from typing import assert_never

import structlog

from channels.telegram.bot_identity import BotIdentity
from channels.telegram.name import TELEGRAM
from channels.telegram.receiving.access import GREETING, Admitted, TurnedAway, admit, unlinked_user
from channels.telegram.receiving.linking import Linking
from channels.telegram.receiving.normalize import Ignored, Incoming, Migrated, normalize
from channels.telegram.receiving.wire import update_id
from channels.telegram.sending.notices import Notices
from channels.telegram.settings import Telegram
from gateway.core.inbound import InboundMessage
from gateway.core.model import AgentName, JsonValue, UserId
from gateway.core.networks import ChannelParts
from gateway.core.ports.turns import Acceptance
from gateway.core.service import Notice
from gateway.errors import Conflict, InvalidInput, SenderChanged, StoreUnavailable, TooManyRequests
from gateway.log import redact

NOT_TAKEN = (
    "Your message could not be processed because of an internal error. It was kept for the people who run this bot."
)
TOO_FAST = (
    "{reason} Messages over the limit are dropped, and this notice is sent at most once a minute. Please resend any "
    "message that gets no answer."
)
PRIVATE_ONLY = "Your conversations are private: /{command} only works in a private chat with this bot."
PRIVATE_COMMANDS = frozenset({"sessions", "resume"})
_TRIES = 3


class Updates:
    """Settles the updates of one bot."""

    def __init__(
        self, bot: BotIdentity, settings: Telegram, parts: ChannelParts, linking: Linking, notices: Notices
    ) -> None:
        self._bot = bot
        self._settings = settings
        self._parts = parts
        self._linking = linking
        self._notices = notices
        self._faults: Counter[str] = Counter()
        self._log = structlog.get_logger().bind(bot=bot.bot_id)

    async def settle(self, update: JsonValue) -> None:
        """Returns once the update needs no further work.

        Raises `StoreUnavailable` if it has to be delivered again.
        """
        incoming: Incoming | Migrated | Ignored | None = None
        try:
            incoming = normalize(update, self._bot)
            await self._settle(incoming, update)
            self._faults.pop(update_key(update), None)
        except StoreUnavailable:
            raise
        except InvalidInput as error:
            await self.quarantine(update_key(update), json.dumps(update), str(error))
        except Exception as error:  # noqa: BLE001 - one update must never block the following ones
            await self._after_fault(update, error, incoming)

    async def _settle(self, incoming: Incoming | Migrated | Ignored, update: JsonValue) -> None:
        match incoming:
            case Ignored():
                self._log.debug("telegram_update_ignored", update_id=update_id(update), reason=incoming.reason)
            case Migrated():
                self._log.info("telegram_chat_migrated", chat=incoming.old.chat, new_chat=incoming.new.chat)
                await self._parts.moves.move(incoming.old.chat, incoming.new.chat)
            case Incoming():
                await self._admit(incoming)
            case _:
                assert_never(incoming)

    async def _admit(self, incoming: Incoming) -> None:
        """Uses the sender's last known user until T1 says otherwise."""
        try:
            await self._admit_as(incoming, await self._likely(incoming))
        except SenderChanged:
            await self._admit_anew(incoming)

    async def _admit_anew(self, incoming: Incoming) -> None:
        self._linking.forget(incoming.sender_id)
        try:
            await self._admit_as(incoming, await self._linking.user_of(incoming.sender_id))
        except SenderChanged as error:
            raise StoreUnavailable("The sender's link keeps changing; the update will be tried again.") from error

    async def _likely(self, incoming: Incoming) -> UserId | None:
        """The user that the sender is probably linked to: a guess if T1 checks it, otherwise looked up."""
        guess = self._linking.guess(incoming.sender_id)
        checked = isinstance(admit(self._settings, incoming.sender_id, guess), Admitted)
        if checked and not incoming.text.lstrip().startswith("/"):
            return guess
        return await self._linking.user_of(incoming.sender_id)

    async def _admit_as(self, incoming: Incoming, linked: UserId | None) -> None:
        admission = admit(self._settings, incoming.sender_id, linked)
        user_id = admission.user_id if isinstance(admission, Admitted) else unlinked_user(incoming.sender_id)
        try:
            self._parts.rates.check(user_id, incoming.written_at)
        except TooManyRequests as error:
            self._slow_down(incoming, admission, error)
            return
        try:
            await self._answer(incoming, admission)
        except (StoreUnavailable, SenderChanged):
            # It comes again, and counts once.
            self._parts.rates.put_back(user_id, incoming.written_at)
            raise

    def _slow_down(self, incoming: Incoming, admission: Admitted | TurnedAway, error: TooManyRequests) -> None:
        self._log.info("telegram_message_refused", sender=incoming.sender_id, reason=str(error))
        # People without access have been told so, and that nothing is kept.
        if isinstance(admission, Admitted):
            self._notices.slow_down(incoming.target, incoming.sender_id, TOO_FAST.format(reason=error))

    async def _answer(self, incoming: Incoming, admission: Admitted | TurnedAway) -> None:
        answer = await self._linking.answer(incoming)
        if answer is not None:
            self._notices.post(incoming.target, answer)
            return
        match admission:
            case TurnedAway():
                asked = incoming.start is not None
                self._notices.refuse(incoming.target, incoming.sender_id, admission.text, asked=asked)
            case Admitted():
                await self._take_in(incoming, admission.user_id)
            case _:
                assert_never(admission)

    async def quarantine(self, key: str, raw: str, reason: str) -> None:
        """Stores an update that can't be processed. Raises `StoreUnavailable`."""
        self._log.warning("telegram_update_quarantined", key=key, reason=redact(reason))
        account = f"{TELEGRAM}:{self._bot.bot_id}"
        await self._parts.quarantine.keep(account, key, raw, redact(reason))

    async def _take_in(self, incoming: Incoming, user_id: UserId) -> None:
        if incoming.start is not None:
            self._notices.post(incoming.target, GREETING)
            return
        command = incoming.command
        if command is not None and command.name in PRIVATE_COMMANDS and not incoming.private:
            self._notices.post(incoming.target, PRIVATE_ONLY.format(command=command.name))
            return
        try:
            answer = await self._parts.intake.accept(await self._inbound(incoming, user_id))
        except InvalidInput as error:
            self._refuse(incoming, str(error))
        except Conflict as error:
            self._notices.post(incoming.target, str(error))
        else:
            self._taken_in(incoming, user_id, answer)

    def _taken_in(self, incoming: Incoming, user_id: UserId, answer: Acceptance | Notice) -> None:
        if isinstance(answer, Notice):
            self._notices.post(incoming.target, answer.text)
        elif answer.status == "duplicate":
            self._parts.rates.put_back(user_id, incoming.written_at)

    async def _inbound(self, incoming: Incoming, user_id: UserId) -> InboundMessage:
        return InboundMessage(
            user_id=user_id,
            channel=TELEGRAM,
            agent=await self._agent(incoming, user_id),
            text=incoming.text,
            key=incoming.key,
            route=incoming.target.route,
            deliver_to=(incoming.target.address,),
            account=self._linking.account(incoming.sender_id),
            command=incoming.command,
        )

    async def _agent(self, incoming: Incoming, user_id: UserId) -> AgentName:
        """The agent chosen there by `/agent` or `/resume`, otherwise the default one."""
        default, *others = self._parts.agents
        if not others:
            return default
        chosen = await self._parts.routes.agent_at(user_id, incoming.target.route)
        return chosen if chosen in others else default

    def _refuse(self, incoming: Incoming, reason: str) -> None:
        self._notices.post(incoming.target, f"That message was not accepted: {reason}")

    async def _after_fault(
        self, update: JsonValue, error: Exception, incoming: Incoming | Migrated | Ignored | None
    ) -> None:
        """An unforeseen fault may be temporary, so the update comes again; if it persists, the update is quarantined."""
        key = update_key(update)
        self._faults[key] += 1
        self._log.error("telegram_update_failed", key=key, exc_info=error)
        if self._faults[key] < _TRIES:
            raise StoreUnavailable(f"The update could not be processed: {redact(str(error))}") from error
        await self.quarantine(key, json.dumps(update), f"{type(error).__name__}: {error}")
        del self._faults[key]
        if isinstance(incoming, Incoming):
            self._notices.post(incoming.target, NOT_TAKEN)


def update_key(update: JsonValue) -> str:
    """The update's id, or a fingerprint if it has none."""
    found = update_id(update)
    return f"update:{found}" if found is not None else fingerprint(json.dumps(update, sort_keys=True).encode())


def fingerprint(raw: bytes) -> str:
    """The same for the same bytes."""
    return f"sha256:{hashlib.sha256(raw).hexdigest()}"
