"""`/v1/chat/completions` and `/v1/models`: agents, as OpenAI's clients call models."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from uuid import uuid4

from aiohttp import web

from gateway.api.answers import json
from gateway.api.completion_stream import CompletionStream, Ending, failure_of, finish_reason_of
from gateway.api.following import FollowedTurn, follow_turn
from gateway.api.guard import check_command, storable
from gateway.api.limits import allow_message, stream_slot
from gateway.api.messages import raise_refusal
from gateway.api.openai_errors import NO_RETRY, refusal
from gateway.api.openai_shape import ChatRequest, Completion, Conversation, conversation, model_json
from gateway.api.parts import AgentInfo, acting_user, parts_of, principal_of
from gateway.api.reading import session_id_of, validated
from gateway.api.streaming import stream
from gateway.core.commands import parse_command
from gateway.core.dispatcher import KEY_LIMIT, check_text
from gateway.core.metadata import metadata_of
from gateway.core.model import API, AgentName, InboundMessage, JsonObject, Route, Session, SessionId, TurnId
from gateway.core.ports.seeds import Seed
from gateway.core.ports.sessions import TurnOutcome
from gateway.core.ports.turns import Acceptance
from gateway.core.retries import insist
from gateway.core.service import Notice
from gateway.core.titles import title_from
from gateway.errors import Conflict, InvalidInput, NotFound

SESSION = "X-Session-Id"
KEY = "Idempotency-Key"
ANSWERED_SESSION = web.RequestKey("answered_session", SessionId)


async def name_session(request: web.Request, response: web.StreamResponse) -> None:
    """Each answer says which session it belongs to, from before a stream's first byte."""
    if ANSWERED_SESSION in request:
        response.headers[SESSION] = request[ANSWERED_SESSION]


@validated
async def list_models(request: web.Request) -> web.Response:
    """All agents, the default one first, as OpenAI lists models."""
    return json({"object": "list", "data": [model_json(agent.name) for agent in parts_of(request).agents]})


@validated
async def get_model(request: web.Request, model: str, /) -> web.Response:
    """One agent, as OpenAI tells of a model."""
    agent = _agent(request, model)
    return _no_model(model) if agent is None else json(model_json(agent.name))


@validated
async def complete(request: web.Request, asked: ChatRequest) -> web.StreamResponse:
    """Answers the last user message; with `X-Session-Id` in that session, else in a new one that begins with the rest."""
    agent = _agent(request, asked.model)
    if agent is None:
        return _no_model(asked.model)
    with stream_slot(request) if asked.stream else nullcontext():
        said = conversation(asked.messages)
        check_text(said.question, parts_of(request).settings.turns.max_text)
        key, metadata = _key(request), metadata_of(asked.metadata)
        allow_message(request)
        await check_command(request, said.question)
        session = await _session(request, agent, said, key)
        if session is not None and session.agent_name != agent.name:
            told = f"This session is with {session.agent_name}: model should be that."
            return refusal(HTTPStatus.BAD_REQUEST, told, param="model")
        accepted = await parts_of(request).intake.accept(
            replace(_inbound(request, agent, session, said, key), metadata=metadata)
        )
        if isinstance(accepted, Notice):
            return await _notice(request, asked, accepted, session)
        return await _answer(request, asked, accepted)


def _agent(request: web.Request, name: str) -> AgentInfo | None:
    return next((agent for agent in parts_of(request).agents if agent.name == name), None)


def _no_model(name: str) -> web.Response:
    message = f"The model {name!r} does not exist: models are agents, and GET /v1/models lists them."
    return refusal(HTTPStatus.NOT_FOUND, message, "model_not_found", "model")


def _key(request: web.Request) -> str | None:
    key = request.headers.get(KEY)
    if key is not None and not (1 <= len(key) <= KEY_LIMIT and storable(key)):
        raise InvalidInput(f"{KEY} should have 1 to {KEY_LIMIT} characters, in UTF-8.")
    return key


