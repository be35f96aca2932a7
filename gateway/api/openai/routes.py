"""`/v1/chat/completions` and `/v1/models`: agents, offered as models to OpenAI's clients."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, nullcontext
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from uuid import uuid4

from aiohttp import web

from gateway.api.headers import IDEMPOTENCY_KEY, X_SESSION_ID
from gateway.api.openai.answers import Completion
from gateway.api.openai.chunks import CompletionStream, Ending, finish_reason_of
from gateway.api.openai.destinations import SESSION, Destination, find_destination
from gateway.api.openai.errors import NO_RETRY, refusal
from gateway.api.openai.failures import failure_of
from gateway.api.openai.models import ChatCompletion, Model, Models
from gateway.api.openai.requests import ChatCompletionRequest, conversation
from gateway.api.parts import AgentInfo, parts_of, principal_of
from gateway.api.requests.guard import check_command
from gateway.api.requests.limits import allow_message, stream_slot
from gateway.api.requests.reading import ModelPath
from gateway.api.responses.answers import answer, json
from gateway.api.responses.notices import raise_refusal
from gateway.api.responses.streaming import stream
from gateway.api.responses.turn_following import FollowedTurn, follow_turn
from gateway.api.route import EITHER, route
from gateway.core.content.metadata import metadata_of
from gateway.core.content.storable import storable
from gateway.core.inbound import InboundMessage
from gateway.core.intake.dispatcher import KEY_LIMIT, check_text
from gateway.core.model import API, AgentName, JsonObject, Route, Session, SessionId, TurnId
from gateway.core.ports.sessions.sessions import TurnOutcome
from gateway.core.ports.turns import Acceptance
from gateway.core.service import Notice
from gateway.core.tasks.retries import retry_until_answered
from gateway.errors import Conflict, InvalidInput, NotFound

KEY = "Idempotency-Key"
ANSWERED_SESSION = web.RequestKey("answered_session", SessionId)


async def name_session(request: web.Request, response: web.StreamResponse) -> None:
    """Names the session in each response, before a stream's first byte."""
    if ANSWERED_SESSION in request:
        response.headers[SESSION] = request[ANSWERED_SESSION]


@route("GET", "/v1/models", "OpenAI", answer=Models)
async def list_models(request: web.Request) -> web.Response:
    """Lists all agents as models, the default one first."""
    return answer(Models(object="list", data=tuple(Model.named(agent.name) for agent in parts_of(request).agents)))


@route("GET", "/v1/models/{model:.+}", "OpenAI", answer=Model)
async def get_model(request: web.Request, model: ModelPath, /) -> web.Response:
    """Returns one agent as a model."""
    agent = _agent(request, model)
    return _no_model(model) if agent is None else answer(Model.named(agent.name))


@route(
    "POST",
    "/v1/chat/completions",
    "OpenAI",
    answer=ChatCompletion,
    media=EITHER,
    request_headers=(X_SESSION_ID, IDEMPOTENCY_KEY),
    response_headers=(X_SESSION_ID,),
    refusals={
        HTTPStatus.NOT_FOUND: "No such model, which is an agent, or no such session of yours",
        HTTPStatus.CONFLICT: "An answer is being written (`reject`), or a newer message withdrew this one",
        HTTPStatus.INTERNAL_SERVER_ERROR: "The agent could not answer; `code` is `agent_failed` or `agent_misconfigured`",
        HTTPStatus.SERVICE_UNAVAILABLE: "The database is unavailable, or the agent is (`agent_unavailable`)",
        HTTPStatus.GATEWAY_TIMEOUT: "The agent took too long",
    },
    example={"model": "assistant", "messages": [{"role": "user", "content": "Hello"}]},
)
async def complete(request: web.Request, body: ChatCompletionRequest) -> web.StreamResponse:
    """Answers the last user message: in the session that the request names, otherwise in a new one that starts with the other messages."""
    agent = _agent(request, body.model)
    if agent is None:
        return _no_model(body.model)
    with stream_slot(request) if body.stream else nullcontext():
        said = conversation(body.messages)
        # The dispatcher checks the text too, but only after a session was created for it.
        check_text(said.question, parts_of(request).settings.turns.max_text)
        key, metadata = _key(request), metadata_of(body.given_metadata)
        allow_message(request)
        destination = await find_destination(request, agent, body, said, key)
        session = destination.session
        if session is not None and session.agent_name != agent.name:
            told = f"This session belongs to the agent {session.agent_name}: set model to that name."
            return refusal(HTTPStatus.BAD_REQUEST, told, param="model")
        if session is not None and destination.is_repeated:
            return await _answer_again(request, body, session, destination)
        message = _inbound(request, agent, destination, key, metadata)
        await check_command(request, message.command)
        accepted = await parts_of(request).intake.accept(message)
        if isinstance(accepted, Notice):
            return await _notice(request, body, accepted, session)
        return await _answer(request, body, accepted)


