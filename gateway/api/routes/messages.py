"""`/api/chat/sessions/{session_id}/messages` and `/api/turns/{id}/cancel`."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Annotated
from uuid import uuid4

from aiohttp import web
from pydantic import AfterValidator, Field

from gateway.api.ai_sdk.responses import stream_answer, stream_notice
from gateway.api.headers import PREFER
from gateway.api.models.sessions import Message, Messages, Sent
from gateway.api.models.turns import TurnCancelled
from gateway.api.parts import acting_user, parts_of
from gateway.api.requests.guard import check_command
from gateway.api.requests.limits import allow_message
from gateway.api.requests.reading import (
    Body,
    Limit,
    Metadata,
    SessionPath,
    Text,
    UuidPath,
    as_json,
    session_id_of,
    uuid_of,
)
from gateway.api.responses.answers import answer
from gateway.api.responses.notices import raise_refusal
from gateway.api.responses.streaming import answering, wants_stream
from gateway.api.responses.turn_following import GONE
from gateway.api.route import EITHER, route
from gateway.core.inbound import InboundMessage
from gateway.core.model import API, MessageId, Route, Session, TurnId
from gateway.core.ports.sessions.sessions import TurnOutcome
from gateway.core.ports.turns import Acceptance
from gateway.core.service import Notice
from gateway.errors import NotFound, StoreUnavailable


def _none_yet(attachments: list[object] | None) -> list[object] | None:
    if attachments:
        raise ValueError("attachments are not supported yet; leave the list out or empty")
    return attachments


class Draft(Body):
    """A message to send. `id` is the sender's own: sending the same id again in the session returns the first message."""

    text: Text
    id: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    attachments: Annotated[list[object] | None, AfterValidator(_none_yet)] = Field(
        None, json_schema_extra={"maxItems": 0}, description="Not supported yet."
    )
    metadata: Metadata | None = Field(
        None, description="Your own data about the message, at most 16 KiB as JSON; it is passed to the agent."
    )


@route("GET", "/api/chat/sessions/{session_id}/messages", "Messages", answer=Messages)
async def list_messages(
    request: web.Request,
    session_id: SessionPath,
    /,
    limit: Limit = 50,
    before_id: Annotated[
        str, Field(min_length=1, max_length=128, description="Returns the page before this message of the session.")
    ]
    | None = None,
) -> web.Response:
    """Returns a page of messages, the newest page without `before_id`; ascending within the page."""
    before = None if before_id is None else MessageId(before_id)
    page = await parts_of(request).messages.page(session_id_of(session_id), acting_user(request), limit, before)
    return answer(Messages.of(page))


@route(
    "POST",
    "/api/chat/sessions/{session_id}/messages",
    "Messages",
    answer=Sent,
    statuses=(HTTPStatus.OK, HTTPStatus.ACCEPTED),
    media=EITHER,
    request_headers=(PREFER,),
    refusals={
        HTTPStatus.CONFLICT: "An answer is being written, and the agent takes one message at a time (`reject`)",
        HTTPStatus.TOO_MANY_REQUESTS: "Too many requests, or too many messages waiting in the session; see `Retry-After`",
    },
    example={"id": "greeting", "text": "Hello"},
)
async def send_message(request: web.Request, session_id: SessionPath, /, draft: Draft) -> web.StreamResponse:
    """Sends a message and returns the reply, or streams it (`Accept`); 202 if it takes longer (`Prefer: wait=<seconds>`)."""
    parts = parts_of(request)
    session = await parts.sessions.get(session_id_of(session_id), acting_user(request))
    with answering(request):
        allow_message(request)
        message = inbound(session, draft)
        await check_command(request, message.command)
        accepted = await parts.intake.accept(message)
        if isinstance(accepted, Notice):
            return await _noticed(request, session, accepted)
        return await answered(request, session, accepted)


async def answered(request: web.Request, session: Session, accepted: Acceptance) -> web.StreamResponse:
    """Responds to an accepted message with its reply, in the form that the caller asks for."""
    if wants_stream(request):
        return await stream_answer(request, session, accepted)
    return _answer(accepted, await _outcome(request, session, accepted))


async def _noticed(request: web.Request, session: Session, notice: Notice) -> web.StreamResponse:
    raise_refusal(notice)
    if wants_stream(request):
        return await stream_notice(request, session, notice)
    return answer(Sent(message=None, reply=None, turn_id=None, status=None, notice=notice.text))


def inbound(session: Session, draft: Draft) -> InboundMessage:
    """Builds the message as its session's user sends it; without an id it is always new."""
    return InboundMessage(
        user_id=session.user_id,
        channel=API,
        agent=session.agent_name,
        text=draft.text,
        key=draft.id or str(uuid4()),
        route=Route(f"{API}:{session.agent_name}"),
        session_id=session.session_id,
        metadata=as_json(draft.metadata or {}),
    )


async def _outcome(request: web.Request, session: Session, accepted: Acceptance) -> TurnOutcome | None:
    if accepted.turn_id is None:
        return None
    where = (accepted.session or session).session_id
    seconds = wait_seconds(request.headers.get("Prefer", ""), parts_of(request).settings.turns.timeout_s)
    try:
        return await parts_of(request).intake.wait(accepted.turn_id, where, session.user_id, seconds)
    except NotFound:
        raise NotFound(GONE) from None
    except StoreUnavailable:
        return None  # the message is stored all the same, and its turn continues


def _answer(accepted: Acceptance, outcome: TurnOutcome | None) -> web.Response:
    reply = None if outcome is None else outcome.reply
    sent = Sent(
        message=None if accepted.message is None else Message.of(accepted.message),
        reply=None if reply is None else Message.of(reply),
        turn_id=accepted.turn_id,
        status=accepted.turn_status if outcome is None else outcome.status,
        notice=None,
    )
    return answer(sent, HTTPStatus.ACCEPTED if outcome is None else HTTPStatus.OK)


def wait_seconds(prefer: str, longest: float) -> float:
    """Returns how long the caller is willing to wait (RFC 7240, section 4.3), `longest` at most and by default."""
    found = re.search(r"(?:^|[,;\s])wait=([0-9]{1,6})(?=$|[,;\s])", prefer)
    return longest if found is None else min(longest, float(found[1]))


@route("POST", "/api/turns/{turn_id}/cancel", "Turns", answer=TurnCancelled, statuses=(HTTPStatus.ACCEPTED,))
async def cancel_turn(request: web.Request, turn_id: UuidPath, /) -> web.Response:
    """Cancels a turn, wherever it runs: the partial answer becomes its reply. A turn that has ended stays as it is."""
    wanted = TurnId(uuid_of(turn_id, "turn"))
    await parts_of(request).intake.cancel(wanted, acting_user(request))
    return answer(TurnCancelled(turn_id=wanted), HTTPStatus.ACCEPTED)
