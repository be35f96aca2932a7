"""The routes for tests: `/control/...`, with JSON bodies; mistakes get a 400 with `error`."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from typing import ClassVar, TypeVar

from aiohttp import web
from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic import JsonValue as AnyJson

from gateway.api.requests.faults import faults_of
from tests.fakes.bot_api.bots import Bots, HostedBot
from tests.fakes.bot_api.chats import ChatType, UserMessage
from tests.fakes.bot_api.faults import Fault
from tests.fakes.bot_api.records import Sent

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
T = TypeVar("T")
_STRICT = ConfigDict(extra="forbid")


@dataclass(frozen=True, slots=True)
class RawUpdate:
    """Any JSON as an update; `verbatim` keeps it without an `update_id` of the server's."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    update: AnyJson
    verbatim: bool = False


@dataclass(frozen=True, slots=True)
class UpdateId:
    """Identifies an update."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    update_id: int


@dataclass(frozen=True, slots=True)
class ChatChange:
    """Creates or changes a chat; None changes nothing."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    chat_id: int
    type: ChatType | None = None
    title: str | None = None
    blocked: bool | None = None


@dataclass(frozen=True, slots=True)
class Filter:
    """Query of the reading routes; `within` is how many seconds to wait for `count` delivered messages."""

    chat_id: int | None = None
    method: str | None = None
    count: int = 0
    within: float = 0.0


class ControlFace:
    """Lets another process control a bot and read its records; `?bot_id=` selects one of several."""

    def __init__(self, bots: Bots) -> None:
        self._bots = bots

    def add_routes(self, app: web.Application) -> None:
        routes: list[tuple[str, str, Handler]] = [
            ("POST", "messages", self._say),
            ("POST", "updates", self._inject),
            ("POST", "redeliveries", self._redeliver),
            ("POST", "next-update-id", self._restart_ids),
            ("POST", "chats", self._change_chat),
            ("POST", "faults", self._add_fault),
            ("GET", "faults", self._faults),
            ("DELETE", "faults", self._clear_faults),
            ("GET", "sent", self._sent),
            ("GET", "actions", self._actions),
            ("GET", "calls", self._calls),
            ("GET", "offset", self._offset),
            ("POST", "reset", self._reset),
        ]
        for method, name, handler in routes:
            app.router.add_route(method, f"/control/{name}", _explaining(handler))

    async def _say(self, request: web.Request) -> web.Response:
        injected = self._bot(request).state.user_says(await _body(request, UserMessage))
        return web.json_response(asdict(injected), status=201)

    async def _inject(self, request: web.Request) -> web.Response:
        raw = await _body(request, RawUpdate)
        update_id = self._bot(request).state.inject(raw.update, verbatim=raw.verbatim)
        return web.json_response({"update_id": update_id}, status=201)

    async def _redeliver(self, request: web.Request) -> web.Response:
        named = await _body(request, UpdateId)
        self._bot(request).state.redeliver(named.update_id)
        return web.json_response(asdict(named), status=201)

    async def _restart_ids(self, request: web.Request) -> web.Response:
        self._bot(request).state.queue.restart((await _body(request, UpdateId)).update_id)
        return await self._offset(request)

    async def _change_chat(self, request: web.Request) -> web.Response:
        change = await _body(request, ChatChange)
        chat = self._bot(request).state.chat(change.chat_id, change.type, change.title)
        chat.blocked = chat.blocked if change.blocked is None else change.blocked
        return web.json_response({"chat": chat.profile(), "blocked": chat.blocked})

    async def _add_fault(self, request: web.Request) -> web.Response:
        fault = await _body(request, Fault)
        self._bot(request).state.faults.add(fault)
        return web.json_response(asdict(fault), status=201)

    async def _faults(self, request: web.Request) -> web.Response:
        return web.json_response({"faults": [asdict(fault) for fault in self._bot(request).state.faults.remaining]})

    async def _clear_faults(self, request: web.Request) -> web.Response:
        self._bot(request).state.faults.clear()
        return web.Response(status=204)

    async def _sent(self, request: web.Request) -> web.Response:
        bot, wanted = self._bot(request), _query(request)
        sent = await _once_delivered(bot, wanted)
        return web.json_response({"sent": [asdict(one) for one in sent]})

    async def _actions(self, request: web.Request) -> web.Response:
        wanted = _query(request)
        actions = [a for a in self._bot(request).state.actions if wanted.chat_id in (None, a.chat_id)]
        return web.json_response({"actions": [asdict(action) for action in actions]})

    async def _calls(self, request: web.Request) -> web.Response:
        wanted = _query(request)
        calls = [call for call in self._bot(request).state.calls if wanted.method in (None, call.method)]
        counts = Counter(call.method for call in calls)
        return web.json_response({"counts": counts, "calls": [asdict(call) for call in calls]})

    async def _offset(self, request: web.Request) -> web.Response:
        queue = self._bot(request).state.queue
        pending = [update.update_id for update in queue.pending]
        return web.json_response(
            {"confirmed_offset": queue.confirmed_offset, "next_update_id": queue.next_update_id, "pending": pending}
        )

    async def _reset(self, request: web.Request) -> web.Response:
        self._bot(request).reset()
        return web.Response(status=204)

    def _bot(self, request: web.Request) -> HostedBot:
        named = request.query.get("bot_id")
        return self._bots.by_id(None if named is None else int(named))


async def _once_delivered(bot: HostedBot, wanted: Filter) -> list[Sent]:
    """The delivered messages, after waiting for the requested number; fewer when the time is up."""

    def matching() -> list[Sent]:
        return [sent for sent in bot.state.sent if wanted.chat_id in (None, sent.chat_id)]

    try:
        async with asyncio.timeout(wanted.within):
            while sum(sent.delivered for sent in matching()) < wanted.count:
                await bot.next_change()
    except TimeoutError:
        pass
    return matching()


async def _body(request: web.Request, shape: type[T]) -> T:
    return TypeAdapter(shape).validate_json(await request.read())


def _query(request: web.Request) -> Filter:
    return TypeAdapter(Filter).validate_python(dict(request.query))


def _explaining(handler: Handler) -> Handler:
    async def explain(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except ValidationError as error:
            wrong = "; ".join(f"{fault.field or 'body'}: {fault.message}" for fault in faults_of(error))
            return web.json_response({"error": wrong}, status=400)
        except ValueError as error:
            return web.json_response({"error": str(error)}, status=400)
        except KeyError as error:
            return web.json_response({"error": f"unknown id {error.args[0]}"}, status=404)

    return explain