def _agent(request: web.Request, name: str) -> AgentInfo | None:
    return next((agent for agent in parts_of(request).agents if agent.name == name), None)


def _no_model(name: str) -> web.Response:
    message = f"The model {name!r} does not exist. Models are agents; GET /v1/models lists them."
    return refusal(HTTPStatus.NOT_FOUND, message, "model_not_found", "model")


def _key(request: web.Request) -> str | None:
    key = request.headers.get(KEY)
    if key is not None and not (1 <= len(key) <= KEY_LIMIT and storable(key)):
        raise InvalidInput(f"{KEY} should have 1 to {KEY_LIMIT} characters, in UTF-8.")
    return key


def _inbound(
    request: web.Request, agent: AgentInfo, destination: Destination, key: str | None, metadata: JsonObject
) -> InboundMessage:
    session = destination.session
    return InboundMessage(
        user_id=principal_of(request).user_id if session is None else session.user_id,
        channel=API,
        agent=AgentName(agent.name),
        text=destination.text,
        key=key or str(uuid4()),
        route=Route(f"{API}:{agent.name}"),
        session_id=None if session is None else session.session_id,
        data=destination.data,
        metadata=metadata,
    )


# Responses -------------------------------------------------------------------------------------------------------------


async def _notice(
    request: web.Request, body: ChatCompletionRequest, notice: Notice, session: Session | None
) -> web.StreamResponse:
    """Returns the answer to a chat command in the same format as an agent's. Raises the refusal of a message."""
    if session is not None:
        request[ANSWERED_SESSION] = session.session_id
    raise_refusal(notice)
    completion = Completion(TurnId(uuid4()), body.model, datetime.now(UTC))
    if not body.stream:
        return json(completion.whole(notice.text, "stop", None))
    return await stream(request, _said(completion, notice.text, usage=body.wants_usage))


async def _said(completion: Completion, text: str, *, usage: bool) -> AsyncGenerator[Sequence[JsonObject]]:
    yield (
        completion.chunk({"role": "assistant", "content": "", "refusal": None}),
        completion.chunk({"content": text}),
        completion.chunk({}, "stop"),
        *((completion.cost(None),) if usage else ()),
    )


async def _answer(request: web.Request, body: ChatCompletionRequest, accepted: Acceptance) -> web.StreamResponse:
    session, message, turn_id = accepted.session, accepted.message, accepted.turn_id
    if session is None or message is None or turn_id is None:
        raise Conflict("This message was accepted before and has no answer.")
    turn = FollowedTurn(turn_id, session.session_id, session.user_id, accepted.turn_status, accepted.attempt)
    return await _follow(request, body, turn, message.created_at)


async def _answer_again(
    request: web.Request, body: ChatCompletionRequest, session: Session, destination: Destination
) -> web.StreamResponse:
    """Returns the answer in progress to the last message, or else a new one in its place."""
    user_id = session.user_id
    turns = await parts_of(request).sessions.open_turns(session.session_id, user_id)
    if (open_turn := next((turn for turn in turns if turn.turn_id == destination.turn_id), None)) is not None:
        turn = FollowedTurn(open_turn.turn_id, session.session_id, user_id, open_turn.status, open_turn.attempt)
        return await _follow(request, body, turn, datetime.now(UTC))
    return await _answer(
        request, body, await parts_of(request).editing.answer_again(session, user_id, None, None, user_id)
    )


async def _follow(
    request: web.Request, body: ChatCompletionRequest, turn: FollowedTurn, created: datetime
) -> web.StreamResponse:
    request[ANSWERED_SESSION] = turn.session_id
    completion = Completion(turn.turn_id, body.model, created)
    if body.stream:
        return await stream(request, _told(request, turn, completion, usage=body.wants_usage))
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
                return web.Response()  # the caller has gone and will not read it
    outcome = await _outcome(request, turn)
    if outcome is None:
        return refusal(HTTPStatus.NOT_FOUND, ending.gone or "", "session_deleted", headers=NO_RETRY)
    if (failure := failure_of(outcome)) is not None:
        waits = {} if failure.retry_s is None else {"Retry-After": str(failure.retry_s)}
        return refusal(failure.status, failure.message, failure.code, failure.param, {**NO_RETRY, **waits})
    return json(completion.whole(outcome.reply.content, finish_reason_of(outcome), outcome.usage))


async def _outcome(request: web.Request, turn: FollowedTurn) -> TurnOutcome | None:
    """Returns the turn's outcome; None if it was deleted with its session."""
    try:
        return await retry_until_answered(partial(parts_of(request).messages.outcome, turn.turn_id, turn.user_id))
    except NotFound:
        return None
