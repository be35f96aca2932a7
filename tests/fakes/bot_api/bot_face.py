"""The routes for bots: `/bot<token>/<method>`."""

import asyncio
import json
from dataclasses import replace

from aiohttp import web

from tests.fakes.bot_api.bots import Bots, HostedBot
from tests.fakes.bot_api.faults import Fault
from tests.fakes.bot_api.messages import MethodCall, record_refusal
from tests.fakes.bot_api.methods import METHODS, perform
from tests.fakes.bot_api.wire import Answer, Json, Parameters, RefusedError

_GET_UPDATES = "getUpdates"
_BY_LOWER_NAME = {name.lower(): name for name in (*METHODS, _GET_UPDATES)}


class BotFace:
    """Answers Bot API calls, and applies planned faults."""

    def __init__(self, bots: Bots) -> None:
        self._bots = bots

    def add_routes(self, app: web.Application) -> None:
        app.router.add_route("*", "/bot{token:[^/]+}/{method:[^/]*}", self._handle)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        try:
            bot = self._bots.by_token(request.match_info["token"])
            method = _canonical(request.match_info["method"])
            parameters = await _read_parameters(request)
        except RefusedError as refusal:
            return _response(refusal.answer())
        bot.state.record_call(method, parameters.chat_id)
        fault = bot.state.faults.take(method, parameters.chat_id)
        call = MethodCall(method, parameters, request.remote or "")
        if fault is None:
            return _response(await _answer(bot, call))
        return await _answer_faultily(request, bot, call, fault)


async def _answer(bot: HostedBot, call: MethodCall) -> Answer:
    try:
        if call.method == _GET_UPDATES:
            return Answer.of(await bot.polling.get_updates(call.parameters))
        result = perform(bot.state, call)
    except RefusedError as refusal:
        return refusal.answer()
    if call.method in ("setWebhook", "deleteWebhook"):
        bot.webhook_changed()
    return Answer.of(result)


async def _answer_faultily(request: web.Request, bot: HostedBot, call: MethodCall, fault: Fault) -> web.StreamResponse:
    if not fault.carries_out:
        return await _refuse(bot, call, fault)
    answer = await _answer(bot, replace(call, answered=fault.kind == "slow"))
    await asyncio.sleep(fault.delay_s)
    return await _spoil(request, fault, answer)


async def _spoil(request: web.Request, fault: Fault, answer: Answer) -> web.StreamResponse:
    match fault.kind:
        case "slow":
            return _response(answer)
        case "garbage":
            return web.Response(text="<html>not what you hoped for", content_type="text/html")
        case "5xx":
            return _response(fault.refusal().answer())
        case "raw":
            return _raw(fault, json.dumps(answer.body))
        case "cut":
            return await _half(request, answer)
        case _:
            return _hang_up(request)


async def _refuse(bot: HostedBot, call: MethodCall, fault: Fault) -> web.Response:
    refusal = fault.refusal()
    record_refusal(bot.state, call, refusal)
    if fault.migrate_to_chat_id is not None:
        bot.state.chat(fault.migrate_to_chat_id, "supergroup")
    await asyncio.sleep(fault.delay_s)
    return _raw(fault, "") if fault.kind == "raw" else _response(refusal.answer())


def _raw(fault: Fault, answer: str) -> web.Response:
    headers = {} if fault.location is None else {"Location": fault.location}
    return web.Response(status=fault.status, body=fault.body.replace("{answer}", answer).encode(), headers=headers)


async def _half(request: web.Request, answer: Answer) -> web.StreamResponse:
    """The first half of the body that the headers announce."""
    whole = json.dumps(answer.body).encode()
    response = web.StreamResponse(headers={"Content-Length": str(len(whole)), "Content-Type": "application/json"})
    await response.prepare(request)
    await response.write(whole[: len(whole) // 2])
    _hang_up(request)
    return response


def _hang_up(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.close()
    return web.Response()


def _canonical(method: str) -> str:
    """The method's documented name; the server ignores case."""
    name = _BY_LOWER_NAME.get(method.lower())
    if name is None:
        raise RefusedError(404, "Not Found")
    return name


async def _read_parameters(request: web.Request) -> Parameters:
    values: dict[str, Json] = dict(request.query)
    if request.content_type == "application/json" and request.can_read_body:
        values |= _json_object(await request.read())
    elif request.method == "POST":
        form = await request.post()
        values |= {name: value for name, value in form.items() if isinstance(value, str)}
    return Parameters(values)


def _json_object(body: bytes) -> dict[str, Json]:
    try:
        decoded: Json = json.loads(body)
    except ValueError:
        decoded = None
    if not isinstance(decoded, dict):
        raise RefusedError(400, "Bad Request: can't parse JSON object")
    return decoded


def _response(answer: Answer) -> web.Response:
    return web.json_response(answer.body, status=answer.status)
