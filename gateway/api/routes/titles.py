"""`/api/chat/sessions/{session_id}/title`: generates a new title."""

from __future__ import annotations

from http import HTTPStatus

from aiohttp import web

from gateway.api.models.sessions import Session
from gateway.api.parts import acting_user, parts_of
from gateway.api.requests.limits import allow_message
from gateway.api.requests.reading import SessionPath, session_id_of
from gateway.api.responses.answers import answer
from gateway.api.route import route


@route(
    "POST",
    "/api/chat/sessions/{session_id}/title",
    "Sessions",
    answer=Session,
    refusals={
        HTTPStatus.CONFLICT: "The session has no message yet to make a title from",
    },
)
async def retitle_session(request: web.Request, session_id: SessionPath, /) -> web.Response:
    """Generates a new title: by the agent if possible, otherwise from the first message. A title set by the user stays."""
    # It may call an agent, which costs as much as a message.
    allow_message(request)
    session = await parts_of(request).titler.rename(session_id_of(session_id), acting_user(request))
    return answer(Session.of(session))