async def _session(request: web.Request, agent: AgentInfo, said: Conversation, key: str | None) -> Session | None:
    """The session that the message goes to; None for a chat command, which needs none."""
    parts = parts_of(request)
    named = request.headers.get(SESSION)
    if named is not None:
        return await parts.sessions.get(session_id_of(named), acting_user(request))
    if parse_command(said.question) is not None:
        return None
    texts = [one.content for one in said.before if one.role == "user"]
    title = title_from([*texts, said.question][0]) if said.before else None
    return await parts.seeds.sow(Seed(principal_of(request).user_id, API, agent.name, said.before, title, key))


def _inbound(
    request: web.Request, agent: AgentInfo, session: Session | None, said: Conversation, key: str | None
) -> InboundMessage:
    return InboundMessage(
        user_id=principal_of(request).user_id if session is None else session.user_id,
        channel=API,
        agent=AgentName(agent.name),
        text=said.question,
        key=key or str(uuid4()),
        route=Route(f"{API}:{agent.name}"),
        session_id=None if session is None else session.session_id,
        data=() if SESSION in request.headers else said.data,
    )


# Answers -------------------------------------------------------------------------------------------------------------


async def _notice(
    request: web.Request, asked: ChatRequest, notice: Notice, session: Session | None
) -> web.StreamResponse:
    """The answer to a chat command, in the shape of an agent's. Raises what refuses the message."""
    if session is not None:
        request[ANSWERED_SESSION] = session.session_id
    raise_refusal(notice)
    completion = Completion(TurnId(uuid4()), asked.model, datetime.now(UTC))
    if not asked.stream:
        return json(completion.whole(notice.text, "stop", None))
    return await stream(request, _said(completion, notice.text, usage=asked.wants_usage))


async def _said(completion: Completion, text: str, *, usage: bool) -> AsyncGenerator[Sequence[JsonObject]]:
    yield (
        completion.chunk({"role": "assistant", "content": "", "refusal": None}),
        completion.chunk({"content": text}),
        completion.chunk({}, "stop"),
        *((completion.cost(None),) if usage else ()),
    )


async def _answer(request: web.Request, asked: ChatRequest, accepted: Acceptance) -> web.StreamResponse:
    session, message, turn_id = accepted.session, accepted.message, accepted.turn_id
    if session is None or message is None or turn_id is None:
        raise Conflict("This message was taken in before, and has no answer.")
    request[ANSWERED_SESSION] = session.session_id
    completion = Completion(turn_id, asked.model, message.created_at)
    turn = FollowedTurn(turn_id, session.session_id, session.user_id, accepted.turn_status, accepted.attempt)
    if asked.stream:
        return await stream(request, _told(request, turn, completion, usage=asked.wants_usage))
    return await _whole(request, turn, completion)


async def _told(
    request: web.Request, turn: FollowedTurn, completion: Completion, *, usage: bool
) -> AsyncGenerator[Sequence[JsonObject]]:
    shape = CompletionStream(completion)
    async with aclosing(follow_turn(parts_of(request), turn, shape)) as batches:
        async for batch in batches:
            yield batch
    if usage and shape.whole:
        outcome = await _outcome(request, turn)
        yield (completion.cost(None if outcome is None else outcome.usage),)


async def _whole(request: web.Request, turn: FollowedTurn, completion: Completion) -> web.Response:
    ending = Ending()
    async with aclosing(follow_turn(parts_of(request), turn, ending)) as batches:
        async for _ in batches:
            if request.transport is None or request.transport.is_closing():
                return web.Response()  # whoever asked has gone, and will not read it
    outcome = await _outcome(request, turn)
    if outcome is None:
        return refusal(HTTPStatus.NOT_FOUND, ending.gone or "", "session_deleted", headers=NO_RETRY)
    if (failure := failure_of(outcome)) is not None:
        status, code, message = failure
        return refusal(status, message, code, headers=NO_RETRY)
    return json(completion.whole(outcome.reply.content, finish_reason_of(outcome), outcome.usage))


async def _outcome(request: web.Request, turn: FollowedTurn) -> TurnOutcome | None:
    """What the turn came to; None when it is gone with its session."""
    try:
        return await insist(partial(parts_of(request).messages.outcome, turn.turn_id, turn.user_id))
    except NotFound:
        return None
