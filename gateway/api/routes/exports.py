"""Exports over HTTP, streamed; and the erasure of a user."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from http import HTTPStatus
from typing import Annotated

from aiohttp import hdrs, web
from pydantic import Field

from gateway.api.models.exports import ExportedSession, ExportedUser
from gateway.api.parts import ApiParts, acting_user, parts_of, principal_of
from gateway.api.requests.expensive_reads import paced
from gateway.api.requests.limits import stream_slot
from gateway.api.requests.reading import SessionPath, User, UserPath, session_id_of
from gateway.api.responses.answers import no_content
from gateway.api.responses.documents import Documents, Format
from gateway.api.responses.streaming import send
from gateway.api.route import JSON, MARKDOWN, route
from gateway.core.content.storable import storable
from gateway.core.model import UserId
from gateway.errors import Forbidden, InvalidInput, NotFound

MEDIA: dict[Format, tuple[str, str]] = {
    "json": ("application/json", "json"),
    "markdown": ("text/markdown", "md"),
}
AT_A_TIME = 65_536
"""Bytes collected before they are sent."""
UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


@route(
    "GET",
    "/api/chat/sessions/{session_id}/export",
    "Sessions",
    answer=ExportedSession,
    media=(JSON, MARKDOWN),
    head=False,
)
async def export_session(
    request: web.Request,
    session_id: SessionPath,
    /,
    format: Annotated[Format, Field(description="JSON for programs, Markdown for reading.")] = "json",  # noqa: A002 - the parameter's name
) -> web.StreamResponse:
    """Exports a session as a file: its messages, and as JSON also its state and its snapshots."""
    parts = parts_of(request)
    session = await parts.sessions.get(session_id_of(session_id), acting_user(request))
    media, ending = MEDIA[format]
    response = _file(media, f"turngate-session-{session.session_id}.{ending}")
    return await _stream(request, response, _documents(parts).session(session, format))


@route("GET", "/api/me/export", "Identity", answer=ExportedUser, head=False)
async def export_me(request: web.Request) -> web.StreamResponse:
    """Exports everything the gateway stores about the caller as one JSON document, without secrets."""
    user_id = principal_of(request).user_id
    return await _stream(request, _file("application/json", f"turngate-{user_id}.json"), _everything(request, user_id))


@route("GET", "/api/users/{user_id}/export", "Identity", answer=ExportedUser, head=False)
async def export_user(request: web.Request, user_id: UserPath, /) -> web.StreamResponse:
    """Exports everything about any user, for operators."""
    wanted = _named(request, user_id)
    return await _stream(request, _file("application/json", f"turngate-{wanted}.json"), _everything(request, wanted))


@route("DELETE", "/api/me", "Identity", statuses=(HTTPStatus.NO_CONTENT,))
async def erase_me(
    request: web.Request,
    confirm: Annotated[User, Field(description="The caller's own `user_id`, so that nobody is erased by mistake.")],
) -> web.Response:
    """Erases everything the gateway stores about the caller, permanently; may be repeated."""
    user_id = principal_of(request).user_id
    if confirm != user_id:
        raise InvalidInput("confirm should be your own user_id, as shown by GET /api/me: erasing can't be undone.")
    await _erase(request, user_id)
    return no_content()


@route("DELETE", "/api/users/{user_id}", "Identity", statuses=(HTTPStatus.NO_CONTENT,))
async def erase_user(request: web.Request, user_id: UserPath, /) -> web.Response:
    """Erases everything about any user, for operators."""
    await _erase(request, _named(request, user_id))
    return no_content()


def _named(request: web.Request, user_id: str) -> UserId:
    """Returns the user that an operator names. Raises `Forbidden` for other callers."""
    if acting_user(request) is not None:
        raise Forbidden("Only an operator may do this for another user. For your own data, use /api/me.")
    if not 0 < len(user_id) <= 255 or not storable(user_id):
        raise NotFound("There is no such user.")
    return UserId(user_id)


async def _erase(request: web.Request, user_id: UserId) -> None:
    parts = parts_of(request)
    await parts.erasure.begin(user_id)
    parts.authenticator.forget_users({user_id})
    await parts.erasure.finish(user_id)


def _everything(request: web.Request, user_id: UserId) -> AsyncIterator[bytes]:
    return _documents(parts_of(request)).user(user_id)


def _documents(parts: ApiParts) -> Documents:
    return Documents(
        sessions=parts.sessions,
        messages=parts.messages,
        turns=parts.turn_log,
        schedules=parts.schedules,
        tokens=parts.tokens,
        kept=parts.exports,
    )


def _file(media: str, name: str) -> web.StreamResponse:
    response = web.StreamResponse()
    response.content_type = media
    response.charset = "utf-8"
    response.headers[hdrs.CONTENT_DISPOSITION] = f'attachment; filename="{safe_name(name)}"'
    return response


def safe_name(name: str) -> str:
    """Makes a file name without characters that are special in a shell or header (RFC 6266, appendix D)."""
    return UNSAFE.sub("-", name)[-120:].lstrip(".-") or "turngate"


async def _stream(
    request: web.Request, response: web.StreamResponse, pieces: AsyncIterator[bytes]
) -> web.StreamResponse:
    """Sends a document while it is produced, as one of the caller's streams."""
    with stream_slot(request):
        async with aclosing(_gathered(pieces)) as large, aclosing(paced(request, large)) as in_turn:
            return await send(request, response, in_turn)


async def _gathered(pieces: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
    gathered = bytearray()
    async for piece in pieces:
        gathered += piece
        if len(gathered) >= AT_A_TIME:
            yield bytes(gathered)
            gathered.clear()
    yield bytes(gathered)
