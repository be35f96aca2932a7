"""Exports as documents, produced page by page: memory use does not grow with their size."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import orjson

from gateway.api.models import sessions as models
from gateway.api.models.common import Answer, written
from gateway.api.models.identity import Token
from gateway.api.models.schedules import Schedule
from gateway.api.models.turns import Turn
from gateway.api.responses.transcripts import head, paragraph
from gateway.core.model import JsonValue, Message, Session, SessionId, UserId
from gateway.core.ports.schedules import ScheduleStore
from gateway.core.ports.sessions.exports import START, ExportStore, SessionSection, UserSection
from gateway.core.ports.sessions.sessions import MessageStore, SessionStore
from gateway.core.ports.turn_log import TurnLog
from gateway.core.ports.users.tokens import TokenStore
from gateway.core.shapes import instant
from gateway.errors import NotFound

Format = Literal["json", "markdown"]
PAGE = 100
MOST_SCHEDULES = 1_000_000
OF_A_USERS_SESSION: tuple[SessionSection, ...] = (
    "snapshots",
    "hidden",
    "versions",
    "deliveries",
    "agent_data",
    "approvals",
)
OF_A_USER: tuple[UserSection, ...] = ("links", "identified_visitors", "routes", "usage")


@dataclass(frozen=True, slots=True)
class Documents:
    """Writes exports; pieces are UTF-8."""

    sessions: SessionStore
    messages: MessageStore
    turns: TurnLog
    schedules: ScheduleStore
    tokens: TokenStore
    kept: ExportStore

    def session(self, session: Session, form: Format) -> AsyncIterator[bytes]:
        """One session: its live messages, and as JSON also its state and its snapshots."""
        return self._markdown(session) if form == "markdown" else self._json(session, ("snapshots",))

    async def user(self, user_id: UserId, progress: Callable[[int, int], None] | None = None) -> AsyncIterator[bytes]:
        """Everything a user has, as one JSON document. `progress` receives how many of how many sessions are written."""
        yield b'{"user_id":' + orjson.dumps(user_id) + b',"exported_at":' + orjson.dumps(instant(datetime.now(UTC)))
        schedules = await self.schedules.list(user_id, MOST_SCHEDULES)
        yield _models("schedules", map(Schedule.of, schedules))
        yield _models("tokens", map(Token.of, await self.tokens.list(user_id)))
        for section in OF_A_USER:
            yield _field(section, [*await self.kept.of_user(section, user_id)])
        async for piece in _array("sessions", self._sessions(user_id, progress)):
            yield piece
        yield b"}\n"

    async def _sessions(
        self, user_id: UserId, progress: Callable[[int, int], None] | None
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        ids = await self.kept.session_ids(user_id)
        for count, session_id in enumerate(ids, 1):
            try:
                session = await self.sessions.get(session_id, user_id)
            except NotFound:  # deleted in the meantime
                continue
            yield self._json(session, OF_A_USERS_SESSION, turns=True)
            if progress is not None:
                progress(count, len(ids))

    async def _json(
        self, session: Session, sections: Sequence[SessionSection], *, turns: bool = False
    ) -> AsyncIterator[bytes]:
        yield b'{"session":' + written(models.Session.of(session))
        async for piece in _array("messages", _each(self._live(session))):
            yield piece
        kept = await self.kept.kept(session.session_id, session.user_id)
        yield _field("state", kept.state)
        if turns:
            yield _field("external_keys", list(kept.external_keys))
            async for piece in _array("turns", self._turns(session)):
                yield piece
        for section in sections:
            async for piece in _array(section, self._rows(section, session.session_id, session.user_id)):
                yield piece
        yield b"}\n"

    async def _markdown(self, session: Session) -> AsyncIterator[bytes]:
        yield head(session).encode()
        async for message in self._live(session):
            yield paragraph(message).encode()

    async def _live(self, session: Session) -> AsyncIterator[Message]:
        seq = 0
        while page := await self.messages.after(session.session_id, session.user_id, seq, PAGE):
            for message in page:
                if not message.deleted:
                    yield message
            seq = page[-1].seq

    async def _turns(self, session: Session) -> AsyncIterator[AsyncIterator[bytes]]:
        before: str | None = None
        while True:
            try:
                page = await self.turns.page(session.session_id, session.user_id, PAGE, before)
            except NotFound:
                return
            for turn in page.turns:
                yield _whole(Turn.from_record(turn, show_error=False))
            if (before := page.next_before) is None:
                return

    async def _rows(
        self, section: SessionSection, session_id: SessionId, user_id: UserId
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        place = START
        while rows := await self.kept.of_session(section, session_id, user_id, place):
            for kept in rows:
                yield _piece(orjson.dumps(kept.row))
            place = rows[-1].place


async def _each(messages: AsyncIterator[Message]) -> AsyncIterator[AsyncIterator[bytes]]:
    async for message in messages:
        yield _whole(models.Message.of(message))


def _whole(model: Answer) -> AsyncIterator[bytes]:
    return _piece(written(model))


async def _piece(text: bytes) -> AsyncIterator[bytes]:
    yield text


def _models(name: str, answers: Iterable[Answer]) -> bytes:
    return b",\n" + orjson.dumps(name) + b":[" + b",".join(map(written, answers)) + b"]"


def _field(name: str, value: JsonValue) -> bytes:
    return b",\n" + orjson.dumps(name) + b":" + orjson.dumps(value)


async def _array(name: str, items: AsyncIterator[AsyncIterator[bytes]]) -> AsyncIterator[bytes]:
    """A list whose items come in pieces themselves, each on a line of its own."""
    yield b",\n" + orjson.dumps(name) + b":["
    separator = b"\n"
    async for item in items:
        yield separator
        separator = b",\n"
        async for piece in item:
            yield piece
    yield b"]"
