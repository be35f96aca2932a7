"""Messages edited, deleted and answered again, sessions forked: `…/messages/{message_id}`, `…/regenerate`, `…/fork`."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from aiohttp import web
from pydantic import Field

from gateway.api.headers import PREFER
from gateway.api.models.sessions import Message, MessageOrSent, MessageVersion, MessageVersions, Sent, Session
from gateway.api.parts import acting_user, parts_of, principal_of
from gateway.api.requests.limits import allow_message
from gateway.api.requests.reading import (
    Body,
    MessagePath,
    SessionPath,
    Text,
    Title,
    message_id_of,
    session_id_of,
)
from gateway.api.responses.answers import answer, no_content
from gateway.api.responses.streaming import answering
from gateway.api.route import EITHER, ERASED, route
from gateway.api.routes.messages import answered
from gateway.core.model import WEB, Route
from gateway.core.ports.sessions.editing import ForkPoint
from gateway.errors import Forbidden


class Edit(Body):
    """A new text for a message. `answer_again`: hides everything after a user's message and answers it again."""

    text: Text
    answer_again: bool = False


class Regeneration(Body):
    """The message to answer again: a user's, or a reply to one; absent: the last."""

    message_id: Annotated[str, Field(min_length=1, max_length=160)] | None = None


class Fork(Body):
    """The last message of the fork; absent: the last one there is."""

    from_message_id: Annotated[str, Field(min_length=1, max_length=160)] | None = None
    title: Title | None = None


@route(
    "PATCH",
    "/api/chat/sessions/{session_id}/messages/{message_id}",
    "Messages",
    answer=MessageOrSent,
    statuses=(HTTPStatus.OK, HTTPStatus.ACCEPTED),
    media=EITHER,
    request_headers=(PREFER,),
    refusals={
        HTTPStatus.CONFLICT: "An answer is being written; wait for it, or stop it first",
    },
    example={"text": "Good morning"},
)
async def edit_message(
    request: web.Request, session_id: SessionPath, message_id: MessagePath, /, edit: Edit
) -> web.StreamResponse:
    """Replaces the text of a message. With `answer_again` it responds as sending does, otherwise with the message."""
    editing, acting, by = parts_of(request).editing, acting_user(request), principal_of(request).user_id
    wanted, message = session_id_of(session_id), message_id_of(message_id)
    if not edit.answer_again:
        return answer(Message.of(await editing.edit(wanted, acting, message, edit.text, by)))
    session = await parts_of(request).sessions.get(wanted, acting)
    with answering(request):
        allow_message(request)
        again = await editing.answer_again(session, acting, message, edit.text, by)
        return await answered(request, session, again)


@route(
    "DELETE",
    "/api/chat/sessions/{session_id}/messages/{message_id}",
    "Messages",
    statuses=(HTTPStatus.NO_CONTENT,),
    refusals={
        HTTPStatus.CONFLICT: "An answer is being written; wait for it, or stop it first",
    },
)
async def delete_message(request: web.Request, session_id: SessionPath, message_id: MessagePath, /) -> web.Response:
    """Deletes a message; a tombstone keeps its place, so that numbers stay the same."""
    editing, by = parts_of(request).editing, principal_of(request).user_id
    await editing.delete(session_id_of(session_id), acting_user(request), message_id_of(message_id), by)
    return no_content()


@route("GET", "/api/chat/sessions/{session_id}/messages/{message_id}/versions", "Messages", answer=MessageVersions)
async def list_versions(request: web.Request, session_id: SessionPath, message_id: MessagePath, /) -> web.Response:
    """Lists the earlier versions of a message that was edited or deleted; for operators."""
    if principal_of(request).role != "operator":
        raise Forbidden("Only an operator may see earlier versions of messages.")
    versions = await parts_of(request).editing.versions(session_id_of(session_id), message_id_of(message_id))
    return answer(MessageVersions(versions=tuple(map(MessageVersion.of, versions))))


@route(
    "POST",
    "/api/chat/sessions/{session_id}/regenerate",
    "Messages",
    answer=Sent,
    statuses=(HTTPStatus.OK, HTTPStatus.ACCEPTED),
    media=EITHER,
    request_headers=(PREFER,),
    refusals={
        HTTPStatus.CONFLICT: "An answer is being written, or there is nothing to answer again",
    },
    example={},
)
async def regenerate(request: web.Request, session_id: SessionPath, /, wanted: Regeneration) -> web.StreamResponse:
    """Answers the last message again, or the one that is named, and hides everything after it. Responds as sending does."""
    acting = acting_user(request)
    session = await parts_of(request).sessions.get(session_id_of(session_id), acting)
    message = None if wanted.message_id is None else message_id_of(wanted.message_id)
    with answering(request):
        allow_message(request)
        by = principal_of(request).user_id
        again = await parts_of(request).editing.answer_again(session, acting, message, None, by)
        return await answered(request, session, again)


@route(
    "POST",
    "/api/chat/sessions/{session_id}/fork",
    "Sessions",
    answer=Session,
    statuses=(HTTPStatus.CREATED,),
    refusals={
        HTTPStatus.CONFLICT: ERASED,
    },
    example={"title": "Another way"},
)
async def fork_session(request: web.Request, session_id: SessionPath, /, fork: Fork) -> web.Response:
    """Creates a web session with the history up to a message, or to the end; the original session stays as it is."""
    parts, acting = parts_of(request), acting_user(request)
    # It may copy a hundred thousand messages, which costs more than sending one.
    allow_message(request)
    session = await parts.sessions.get(session_id_of(session_id), acting)
    start = None if fork.from_message_id is None else message_id_of(fork.from_message_id)
    point = ForkPoint(session.session_id, start, fork.title, WEB, Route(f"{WEB}:{session.agent_name}"))
    return answer(Session.of(await parts.editing.fork(point, acting)), HTTPStatus.CREATED)
